/** Bytes that are no weights file that can be read; the message says why. */
export class WeightsError extends Error {
  override readonly name = 'WeightsError';
}
