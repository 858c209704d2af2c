import { type TensorInfo, util } from '@tensorflow/tfjs-core';
import type { Input, TensorflowBackend } from '../backend';
import { NATIVE_TYPE } from '../binding';
import { type Call, given, register } from './register';

/**
 * Registers the kernels that ../../../training/ops/updates.ts requests, using TensorFlow's variable updates: in place,
 * in few passes over a parameter and its optimizer state, without a copy of either.
 */
export function registerUpdates(): void {
  register('MomentumUpdate', (call) => {
    const { backend, attrs, inputs } = call;
    const { momentum, nesterov, weightDecay, learningRate } = attrs;
    const weight = backend.changeable(given(call, 'weight'));
    const velocity = backend.changeable(given(call, 'velocity'));
    const gradient = inputs.scale
      ? scaledAndDecayed(call, weightDecay, inputs.scale)
      : decayed(call, weightDecay);
    backend.change(
      'ResourceApplyMomentum',
      { ...UPDATE, use_nesterov: nesterov },
      [weight, velocity],
      [factor(learningRate), gradient, factor(momentum)],
    );
    backend.release(gradient);
    return [weight, velocity];
  });
  register('AdamUpdate', (call) => {
    const { backend, attrs } = call;
    const { weightDecay, isDecoupled, learningRate } = attrs;
    const [weight, mean, square] = ['weight', 'mean', 'square'].map((name) =>
      backend.changeable(given(call, name)),
    ) as [TensorInfo, TensorInfo, TensorInfo];
    const gradient = decayed(call, isDecoupled ? 0 : weightDecay);
    if (isDecoupled) addScaled(backend, weight, weight, -learningRate * weightDecay);
    applyAdam(backend, [weight, mean, square], gradient, learningRate, attrs);
    backend.release(gradient);
    return [weight, mean, square];
  });
  register('LambDirection', (call) => {
    const { backend, attrs } = call;
    const weight = given(call, 'weight');
    const mean = backend.changeable(given(call, 'mean'));
    const square = backend.changeable(given(call, 'square'));
    // Adam's direction equals the step of a zero weight at learning rate -1.
    const direction = backend.run('ZerosLike', { T: UPDATE.T }, [weight]);
    applyAdam(backend, [direction, mean, square], given(call, 'gradient'), -1, attrs);
    addScaled(backend, direction, weight, attrs.weightDecay);
    return [direction, mean, square];
  });
  register('Descend', (call) => {
    const { backend } = call;
    const weight = backend.changeable(given(call, 'weight'));
    subtractScaled(backend, weight, given(call, 'direction'), given(call, 'rate'));
    return weight;
  });
}

interface AdamFactors {
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  readonly count: number;
}

/** Applies Adam to a variable and its moments. */
function applyAdam(
  backend: TensorflowBackend,
  variables: readonly [TensorInfo, TensorInfo, TensorInfo],
  gradient: TensorInfo,
  learningRate: number,
  { beta1, beta2, epsilon, count }: AdamFactors,
): void {
  backend.change('ResourceApplyAdam', { ...UPDATE, use_nesterov: false }, variables, [
    factor(beta1 ** count),
    factor(beta2 ** count),
    factor(learningRate),
    factor(beta1),
    factor(beta2),
    // The op adds epsilon to the root of the square before bias correction.
    factor(epsilon * Math.sqrt(1 - beta2 ** count)),
    gradient,
  ]);
}

const UPDATE = { T: { type: NATIVE_TYPE.float32 }, use_locking: false } as const;

function factor(value: number): Input {
  return { floats: [value], shape: [] };
}

/** From this many values on, a pass over memory takes longer than the ops that create a variable. */
const MANY = 2 ** 16;

/** Returns the gradient plus the weight decay; in place if that is faster. */
function decayed(call: Call, weightDecay: number): TensorInfo {
  const { backend } = call;
  const [weight, gradient] = [given(call, 'weight'), given(call, 'gradient')];
  if (weightDecay === 0) return backend.share(gradient);
  if (util.sizeFromShape(weight.shape) < MANY) {
    const decay = scaled(backend, weight, weightDecay);
    const sum = backend.run('AddV2', { T: UPDATE.T }, [gradient, decay]);
    backend.release(decay);
    return sum;
  }
  const changed = backend.changeable(gradient);
  addScaled(backend, changed, weight, weightDecay);
  return changed;
}

/** Returns the gradient plus the weight decay, multiplied by `scale`. */
function scaledAndDecayed(call: Call, weightDecay: number, scale: TensorInfo): TensorInfo {
  const { backend } = call;
  const changed = backend.run('Mul', { T: UPDATE.T }, [given(call, 'gradient'), scale]);
  if (weightDecay === 0) return changed;
  const rate = scaled(backend, scale, -weightDecay);
  subtractScaled(backend, changed, given(call, 'weight'), rate);
  backend.release(rate);
  return changed;
}

function scaled(backend: TensorflowBackend, x: TensorInfo, scale: number): TensorInfo {
  return backend.run('Mul', { T: UPDATE.T }, [x, factor(scale)]);
}

/** Adds `scale` x to y in place. x and y may be the same tensor. */
function addScaled(backend: TensorflowBackend, y: TensorInfo, x: TensorInfo, scale: number): void {
  if (scale === 0) return;
  const added = x === y ? scaled(backend, x, 1) : backend.share(x);
  subtractScaled(backend, y, added, factor(-scale));
  backend.release(added);
}

/** Subtracts `scale` x from y in place. x must be another tensor. */
function subtractScaled(backend: TensorflowBackend, y: TensorInfo, x: TensorInfo, scale: Input): void {
  backend.change('ResourceApplyGradientDescent', UPDATE, [y], [scale, x]);
}
