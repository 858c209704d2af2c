import { describeOps } from './conformance';
import { PRESENT_ENGINES } from './presentEngines';

for (const engine of PRESENT_ENGINES) describeOps(engine);
