import type { MomentAttributes } from '../ownKernels';
import { add, type Code, divide, instantiate, multiply, squareRoot, subtract } from './assembler';
import { everyVector, registerElementwise } from './elementwise';

/**
 * Registers the wasm backend's kernels that ../../training/ops/updates.ts requests. Each makes one pass over a
 * parameter.
 */
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
      const { decay, kept, rate } = scalars;
      const seen = keep(add(gradient, multiply(weight, decay)));
      const { first, second, divisor } = momentsAfter(seen, { mean, square, ...scalars }, keep);
      const direction = divide(first, divisor);
      return [subtract(multiply(weight, kept), multiply(direction, rate)), first, second];
    }),
    direction: everyVector(DIRECTION, ({ weight, gradient, mean, square, ...scalars }, keep) => {
      const { decay, meanCorrection } = scalars;
      const { first, second, divisor } = momentsAfter(gradient, { mean, square, ...scalars }, keep);
      const seen = divide(multiply(first, meanCorrection), divisor);
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
    const { beta1, count, weightDecay, isDecoupled, learningRate } = attrs;
    return {
      compute: adam,
      scalars: {
        decay: isDecoupled ? 0 : weightDecay,
        kept: isDecoupled ? 1 - learningRate * weightDecay : 1,
        ...momentScalars(attrs),
        rate: learningRate / (1 - beta1 ** count),
      },
    };
  });
  registerElementwise('LambDirection', DIRECTION, (attrs) => ({
    compute: direction,
    scalars: {
      decay: attrs.weightDecay,
      ...momentScalars(attrs),
      meanCorrection: 1 / (1 - attrs.beta1 ** attrs.count),
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

/** The scalars of Adam's moment update. */
const MOMENT_SCALARS = ['beta1', 'rest1', 'beta2', 'rest2', 'squareCorrection', 'epsilon'] as const;
type MomentScalar = (typeof MOMENT_SCALARS)[number];

function momentScalars({ beta1, beta2, epsilon, count }: MomentAttributes): Record<MomentScalar, number> {
  const squareCorrection = 1 / (1 - beta2 ** count);
  return { beta1, rest1: 1 - beta1, beta2, rest2: 1 - beta2, squareCorrection, epsilon };
}

/** Returns the moments after a gradient, and the divisor of the first moment. */
function momentsAfter(
  gradient: Code,
  values: Record<MomentScalar | 'mean' | 'square', Code>,
  keep: (value: Code) => Code,
): { first: Code; second: Code; divisor: Code } {
  const { mean, square, beta1, rest1, beta2, rest2, squareCorrection, epsilon } = values;
  const first = keep(add(multiply(mean, beta1), multiply(gradient, rest1)));
  const second = keep(add(multiply(square, beta2), multiply(multiply(gradient, gradient), rest2)));
  return { first, second, divisor: add(squareRoot(multiply(second, squareCorrection)), epsilon) };
}

const ADAM = {
  inputs: ['weight', 'gradient', 'mean', 'square'],
  scalars: ['decay', 'kept', 'rate', ...MOMENT_SCALARS],
  outputs: 3,
  replaced: [null, 'mean', 'square'],
} as const;
const DIRECTION = {
  inputs: ['weight', 'gradient', 'mean', 'square'],
  scalars: ['decay', 'meanCorrection', ...MOMENT_SCALARS],
  outputs: 3,
  replaced: ['gradient', 'mean', 'square'],
} as const;
const DESCENT = {
  inputs: ['weight', 'direction'],
  scalars: ['rate'],
  outputs: 1,
  replaced: ['direction'],
} as const;
