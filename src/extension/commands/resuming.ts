/** What a person is asked before a run goes on. */
import * as vscode from 'vscode';
import { readResumption } from '../../runs/checkpoint';
import { isOwnRun, takeOn } from '../../runs/origin';
import { progressOf, startOver } from '../../runs/startingOver';
import { untrainableFailure } from '../../runs/trainable';
import { formatPercent } from '../../shared/format';
import { isOwnStudy, takeOnStudy } from '../../studies/origin';
import { readStudy } from '../../studies/store';
import { failureOf } from '../../system/errors';
import { asks, tellFailure } from '../messages';
import type { ReadableRun } from '../runs/liveRun';

/** Whether a run may go on: it is this release's to train, its person's own or taken on, and its checkpoints can be read. */
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

/** Whether a study may be run: it is its person's own or taken on; one that came with its folder is asked about, once. */
export async function mayRunStudy(folder: string): Promise<boolean> {
  const study = await readStudy(folder);
  // What is broken about it is told by who runs it.
  if (study.kind === 'broken' || (await isOwnStudy(study))) return true;
  const question = vscode.l10n.t(
    'The study {0} was not made here by you, but came with the folder. Run it?',
    study.id,
  );
  const detail = vscode.l10n.t('It trains recipes of {0} in {1}.', study.record.experiment.file, folder);
  if (!(await asks('warning', question, vscode.l10n.t('Run it'), detail))) return false;
  await takeOnStudy(study);
  return true;
}

/** Whether a run is this user's own; one that came with its folder is asked about, once. */
async function isTakenOn(run: ReadableRun): Promise<boolean> {
  if (await isOwnRun(run)) return true;
  const train = vscode.l10n.t('Train it');
  const { file } = run.manifest.experiment;
  const question = vscode.l10n.t(
    'The run {0} was not made here by you, but came with the folder. Train it?',
    run.id,
  );
  const detail = vscode.l10n.t('It trains the recipe of {0} in {1}.', file, run.folder);
  if (!(await asks('warning', question, train, detail))) return false;
  await takeOn(run);
  return true;
}

/** Whether a run has something to start from; where its checkpoints are unreadable a person decides to start anew. */
async function hasStart(run: ReadableRun): Promise<boolean> {
  const { snapshot, damage } = await readResumption(run.folder);
  if (snapshot || damage.length === 0) return true;
  const { epochs, bestAccuracy } = await progressOf(run.folder);
  const startAnew = vscode.l10n.t('Start anew');
  const accuracy = bestAccuracy === null ? '-' : formatPercent(bestAccuracy);
  const question = vscode.l10n.t(
    'No checkpoint of {0} can be read: {1}.',
    run.id,
    damage.map(({ name, reason }) => `${name} (${reason})`).join(', '),
  );
  const detail = vscode.l10n.t(
    'Starting anew loses {0} epochs, with a best validation accuracy of {1}. The old files are kept under another name.',
    epochs,
    accuracy,
  );
  if (!(await asks('warning', question, startAnew, detail))) return false;
  const result = await startOver(run.folder);
  if (!('failure' in result)) return true;
  tellFailure(result.failure);
  return false;
}
