import * as l10n from '@vscode/l10n';
import type { WeightsChoice } from '../protocol/predictor';
import { assertNever } from '../shared/assertNever';
import { UserError } from '../shared/userError';
import { failureOf, isSystemError } from '../system/errors';
import {
  AVERAGE_PREFIX,
  bestCheckpointPath,
  type Checkpoint,
  checkpointsFolder,
  lastCheckpointPath,
  OPTIMIZER_PREFIX,
  previousCheckpointPath,
  readCheckpoint,
} from './checkpoint';
import { readCurrent } from './lease/attemptFolders';

/** The saved weights of a run. */
export interface RunWeights {
  /** Parameters and buffers, by name. */
  readonly values: ReadonlyMap<string, Float32Array>;
  /** Number of completed epochs behind them, or null if the checkpoint does not say. */
  readonly epochs: number | null;
}

/**
 * Reads a run's weights. If the last checkpoint is damaged, reads the previous one.
 *
 * @throws UserError if there are none or they are damaged
 */
export async function readRunWeights(runFolder: string, choice: WeightsChoice): Promise<RunWeights> {
  const { metadata, tensors } = await readCurrent(checkpointsFolder(runFolder), () =>
    readFirst(pathsOf(runFolder, choice), choice),
  );
  const own = tensors.filter(({ name }) => !name.startsWith(OPTIMIZER_PREFIX));
  const values = new Map(
    choice === 'averaged'
      ? own
          .filter(({ name }) => name.startsWith(AVERAGE_PREFIX))
          .map(({ name, values }) => [name.slice(AVERAGE_PREFIX.length), values])
      : own.filter(({ name }) => !name.startsWith(AVERAGE_PREFIX)).map(({ name, values }) => [name, values]),
  );
  if (values.size === 0) {
    throw new UserError({
      what: l10n.t('The run has no EMA weights: it was trained without the trick ema.'),
      remedy: l10n.t('Omit {0}.', '--average'),
    });
  }
  const epochs = Number(metadata.epoch ?? Number.NaN);
  return { values, epochs: Number.isInteger(epochs) ? epochs : null };
}

function pathsOf(runFolder: string, choice: WeightsChoice): readonly string[] {
  switch (choice) {
    case 'best':
      return [bestCheckpointPath(runFolder)];
    case 'last':
    case 'averaged':
      return [lastCheckpointPath(runFolder), previousCheckpointPath(runFolder)];
    default:
      return assertNever(choice);
  }
}

async function readFirst(paths: readonly string[], choice: WeightsChoice): Promise<Checkpoint> {
  const damage: string[] = [];
  for (const path of paths) {
    try {
      return await readCheckpoint(path);
    } catch (error) {
      if (isSystemError(error, 'ENOENT', 'ENOTDIR')) continue;
      damage.push(l10n.t('The checkpoint {0} cannot be read: {1}', path, failureOf(error).what));
    }
  }
  const other = choice === 'best' ? 'last' : 'best';
  throw new UserError(
    damage.length > 0
      ? { what: damage.join(' '), remedy: l10n.t('Try {0}, or train again.', `--checkpoint ${other}`) }
      : {
          what: l10n.t('The run has no checkpoint yet.'),
          remedy: l10n.t('The first checkpoint is saved at the end of the first epoch.'),
        },
  );
}
