import * as l10n from '@vscode/l10n';
import type { Command } from 'commander';
import { pauseByLease } from '../../runs/stopping';
import { allowOption } from '../dataAccess';
import { findRun } from '../input';
import { type CommandContext, type FolderOption, folderOption, rootOf, runArgument } from '../options';
import { EXIT, type ExitCode, type Terminal } from '../terminal';

export function addPauseCommand(program: Command, { terminal, end }: CommandContext): void {
  program
    .command('pause')
    .description(l10n.t('stop a run for a while, with a checkpoint'))
    .argument(...runArgument())
    .option(...folderOption())
    .option(...allowOption())
    .action(async (reference: string, options: FolderOption) => {
      end(await pause(terminal, await rootOf(terminal, options), reference));
    });
}

/** Stops a run, whichever process started it; it is listed as paused until it is resumed. */
async function pause(terminal: Terminal, root: string, reference: string): Promise<ExitCode> {
  const { id, folder } = await findRun(root, reference);
  const failure = await pauseByLease(folder);
  if (failure) {
    terminal.fail(failure);
    return EXIT.failed;
  }
  terminal.print(l10n.t('Paused {0}. To go on: {1}', id, `tricks resume ${id}`));
  return EXIT.done;
}
