import * as l10n from '@vscode/l10n';
import type { Command } from 'commander';
import type { Waiting } from '../../runs/lease/verdict';
import { makeReady } from '../../runs/queue';
import { progressOf, startOver } from '../../runs/startingOver';
import { untrainableFailure } from '../../runs/trainable';
import { formatPercent } from '../../shared/format';
import { allowOption } from '../dataAccess';
import { brokenRunFailure, findRun } from '../input';
import {
  type CommandContext,
  type FolderOption,
  folderOption,
  type JsonOption,
  rootOf,
  runArgument,
} from '../options';
import { ensureOwn } from '../ownRuns';
import { EXIT, type ExitCode, type Terminal } from '../terminal';
import { train } from '../train';

interface ResumeOptions extends FolderOption, JsonOption {
  readonly fromScratch?: boolean;
}

export function addResumeCommand(program: Command, { terminal, end }: CommandContext): void {
  program
    .command('resume')
    .description(l10n.t('resume an unfinished run from its last checkpoint'))
    .argument(...runArgument())
    .option('--from-scratch', l10n.t('start anew; what the run has so far is kept under another name'))
    .option('--json', l10n.t('print every event as one line of JSON'))
    .option(...folderOption())
    .option(...allowOption())
    .action(async (reference: string, options: ResumeOptions) => {
      end(await resume(terminal, await rootOf(terminal, options), reference, options));
    });
}

/** Resumes an unfinished run from its last checkpoint, or anew. */
async function resume(
  terminal: Terminal,
  root: string,
  reference: string,
  options: ResumeOptions,
): Promise<ExitCode> {
  const run = await findRun(root, reference);
  if (run.kind === 'broken') {
    terminal.fail(brokenRunFailure(run));
    return EXIT.failed;
  }
  const untrainable = await untrainableFailure(run.folder);
  if (untrainable) {
    terminal.fail(untrainable);
    return EXIT.failed;
  }
  await ensureOwn(terminal, [run], options, `tricks resume ${run.id}`);
  const waiting = { onWaiting: (text: string) => terminal.note(text) };
  if (options.fromScratch && !(await setAside(terminal, run.folder, waiting))) return EXIT.failed;
  const failure = await makeReady(run.folder, waiting);
  if (failure) {
    terminal.fail(failure);
    return EXIT.failed;
  }
  return train(terminal, { root, folder: run.folder, recipe: run.manifest.recipe }, options);
}

/** Moves what a run has so far aside, and says so; false, and a failure, where it could not. */
async function setAside(terminal: Terminal, folder: string, waiting: Waiting): Promise<boolean> {
  const { epochs, bestAccuracy } = await progressOf(folder);
  const result = await startOver(folder, waiting);
  if ('failure' in result) {
    terminal.fail(result.failure);
    return false;
  }
  const accuracy = bestAccuracy === null ? '-' : formatPercent(bestAccuracy);
  terminal.note(
    l10n.t('Starting anew: {0} epochs were done, with a best validation accuracy of {1}.', epochs, accuracy),
  );
  for (const path of result.moved) terminal.note(l10n.t('Kept: {0}', path));
  return true;
}
