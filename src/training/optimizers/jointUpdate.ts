import * as tf from '@tensorflow/tfjs-core';
import { type CompiledComputation, compile } from '../../backends/compiling';
import type { Moved, ParameterStep, Slots, StepTime, UpdateRule } from './rule';

/** A parameter of a joint update, with its name. */
export interface JointParameter extends ParameterStep {
  readonly name: string;
  /** Null at the first step. */
  readonly before: Slots | null;
}

/**
 * One update of many parameters as a single compiled computation. Meant for small parameters, for which the overhead
 * per op dominates the memory passes.
 */
export class JointUpdate {
  private constructor(
    private readonly rule: UpdateRule,
    private readonly compiled: CompiledComputation,
  ) {}

  /** @returns null if the engine does not compile */
  static compile(rule: UpdateRule, parameters: readonly JointParameter[]): JointUpdate | null {
    if (parameters.length === 0) return null;
    const { quantities, before, tensors, made } = inputsOf(rule, parameters, { learningRate: 0, count: 1 });
    const compiled = compile(tensors, () =>
      tf.tidy(() =>
        parameters.flatMap((parameter, index) => {
          const { weight, slots } = rule.move(parameter, quantities, before[index] as Slots);
          return [weight, ...rule.slots.map((slot) => slots[slot] as tf.Tensor)];
        }),
      ),
    );
    tf.dispose(made);
    return compiled && new JointUpdate(rule, compiled);
  }

  /** Updates the parameters that it was compiled for, in order. The caller owns the resulting tensors. */
  run(parameters: readonly JointParameter[], time: StepTime): Moved[] {
    const { slots } = this.rule;
    const { tensors, made } = inputsOf(this.rule, parameters, time);
    const outputs = this.compiled.run(tensors);
    tf.dispose(made);
    const stride = 1 + slots.length;
    return parameters.map((_, index) => {
      const [weight, ...after] = outputs.slice(stride * index, stride * (index + 1));
      return {
        weight: weight as tf.Tensor,
        slots: Object.fromEntries(slots.map((slot, at) => [slot, after[at] as tf.Tensor])),
      };
    });
  }

  dispose(): void {
    this.compiled.dispose();
  }
}

/** Returns the inputs that change with every step. `made` are those created for this step. */
function inputsOf(
  { slots, quantitiesAt }: UpdateRule,
  parameters: readonly JointParameter[],
  time: StepTime,
) {
  const made: tf.Tensor[] = [];
  const zeros = (weight: tf.Tensor): tf.Tensor => {
    const tensor = tf.zerosLike(weight);
    made.push(tensor);
    return tensor;
  };
  const quantities: Record<string, tf.Scalar> = {};
  for (const [name, value] of Object.entries(quantitiesAt(time))) {
    const scalar = tf.scalar(value);
    made.push(scalar);
    quantities[name] = scalar;
  }
  const before = parameters.map(
    (parameter): Slots =>
      parameter.before ?? Object.fromEntries(slots.map((slot) => [slot, zeros(parameter.weight)])),
  );
  const tensors = parameters.flatMap(({ weight, gradient }, index) => [
    weight,
    gradient,
    ...slots.map((slot) => before[index]?.[slot] as tf.Tensor),
  ]);
  return { quantities, before, tensors: [...Object.values(quantities), ...tensors], made };
}
