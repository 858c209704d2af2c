import { registerArrays } from './kernels/arrays';
import { registerBatchNorm } from './kernels/batchNorm';
import { registerConvolutions } from './kernels/convolutions';
import { registerElementwise } from './kernels/elementwise';
import { registerPools } from './kernels/pools';
import { registerReductions } from './kernels/reductions';
import { registerUpdates } from './kernels/updates';

/**
 * Registers the kernels that training calls: those of TensorFlow.js under their own names, and the fused ones that
 * ../../training/ops requests from engines. A call of a missing kernel fails with its name.
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
