/** A tensor in a weights file. Its values are read on demand. */
export interface StoredTensor {
  readonly name: string;
  readonly shape: readonly number[];
  /**
   * Reads its values as float32, in the order of its shape with the last axis varying fastest.
   *
   * @throws WeightsError if the file does not contain them
   */
  read(): Float32Array;
}
