import * as l10n from '@vscode/l10n';
import type { RunState } from '../protocol/manifest';

/** A share from 0 to 1, such as 86.40%. */
export function percent(share: number): string {
  return `${(100 * share).toFixed(2)}%`;
}

const COUNTS = new Intl.NumberFormat('en-US');

/** A large whole number with marks at the thousands, such as 25,557,032. */
export function count(value: number): string {
  return COUNTS.format(value);
}

/** A time span as people read it, such as 42 s, 3 min 12 s or 2 h 5 min. */
export function duration(seconds: number): string {
  const whole = Math.round(seconds);
  if (whole < 60) return l10n.t('{0} s', whole);
  if (whole < 3600) return l10n.t('{0} min {1} s', Math.floor(whole / 60), whole % 60);
  return l10n.t('{0} h {1} min', Math.floor(whole / 3600), Math.floor((whole % 3600) / 60));
}

/** How long ago something was, in its largest unit. */
export function age(milliseconds: number): string {
  const minutes = Math.max(0, Math.floor(milliseconds / 60_000));
  if (minutes < 1) return l10n.t('now');
  if (minutes < 60) return l10n.t('{0} min', minutes);
  if (minutes < 24 * 60) return l10n.t('{0} h', Math.floor(minutes / 60));
  return l10n.t('{0} d', Math.floor(minutes / (24 * 60)));
}

/** A run's state in a word. */
export function stateName(state: RunState): string {
  switch (state.status) {
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
    default: {
      const unknown: never = state;
      throw new Error(`Unknown state ${JSON.stringify(unknown)}`);
    }
  }
}
