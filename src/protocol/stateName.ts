import * as l10n from '@vscode/l10n';
import { assertNever } from '../shared/assertNever';
import type { RunState } from './manifest';

/** Names a run's state in a word or a few, such as 'running'. */
export function stateName(state: RunState): string {
  switch (state.status) {
    case 'queued':
      return l10n.t('queued');
    case 'running':
      return l10n.t('running');
    case 'done':
      return l10n.t('done');
    case 'stopped':
      return state.wasQueued ? l10n.t('removed from the queue') : l10n.t('stopped');
    case 'paused':
      return l10n.t('paused');
    case 'failed':
      return l10n.t('failed');
    case 'interrupted':
      return l10n.t('interrupted');
    default:
      return assertNever(state);
  }
}

/** What a person reads while a run waits for a GPU that others use. */
export function waitingForGpuText(): string {
  return l10n.t('Waiting for a free GPU');
}
