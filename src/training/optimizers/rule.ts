import type * as tf from '@tensorflow/tfjs-core';

/** One parameter and its gradient at one step. */
export interface ParameterStep {
  readonly weight: tf.Tensor;
  readonly gradient: tf.Tensor;
  readonly weightDecay: number;
  /** Whether it is the weight of a convolution or a fully connected layer: biases and norms have no trust ratio. */
  readonly isKernel: boolean;
}

/** When a step is, the same for all parameters. */
export interface StepTime {
  readonly learningRate: number;
  /** Steps taken, this one included: 1, 2, ... */
  readonly count: number;
}

/** What a rule carries from step to step for one parameter, each tensor in the parameter's shape. */
export type Slots<Slot extends string = string> = Readonly<Record<Slot, tf.Tensor>>;

/** What a rule goes by that is another at another step: numbers, or where an engine compiles the rule, inputs. */
export type Quantities<Quantity extends string = string> = Readonly<Record<Quantity, number | tf.Scalar>>;

/** A parameter's new weight, and what its rule carries on. */
export interface Moved<Slot extends string = string> {
  readonly weight: tf.Tensor;
  readonly slots: Slots<Slot>;
}

/** How an optimizer moves a parameter: pure functions of tensors, to be called within `tf.tidy`. */
export interface UpdateRule<Slot extends string = string, Quantity extends string = string> {
  readonly slots: readonly Slot[];
  /** What `move` goes by at a step. */
  quantitiesAt(time: StepTime): Readonly<Record<Quantity, number>>;
  /** The new weight and slots. `before` is null at the first step, as if it were 0 everywhere. */
  move(step: ParameterStep, quantities: Quantities<Quantity>, before: Slots<Slot> | null): Moved<Slot>;
  /** As `move`, by the engine's own kernel; null where it has none. What is given is not to be read again. */
  moveFused?(step: ParameterStep & StepTime, before: Slots<Slot> | null): Moved<Slot> | null;
}
