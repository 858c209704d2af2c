import * as l10n from '@vscode/l10n';
import type { Command } from 'commander';
import { recipeFacts } from '../../recipe/anyRecipe';
import type { Waiting } from '../../runs/lease/verdict';
import { makeReady } from '../../runs/queue';
import { progressOf, startOver } from '../../runs/startingOver';
import type { ReadableEntry } from '../../runs/store';
import { untrainableFailure } from '../../runs/trainable';
import { counted } from '../../shared/counted';
import { formatAccuracy } from '../../shared/format';
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
import { commandsAt } from '../output';
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
    .option('--from-scratch', l10n.t('start over, and keep the existing files under another name'))
    .option('--json', l10n.t('print every event as one line of JSON'))
    .option(...folderOption())
    .option(...allowOption())
    .action(async (reference: string, options: ResumeOptions) => {
      end(await resume(terminal, await rootOf(terminal, options), reference, options));
    });
}

/** Resumes an unfinished run from its last checkpoint, or restarts it. */
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
  const command = await commandsAt(root);
  await ensureOwn(terminal, [run], options, command(`tricks resume ${run.id}`));
  const waiting = { onWaiting: (text: string) => terminal.note(text) };
  if (options.fromScratch && !(await setAside(terminal, run, waiting))) return EXIT.failed;
  const failure = await makeReady(run.folder, waiting);
  if (failure) {
    terminal.fail(failure);
    return EXIT.failed;
  }
  return train(terminal, { root, folder: run.folder, recipe: run.manifest.recipe }, options);
}

/** Moves a run's progress aside and reports it. Returns false and reports the failure if that is impossible. */
async function setAside(
  terminal: Terminal,
  { folder, manifest }: ReadableEntry,
  waiting: Waiting,
): Promise<boolean> {
  const { epochs, bestAccuracy } = await progressOf(folder);
  const result = await startOver(folder, waiting);
  if ('failure' in result) {
    terminal.fail(result.failure);
    return false;
  }
  const accuracy = formatAccuracy(bestAccuracy, recipeFacts(manifest.recipe).validationImages);
  terminal.note(
    l10n.t(
      'Starting over after {0}, with a best validation accuracy of {1}.',
      counted(epochs, 'epoch'),
      accuracy,
    ),
  );
  for (const path of result.moved) terminal.note(l10n.t('Kept: {0}', path));
  return true;
}
