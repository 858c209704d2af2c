import { describe } from 'vitest';
import { computeAsOnGpu } from './asOnGpu';
import { describeOps } from './conformance';
import { PRESENT_ENGINES } from './presentEngines';

for (const engine of PRESENT_ENGINES) describeOps(engine);

describe.runIf(PRESENT_ENGINES.includes('tensorflow'))('as on a GPU,', () => {
  computeAsOnGpu();
  describeOps('tensorflow');
});
