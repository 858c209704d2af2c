/** A tensor in a weights file, whose values are read when they are asked for. */
export interface StoredTensor {
  readonly name: string;
  readonly shape: readonly number[];
  /**
   * Its values in the order of its shape, the last axis running fastest, as float32.
   *
   * @throws WeightsError where the file does not hold them
   */
  read(): Float32Array;
}
