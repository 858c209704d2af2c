import { describe } from 'vitest';
import { computeAsOnGpu } from '../support/asOnGpu';
import { PRESENT_ENGINES } from '../support/presentEngines';
import { describeOps } from './conformance';

for (const engine of PRESENT_ENGINES) describeOps(engine);

describe.runIf(PRESENT_ENGINES.includes('tensorflow'))('as on a GPU,', () => {
  computeAsOnGpu();
  describeOps('tensorflow');
});
