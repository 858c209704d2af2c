import type { Failure } from '../../shared/failure';

/** An engine that could not be installed, and what a person can do about it. */
export class EngineInstallError extends Error implements Failure {
  override readonly name = 'EngineInstallError';

  constructor(
    readonly what: string,
    readonly remedy: string,
    options?: ErrorOptions,
  ) {
    super(`${what} ${remedy}`, options);
  }
}
