import { add, divide, instantiate, multiply, squareRoot, subtract } from './assembler';
import { everyVector, registerElementwise } from './elementwise';

/** The kernels of the wasm backend that ../../ops/updates.ts asks for: each one pass over a parameter. */
export function registerUpdates(memory: WebAssembly.Memory): void {
  const { momentum, nesterov, adam, direction, descend } = instantiate(memory, {
    momentum: everyVector(MOMENTUM, ({ weight, gradient, velocity, decay, scale, share, rate }, keep) => {
      const decayed = add(multiply(gradient, scale), multiply(weight, decay));
      const moved = keep(add(multiply(velocity, share), decayed));
      return [subtract(weight, multiply(moved, rate)), moved];
    }),
    nesterov: everyVector(MOMENTUM, ({ weight, gradient, velocity, decay, scale, share, rate }, keep) => {
      const decayed = keep(add(multiply(gradient, scale), multiply(weight, decay)));
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
    direction: everyVector(DIRECTION, ({ weight, gradient, mean, square, ...scalars }, keep) => {
      const { decay, beta1, rest1, beta2, rest2, correction1, correction2, epsilon } = scalars;
      const first = keep(add(multiply(mean, beta1), multiply(gradient, rest1)));
      const second = keep(add(multiply(square, beta2), multiply(multiply(gradient, gradient), rest2)));
      const root = squareRoot(multiply(second, correction2));
      const seen = divide(multiply(first, correction1), add(root, epsilon));
      return [add(seen, multiply(weight, decay)), first, second];
    }),
    descend: everyVector(DESCENT, ({ weight, direction, rate }) => [
      subtract(weight, multiply(direction, rate)),
    ]),
  });
  registerElementwise('MomentumUpdate', MOMENTUM, (attrs, scalarOf) => {
    const scale = scalarOf('scale') ?? 1;
    return {
      compute: attrs.nesterov ? nesterov : momentum,
      scalars: { decay: attrs.weightDecay * scale, scale, share: attrs.momentum, rate: attrs.learningRate },
    };
  });
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
  registerElementwise('LambDirection', DIRECTION, ({ beta1, beta2, epsilon, count, weightDecay }) => ({
    compute: direction,
    scalars: {
      decay: weightDecay,
      ...{ beta1, rest1: 1 - beta1, beta2, rest2: 1 - beta2, epsilon },
      correction1: 1 / (1 - beta1 ** count),
      correction2: 1 / (1 - beta2 ** count),
    },
  }));
  registerElementwise('Descend', DESCENT, (_attrs, scalarOf) => ({
    compute: descend,
    scalars: { rate: scalarOf('rate') as number },
  }));
}

const MOMENTUM = {
  inputs: ['weight', 'gradient', 'velocity'],
  scalars: ['decay', 'scale', 'share', 'rate'],
  outputs: 2,
  replaced: [null, 'velocity'],
} as const;
const ADAM = {
  inputs: ['weight', 'gradient', 'mean', 'square'],
  scalars: ['decay', 'kept', 'beta1', 'rest1', 'beta2', 'rest2', 'correction', 'epsilon', 'rate'],
  outputs: 3,
  replaced: [null, 'mean', 'square'],
} as const;
const DIRECTION = {
  inputs: ['weight', 'gradient', 'mean', 'square'],
  scalars: ['decay', 'beta1', 'rest1', 'beta2', 'rest2', 'correction1', 'correction2', 'epsilon'],
  outputs: 3,
  replaced: ['gradient', 'mean', 'square'],
} as const;
const DESCENT = {
  inputs: ['weight', 'direction'],
  scalars: ['rate'],
  outputs: 1,
  replaced: ['direction'],
} as const;
