/** Questions for the user before a run resumes. */

import * as vscode from 'vscode';
import { recipeFacts } from '../../recipe/anyRecipe';
import { readResumption } from '../../runs/checkpoint';
import { isOwnRun, takeOn } from '../../runs/origin';
import { progressOf, startOver } from '../../runs/startingOver';
import { untrainableFailure } from '../../runs/trainable';
import { counted } from '../../shared/counted';
import { formatAccuracy } from '../../shared/format';
import { isOwnStudy, takeOnStudy } from '../../studies/origin';
import { readStudy } from '../../studies/store';
import { failureOf } from '../../system/errors';
import { asks, tellFailure } from '../messages';
import type { ReadableRun } from '../runs/liveRun';

/**
 * Whether a run may resume: this release can train it, it belongs to the user or was accepted, and its checkpoints are
 * readable.
 */
export async function mayResume(run: ReadableRun): Promise<boolean> {
  try {
    const failure = await untrainableFailure(run.folder);
    if (failure) {
      tellFailure(failure);
      return false;
    }
    return (await isTakenOn(run)) && (await hasStart(run));
  } catch (error) {
    tellFailure(failureOf(error));
    return false;
  }
}

/**
 * Whether a study may run: it belongs to the user or was accepted. Asks once about a study that came with its folder.
 */
export async function mayRunStudy(folder: string): Promise<boolean> {
  const study = await readStudy(folder);
  // The code that runs the study reports what is broken.
  if (study.kind === 'broken' || (await isOwnStudy(study))) return true;
  const question = vscode.l10n.t(
    'You did not create the study {0} here. It came with the folder. Run it?',
    study.id,
  );
  const detail = vscode.l10n.t('It trains recipes of {0} in {1}.', study.record.experiment.file, folder);
  if (!(await asks('warning', question, vscode.l10n.t('Run it'), detail))) return false;
  await takeOnStudy(study);
  return true;
}

/** Whether a run belongs to this user. Asks once about a run that came with its folder. */
export async function isTakenOn(run: ReadableRun): Promise<boolean> {
  if (await isOwnRun(run)) return true;
  const train = vscode.l10n.t('Train it');
  const { file } = run.manifest.experiment;
  const question = vscode.l10n.t(
    'You did not create the run {0} here. It came with the folder. Train it?',
    run.id,
  );
  const detail = vscode.l10n.t('It trains the recipe of {0} in {1}.', file, run.folder);
  if (!(await asks('warning', question, train, detail))) return false;
  await takeOn(run);
  return true;
}

/** Whether a run has something to start from. If its checkpoints are unreadable, asks whether to start over. */
async function hasStart(run: ReadableRun): Promise<boolean> {
  const { snapshot, damage } = await readResumption(run.folder);
  if (snapshot || damage.length === 0) return true;
  const { epochs, bestAccuracy } = await progressOf(run.folder);
  const startAnew = vscode.l10n.t('Start over');
  const accuracy = formatAccuracy(bestAccuracy, recipeFacts(run.manifest.recipe).validationImages);
  const question = vscode.l10n.t(
    'No checkpoint of {0} can be read: {1}.',
    run.id,
    damage.map(({ name, reason }) => `${name} (${reason})`).join(', '),
  );
  const detail = vscode.l10n.t(
    'Starting over loses {0}, with a best validation accuracy of {1}. The old files are kept under another name.',
    counted(epochs, 'epoch'),
    accuracy,
  );
  if (!(await asks('warning', question, startAnew, detail))) return false;
  const result = await startOver(run.folder);
  if (!('failure' in result)) return true;
  tellFailure(result.failure);
  return false;
}
