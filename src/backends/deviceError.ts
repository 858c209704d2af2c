import * as l10n from '@vscode/l10n';
import { UserError } from '../shared/userError';

/**
 * Returns the error for a device that was lost during a run, together with all data on it.
 *
 * @param reason In the driver's words.
 */
export function deviceLost(reason: string): UserError {
  return new UserError({
    what: l10n.t('The GPU was lost: {0}.', reason.trim().replace(/\.$/, '')),
    remedy: l10n.t(
      'Resume the run from its last checkpoint. If this happens again, update the GPU driver or choose another engine.',
    ),
  });
}

/** A device had no memory left for a tensor. */
export class DeviceMemoryError extends Error {
  override readonly name = 'DeviceMemoryError';

  /**
   * @param heldBytes Device memory that the engine already held.
   * @param wantedBytes Size of the requested tensor.
   * @param limitBytes The device's limit for a single tensor.
   */
  constructor(
    readonly heldBytes: number,
    readonly wantedBytes: number,
    readonly limitBytes: number,
  ) {
    super(l10n.t('The GPU ran out of memory: {0} more bytes do not fit.', wantedBytes));
  }
}
