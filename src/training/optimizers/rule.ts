import type * as tf from '@tensorflow/tfjs-core';

/** One parameter at one step. */
export interface ParameterStep {
  readonly weight: tf.Tensor;
  readonly gradient: tf.Tensor;
  readonly weightDecay: number;
  /** Whether it is the weight of a convolution or a fully connected layer: biases and norms have no trust ratio. */
  readonly isKernel: boolean;
  readonly learningRate: number;
  /** Steps taken, this one included: 1, 2, ... */
  readonly count: number;
}

/** What a rule carries from step to step for one parameter, each tensor in the parameter's shape. */
export type Slots<Slot extends string = string> = Readonly<Record<Slot, tf.Tensor>>;

/** A parameter at one step as tensors alone, the rate among them. */
export type TensorStep = Omit<ParameterStep, 'learningRate' | 'count'> & { readonly learningRate: tf.Scalar };

/** A parameter's new weight, and what its rule carries on. */
export interface Moved<Slot extends string = string> {
  readonly weight: tf.Tensor;
  readonly slots: Slots<Slot>;
}

/** How an optimizer moves a parameter: pure functions of tensors, to be called within `tf.tidy`. */
export interface UpdateRule<Slot extends string = string> {
  readonly slots: readonly Slot[];
  /** The new weight and slots. `before` is null at the first step. */
  update(step: ParameterStep, before: Slots<Slot> | null): Moved<Slot>;
  /**
   * As `update`, for an engine to compile: slots begin at 0. Absent where a step goes by more than tensors, such as how
   * many there were.
   */
  readonly updateTensors?: (step: TensorStep, before: Slots<Slot>) => Moved<Slot>;
}
