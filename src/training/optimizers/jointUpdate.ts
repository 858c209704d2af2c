import * as tf from '@tensorflow/tfjs-core';
import { type CompiledComputation, compile } from '../engines/compiling';
import type { Moved, Slots, UpdateRule } from './rule';

/** A parameter of a joint update, by its name. */
export interface JointParameter {
  readonly name: string;
  readonly weight: tf.Tensor;
  readonly gradient: tf.Tensor;
  readonly weightDecay: number;
  readonly isKernel: boolean;
  /** Null at the first step. */
  readonly before: Slots | null;
}

/**
 * One update of many parameters as one computation of the engine's. It is for small ones, for which the time that each
 * op takes on its own counts, and not that of its passes over memory.
 */
export class JointUpdate {
  private constructor(
    private readonly slots: readonly string[],
    private readonly compiled: CompiledComputation,
  ) {}

  /** @returns null where the engine does not compile, or the rule is not made for it */
  static compile(rule: UpdateRule, parameters: readonly JointParameter[]): JointUpdate | null {
    const { slots, updateTensors } = rule;
    if (!updateTensors || parameters.length === 0) return null;
    const rate = tf.scalar(0);
    const inputs = inputsOf(slots, parameters, rate);
    const compiled = compile(inputs.tensors, () =>
      tf.tidy(() =>
        parameters.flatMap((parameter, index) => {
          const { weight, slots: after } = updateTensors(
            { ...parameter, learningRate: rate },
            inputs.before[index] as Slots,
          );
          return [weight, ...slots.map((slot) => after[slot] as tf.Tensor)];
        }),
      ),
    );
    tf.dispose([rate, ...inputs.made]);
    return compiled && new JointUpdate(slots, compiled);
  }

  /** What becomes of the parameters that it was compiled for, in their order. The tensors are the caller's. */
  run(parameters: readonly JointParameter[], learningRate: number): Moved[] {
    const rate = tf.scalar(learningRate);
    const { tensors, made } = inputsOf(this.slots, parameters, rate);
    const outputs = this.compiled.run(tensors);
    tf.dispose([rate, ...made]);
    const stride = 1 + this.slots.length;
    return parameters.map((_, index) => {
      const [weight, ...after] = outputs.slice(stride * index, stride * (index + 1));
      const slots = Object.fromEntries(this.slots.map((slot, at) => [slot, after[at] as tf.Tensor]));
      return { weight: weight as tf.Tensor, slots };
    });
  }

  dispose(): void {
    this.compiled.dispose();
  }
}

/** All that is another one at another step; `made` is what a first step has in the place of slots. */
function inputsOf(slots: readonly string[], parameters: readonly JointParameter[], rate: tf.Scalar) {
  const made: tf.Tensor[] = [];
  const zeros = (weight: tf.Tensor): tf.Tensor => {
    const tensor = tf.zerosLike(weight);
    made.push(tensor);
    return tensor;
  };
  const before = parameters.map(
    (parameter): Slots =>
      parameter.before ?? Object.fromEntries(slots.map((slot) => [slot, zeros(parameter.weight)])),
  );
  const tensors = parameters.flatMap(({ weight, gradient }, index) => [
    weight,
    gradient,
    ...slots.map((slot) => before[index]?.[slot] as tf.Tensor),
  ]);
  return { tensors: [rate, ...tensors], before, made };
}
