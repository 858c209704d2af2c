import * as l10n from '@vscode/l10n';
import { UserError } from '../../shared/userError';
import type { Scheduling } from '../record';

/**
 * Returns how the runs of a command train. What a step takes is not tried out: a command cannot be stopped after a few
 * steps without loss, and several at once may not fit on a GPU. So `auto` is one run at a time.
 *
 * @param secondsPerRun of an earlier run of the experiment, null if there is none
 */
export function commandScheduling(atOnce: 'auto' | number, secondsPerRun: number | null): Scheduling {
  return {
    engine: null,
    ...{ description: l10n.t('the device that the command chooses'), threads: null, execution: null },
    ...{ atOnce: atOnce === 'auto' ? 1 : atOnce, measured: [], secondsPerRun },
  };
}

/** The error of a budget in hours if no run of the experiment has ended yet. */
export function unknownTimeError(): UserError {
  return new UserError({
    what: l10n.t('How long a run takes is unknown until the first run is done.'),
    remedy: l10n.t('Run the experiment once, or set the budget in runs: {0}', 'budget: { runs: 16 }'),
  });
}
