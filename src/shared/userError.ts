import type { Failure } from './failure';

/** An error to show to the user unchanged. Its failure says what went wrong and how to fix it. */
export class UserError extends Error {
  override readonly name = 'UserError';

  constructor(
    readonly failure: Failure,
    options?: ErrorOptions,
  ) {
    super(`${failure.what} ${failure.remedy}`, options);
  }
}
