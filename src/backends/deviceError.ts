import * as l10n from '@vscode/l10n';
import { UserError } from '../shared/userError';

/**
 * The error of a device that went away in the middle of a run, with all that lay on it.
 *
 * @param reason In the driver's words.
 */
export function deviceLost(reason: string): UserError {
  return new UserError({
    what: l10n.t('The GPU was lost: {0}.', reason.trim().replace(/\.$/, '')),
    remedy: l10n.t(
      "Resume the run, which goes on from its last checkpoint. Where it happens again, update the GPU's driver or choose another engine.",
    ),
  });
}

/** A device had no memory for a tensor. */
export class DeviceMemoryError extends Error {
  override readonly name = 'DeviceMemoryError';

  /**
   * @param heldBytes What the engine had of it before.
   * @param wantedBytes What the tensor takes.
   * @param limitBytes What the device allows any one tensor.
   */
  constructor(
    readonly heldBytes: number,
    readonly wantedBytes: number,
    readonly limitBytes: number,
  ) {
    super(l10n.t('The GPU has no memory for {0} more bytes.', wantedBytes));
  }
}
