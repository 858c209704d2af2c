import { registerArrays } from './kernels/arrays';
import { registerBatchNorm } from './kernels/batchNorm';
import { registerConvolutions } from './kernels/convolutions';
import { registerElementwise } from './kernels/elementwise';
import { registerPools } from './kernels/pools';
import { registerReductions } from './kernels/reductions';
import { registerUpdates } from './kernels/updates';

/**
 * Registers what a training calls: the kernels of TensorFlow.js by their own names, and the fused ones that
 * ../../training/ops asks engines for. One that is missing fails by its name when it is called.
 */
export function registerKernels(): void {
  registerElementwise();
  registerReductions();
  registerArrays();
  registerConvolutions();
  registerPools();
  registerBatchNorm();
  registerUpdates();
}
