import { add, and, greater, instantiate, maximum, zero } from './assembler';
import { everyVector, registerElementwise } from './elementwise';

const GRADIENT = { inputs: ['dy', 'y'], scalars: [], outputs: 1 } as const;
const SUM = { inputs: ['left', 'right'], scalars: [], outputs: 1 } as const;

/**
 * Registers single-pass kernels of the wasm backend: `ReluGradient` of dy and the output y, called by
 * ../../training/ops/relu.ts, and `AddRelu`, the ReLU of a sum, called by ../../training/ops/add.ts.
 */
export function registerRelu(memory: WebAssembly.Memory): void {
  const { gradient, sum } = instantiate(memory, {
    gradient: everyVector(GRADIENT, ({ dy, y }) => [and(dy, greater(y, zero))]),
    sum: everyVector(SUM, ({ left, right }) => [maximum(add(left, right), zero)]),
  });
  registerElementwise('ReluGradient', GRADIENT, () => ({ compute: gradient, scalars: {} }));
  registerElementwise('AddRelu', SUM, () => ({ compute: sum, scalars: {} }));
}
