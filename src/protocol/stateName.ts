import * as l10n from '@vscode/l10n';
import { assertNever } from '../shared/assertNever';
import type { RunState } from './manifest';

/** A run's state in a word, such as 'running'. */
export function stateName({ status }: RunState): string {
  switch (status) {
    case 'queued':
      return l10n.t('queued');
    case 'running':
      return l10n.t('running');
    case 'done':
      return l10n.t('done');
    case 'stopped':
      return l10n.t('stopped');
    case 'paused':
      return l10n.t('paused');
    case 'failed':
      return l10n.t('failed');
    case 'interrupted':
      return l10n.t('interrupted');
    default:
      return assertNever(status);
  }
}
