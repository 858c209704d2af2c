import type { Manifest } from '../protocol/manifest';
import { stateName } from '../protocol/stateName';
import type { ReadableEntry, RunEntry } from '../runs/store';

/** Stands in a table where a fact is not known. */
export const NONE = '-';

/** A run's state in a word, such as 'running'; 'running?' where it cannot be told whether its trainer lives. */
export function shownState({ manifest, isUncertain }: ReadableEntry): string {
  const name = stateName(manifest.state);
  return isUncertain ? `${name}?` : name;
}

/** A run as JSON tells it. */
export function plainRun(run: RunEntry): object {
  return run.kind === 'run'
    ? { ...run.manifest, ...(run.isUncertain && { isUncertain: true }), folder: run.folder }
    : { id: run.id, folder: run.folder, broken: run.reason };
}

/** The validation accuracy last known of a run, from 0 to 1. */
export function accuracyOf({ state }: Manifest): number | null {
  if (state.status === 'done') return state.result.validationAccuracy;
  return state.status === 'running' ? state.validationAccuracy : null;
}
