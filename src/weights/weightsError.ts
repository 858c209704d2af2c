/** The error for bytes that are not a readable weights file. The message says why. */
export class WeightsError extends Error {
  override readonly name = 'WeightsError';
}
