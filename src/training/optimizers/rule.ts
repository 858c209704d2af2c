import type * as tf from '@tensorflow/tfjs-core';

/** One parameter and its gradient at one step. */
export interface ParameterStep {
  readonly weight: tf.Tensor;
  readonly gradient: tf.Tensor;
  readonly weightDecay: number;
  /** Whether it is the weight of a convolution or a fully connected layer. Biases and norms have no trust ratio. */
  readonly isKernel: boolean;
}

/** The time of a step, the same for all parameters. */
export interface StepTime {
  readonly learningRate: number;
  /** Steps taken, including this one: 1, 2, ... */
  readonly count: number;
}

/** A rule's optimizer state for one parameter. Each tensor has the parameter's shape. */
export type Slots<Slot extends string = string> = Readonly<Record<Slot, tf.Tensor>>;

/** The values of a rule that change with every step: numbers, or inputs if an engine compiles the rule. */
export type Quantities<Quantity extends string = string> = Readonly<Record<Quantity, number | tf.Scalar>>;

/** A parameter's new weight and optimizer state. */
export interface Moved<Slot extends string = string> {
  readonly weight: tf.Tensor;
  readonly slots: Slots<Slot>;
}

/** How an optimizer updates a parameter: pure functions of tensors, to be called within `tf.tidy`. */
export interface UpdateRule<Slot extends string = string, Quantity extends string = string> {
  readonly slots: readonly Slot[];
  /** Returns the quantities that `move` uses at a step. */
  quantitiesAt(time: StepTime): Readonly<Record<Quantity, number>>;
  /** Returns the new weight and slots. `before` is null at the first step, which means 0 everywhere. */
  move(step: ParameterStep, quantities: Quantities<Quantity>, before: Slots<Slot> | null): Moved<Slot>;
  /**
   * Like `move`, with the engine's own kernel. Returns null if it has none. The caller must not read the inputs again.
   */
  moveFused?(step: ParameterStep & StepTime, before: Slots<Slot> | null): Moved<Slot> | null;
}
