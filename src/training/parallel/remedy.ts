import * as l10n from '@vscode/l10n';

/** The environment's variable that says on how many threads a run trains. */
export const THREADS = 'BAG_OF_TRICKS_THREADS';

/** What to do about a thread that failed. */
export function resumeRemedy(): string {
  return l10n.t(
    'Resume the run, which goes on from its last checkpoint. Should it happen again, start it anew with {0}.',
    `${THREADS}=1`,
  );
}
