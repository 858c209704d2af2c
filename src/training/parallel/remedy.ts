import * as l10n from '@vscode/l10n';
import { THREADS } from '../../protocol/trainer';

/** What to do about a thread that failed. */
export function resumeRemedy(): string {
  return l10n.t(
    'Resume the run, which goes on from its last checkpoint. Should it happen again, start it anew with {0}.',
    `${THREADS}=1`,
  );
}
