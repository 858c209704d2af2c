import type { Failure } from './failure';

/** An error that reaches a person as it is: its failure says what went wrong and what to do about it. */
export class UserError extends Error {
  override readonly name = 'UserError';

  constructor(
    readonly failure: Failure,
    options?: ErrorOptions,
  ) {
    super(`${failure.what} ${failure.remedy}`, options);
  }
}
