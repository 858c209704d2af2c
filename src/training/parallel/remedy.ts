import * as l10n from '@vscode/l10n';
import { THREADS } from '../../protocol/trainer';

/** Returns the advice for a failed thread. */
export function resumeRemedy(): string {
  return l10n.t(
    'Resume the run from its last checkpoint. If this happens again, start the run over with {0}.',
    `${THREADS}=1`,
  );
}
