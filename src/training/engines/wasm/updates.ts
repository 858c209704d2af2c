import { add, divide, instantiate, multiply, squareRoot, subtract } from './assembler';
import { everyVector, registerElementwise } from './elementwise';

/** The kernels of the wasm backend that ../../ops/updates.ts asks for: each one pass over a parameter. */
export function registerUpdates(memory: WebAssembly.Memory): void {
  const { momentum, nesterov, adam } = instantiate(memory, {
    momentum: everyVector(MOMENTUM, ({ weight, gradient, velocity, decay, share, rate }, keep) => {
      const moved = keep(add(multiply(velocity, share), add(gradient, multiply(weight, decay))));
      return [subtract(weight, multiply(moved, rate)), moved];
    }),
    nesterov: everyVector(MOMENTUM, ({ weight, gradient, velocity, decay, share, rate }, keep) => {
      const decayed = keep(add(gradient, multiply(weight, decay)));
      const moved = keep(add(multiply(velocity, share), decayed));
      return [subtract(weight, multiply(add(decayed, multiply(moved, share)), rate)), moved];
    }),
    adam: everyVector(ADAM, ({ weight, gradient, mean, square, ...scalars }, keep) => {
      const { decay, kept, beta1, rest1, beta2, rest2, correction, epsilon, rate } = scalars;
      const seen = keep(add(gradient, multiply(weight, decay)));
      const first = keep(add(multiply(mean, beta1), multiply(seen, rest1)));
      const second = keep(add(multiply(square, beta2), multiply(multiply(seen, seen), rest2)));
      const root = squareRoot(multiply(second, correction));
      const direction = divide(first, add(root, epsilon));
      return [subtract(multiply(weight, kept), multiply(direction, rate)), first, second];
    }),
  });
  registerElementwise('MomentumUpdate', MOMENTUM, (attrs) => ({
    compute: attrs.nesterov ? nesterov : momentum,
    scalars: { decay: attrs.weightDecay, share: attrs.momentum, rate: attrs.learningRate },
  }));
  registerElementwise('AdamUpdate', ADAM, (attrs) => {
    const { beta1, beta2, epsilon, count, weightDecay, isDecoupled, learningRate } = attrs;
    return {
      compute: adam,
      scalars: {
        decay: isDecoupled ? 0 : weightDecay,
        kept: isDecoupled ? 1 - learningRate * weightDecay : 1,
        ...{ beta1, rest1: 1 - beta1, beta2, rest2: 1 - beta2, epsilon },
        correction: 1 / (1 - beta2 ** count),
        rate: learningRate / (1 - beta1 ** count),
      },
    };
  });
}

const MOMENTUM = {
  inputs: ['weight', 'gradient', 'velocity'],
  scalars: ['decay', 'share', 'rate'],
  outputs: 2,
  replaced: [null, 'velocity'],
} as const;
const ADAM = {
  inputs: ['weight', 'gradient', 'mean', 'square'],
  scalars: ['decay', 'kept', 'beta1', 'rest1', 'beta2', 'rest2', 'correction', 'epsilon', 'rate'],
  outputs: 3,
  replaced: [null, 'mean', 'square'],
} as const;
