import * as l10n from '@vscode/l10n';
import type { Command } from 'commander';
import { makeReady } from '../../runs/queue';
import { brokenRunFailure, findRun } from '../input';
import {
  type CommandContext,
  type FolderOption,
  folderOption,
  type JsonOption,
  rootOf,
  runArgument,
} from '../options';
import { EXIT, type ExitCode, type Terminal } from '../terminal';
import { train } from '../train';

export function addResumeCommand(program: Command, { terminal, end }: CommandContext): void {
  program
    .command('resume')
    .description(l10n.t('resume an unfinished run from its last checkpoint'))
    .argument(...runArgument())
    .option('--json', l10n.t('print every event as one line of JSON'))
    .option(...folderOption())
    .action(async (reference: string, options: FolderOption & JsonOption) => {
      end(await resume(terminal, await rootOf(options), reference, options));
    });
}

/** Resumes an unfinished run from its last checkpoint. */
async function resume(
  terminal: Terminal,
  root: string,
  reference: string,
  options: JsonOption,
): Promise<ExitCode> {
  const run = await findRun(root, reference);
  if (run.kind === 'broken') {
    terminal.fail(brokenRunFailure(run));
    return EXIT.failed;
  }
  const failure = await makeReady(run.folder, { onWaiting: (text) => terminal.note(text) });
  if (failure) {
    terminal.fail(failure);
    return EXIT.failed;
  }
  return train(terminal, { root, folder: run.folder, recipe: run.manifest.recipe }, options);
}
