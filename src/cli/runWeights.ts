import * as l10n from '@vscode/l10n';
import type { NetworkManifest } from '../protocol/manifest';
import {
  AVERAGE_PREFIX,
  bestCheckpointPath,
  type Checkpoint,
  checkpointsFolder,
  lastCheckpointPath,
  previousCheckpointPath,
  readCheckpoint,
} from '../runs/checkpoint';
import { readCurrent } from '../runs/lease/attemptFolders';
import type { Failure } from '../shared/failure';
import { UserError } from '../shared/userError';
import { failureOf, isSystemError } from '../system/errors';
import type { Terminal } from './terminal';

export const CHECKPOINT_NAMES = ['last', 'best'] as const;
export type CheckpointName = (typeof CHECKPOINT_NAMES)[number];

/** A run with a network of ours. */
export interface ReadableRun {
  readonly id: string;
  readonly folder: string;
  readonly manifest: NetworkManifest;
}

/** Which of a run's weights to read. */
export interface WeightsChoice {
  readonly checkpoint: CheckpointName;
  /** Use the moving average of the weights instead of the weights. */
  readonly average: boolean;
}

/** A run's weights by name, in our layout, and the number of steps behind them. */
export interface RunWeights {
  readonly values: ReadonlyMap<string, Float32Array>;
  readonly steps: number;
}

/**
 * Reads a run's weights. If the last checkpoint is damaged, reads the previous one and prints a note.
 *
 * @throws UserError if there are no weights
 */
export async function readRunWeights(
  terminal: Terminal,
  run: ReadableRun,
  { checkpoint, average }: WeightsChoice,
): Promise<RunWeights> {
  if (average) {
    const failure = averageFailure(run, checkpoint);
    if (failure) throw new UserError(failure);
  }
  const { metadata, tensors } = await readCurrent(checkpointsFolder(run.folder), () =>
    readRunCheckpoint(terminal, run, checkpoint),
  );
  const named = new Map(tensors.map((tensor) => [tensor.name, tensor.values]));
  return { values: average ? averagedIn(named) : named, steps: Number(metadata.step ?? 0) };
}

/** The reason why a checkpoint has no moving average, or null if it has one. */
function averageFailure({ id, manifest }: ReadableRun, checkpoint: CheckpointName): Failure | null {
  if (manifest.recipe.averaging === null) {
    return {
      what: l10n.t('The run {0} has no EMA weights: it was trained without the trick ema.', id),
      remedy: l10n.t('Omit {0}.', '--average'),
    };
  }
  if (checkpoint === 'best') {
    return {
      what: l10n.t('The best checkpoint has no EMA weights.'),
      remedy: l10n.t('Export the EMA weights of the last checkpoint: {0}', '--average --checkpoint last'),
    };
  }
  return null;
}

function averagedIn(named: ReadonlyMap<string, Float32Array>): Map<string, Float32Array> {
  const averaged = [...named].filter(([name]) => name.startsWith(AVERAGE_PREFIX));
  return new Map(averaged.map(([name, values]) => [name.slice(AVERAGE_PREFIX.length), values]));
}

async function readRunCheckpoint(
  terminal: Terminal,
  { id, folder }: ReadableRun,
  name: CheckpointName,
): Promise<Checkpoint> {
  const paths =
    name === 'best'
      ? [bestCheckpointPath(folder)]
      : [lastCheckpointPath(folder), previousCheckpointPath(folder)];
  const damage: string[] = [];
  for (const path of paths) {
    try {
      const checkpoint = await readCheckpoint(path);
      for (const note of damage)
        terminal.note(`${note} ${l10n.t('Exporting the previous checkpoint instead.')}`);
      return checkpoint;
    } catch (error) {
      if (isSystemError(error, 'ENOENT', 'ENOTDIR')) continue;
      damage.push(l10n.t('The checkpoint {0} cannot be read: {1}', path, failureOf(error).what));
    }
  }
  const other = name === 'best' ? 'last' : 'best';
  throw new UserError(
    damage.length > 0
      ? { what: damage.join(' '), remedy: l10n.t('Try {0}, or train again.', `--checkpoint ${other}`) }
      : {
          what: l10n.t('The run {0} has no checkpoint yet.', id),
          remedy: l10n.t('The first checkpoint is saved at the end of the first epoch.'),
        },
  );
}
