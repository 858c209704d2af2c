/** Shared parts of the commands that run a trained model on images. */
import * as l10n from '@vscode/l10n';
import { type Command, Option } from 'commander';
import type { WeightsChoice } from '../protocol/predictor';
import { RunPredictor } from '../runs/predictor';
import type { ReadableEntry } from '../runs/store';
import { UserError } from '../shared/userError';
import { brokenRunFailure, findRun } from './input';
import { PREDICTOR_PATH } from './package';

const CHECKPOINT_NAMES = ['best', 'last'] as const;

/** Which of a run's weights to use, and on which engine. */
export interface WeightsOptions {
  readonly checkpoint: (typeof CHECKPOINT_NAMES)[number];
  readonly average?: boolean;
  readonly engine?: string;
}

/** Adds `--checkpoint`, `--average` and `--engine`, which `startPredictor` reads. */
export function withWeights(command: Command): Command {
  return command
    .addOption(
      new Option('--checkpoint <name>', l10n.t('choose the checkpoint'))
        .choices(CHECKPOINT_NAMES)
        .default('best'),
    )
    .option('--average', l10n.t('use the EMA weights after the last epoch, of a run with the trick ema'))
    .option('--engine <name>', l10n.t('override the engine of the run'));
}

/**
 * Finds a run whose manifest can be read.
 *
 * @throws UserError
 */
export async function readableRun(root: string, reference: string): Promise<ReadableEntry> {
  const run = await findRun(root, reference);
  if (run.kind === 'broken') throw new UserError(brokenRunFailure(run));
  return run;
}

/** Loads a run's weights in a separate process. `predictor.close` ends the process. */
export function startPredictor(
  { folder }: ReadableEntry,
  { checkpoint, average = false, engine }: WeightsOptions,
): ReturnType<typeof RunPredictor.start> {
  const weights: WeightsChoice = average ? 'averaged' : checkpoint;
  return RunPredictor.start(
    folder,
    { weights, engine },
    { nodePath: process.execPath, predictorPath: PREDICTOR_PATH },
  );
}
