import { statSync } from 'node:fs';
import { stateName } from '../protocol/stateName';
import { type AnyRecipe, recipeFacts } from '../recipe/anyRecipe';
import { progressOf } from '../runs/startingOver';
import { type ReadableEntry, type RunEntry, trainerLogPath } from '../runs/store';
import { assertNever } from '../shared/assertNever';

/** A run's state in one word, such as 'running', or 'running?' if it is unclear whether its trainer is alive. */
export function shownState({ manifest, isUncertain }: ReadableEntry): string {
  const name = stateName(manifest.state);
  return isUncertain ? `${name}?` : name;
}

/** A run in the form of the JSON output. */
export function plainRun(run: RunEntry): object {
  return run.kind === 'run'
    ? { ...run.manifest, ...(run.isUncertain && { isUncertain: true }), folder: run.folder }
    : { id: run.id, folder: run.folder, broken: run.reason };
}

/** Path of a run's trainer log, if the trainer wrote anything to it. */
export function writtenLog(folder: string): string | undefined {
  const path = trainerLogPath(folder);
  return statSync(path, { throwIfNoEntry: false })?.size ? path : undefined;
}

/** The progress of a run. */
export interface RunProgress {
  /** Completed epochs, or null if unknown. */
  readonly epochs: number | null;
  /** The latest known validation accuracy, from 0 to 1. */
  readonly accuracy: number | null;
}

/** Reads a run's progress from its manifest, or from its log if it ended early: only the log has the epochs then. */
export async function progressOfRun({ folder, manifest }: ReadableEntry): Promise<RunProgress> {
  const { state, recipe } = manifest;
  switch (state.status) {
    case 'done':
      return { epochs: state.result.epochs, accuracy: state.result.validationAccuracy };
    case 'running': {
      // Where steps are not counted in epochs, only the log has the epochs.
      const epochs = epochsDone(recipe, state.step) ?? (await progressOf(folder)).epochs;
      return { epochs, accuracy: state.validationAccuracy };
    }
    case 'queued':
    case 'stopped':
    case 'paused':
    case 'failed':
    case 'interrupted': {
      const { epochs, lastAccuracy } = await progressOf(folder);
      return { epochs, accuracy: lastAccuracy };
    }
    default:
      return assertNever(state);
  }
}

/** The runs with readable manifests. */
export function readable(runs: readonly RunEntry[]): ReadableEntry[] {
  return runs.filter((run): run is ReadableEntry => run.kind === 'run');
}

function epochsDone(recipe: AnyRecipe, step: number): number | null {
  const { stepsPerEpoch } = recipeFacts(recipe);
  return stepsPerEpoch === null ? null : Math.floor(step / stepsPerEpoch);
}
