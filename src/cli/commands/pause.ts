import * as l10n from '@vscode/l10n';
import type { Command } from 'commander';
import { pauseByLease } from '../../runs/stopping';
import { allowOption } from '../dataAccess';
import { findRun } from '../input';
import { type CommandContext, type FolderOption, folderOption, rootOf, runArgument } from '../options';
import { commandsAt } from '../output';
import { EXIT, type ExitCode, type Terminal } from '../terminal';

export function addPauseCommand(program: Command, { terminal, end }: CommandContext): void {
  program
    .command('pause')
    .description(l10n.t('pause a run and save a checkpoint'))
    .argument(...runArgument())
    .option(...folderOption())
    .option(...allowOption())
    .action(async (reference: string, options: FolderOption) => {
      end(await pause(terminal, await rootOf(terminal, options), reference));
    });
}

/** Stops a run, whichever process started it. The run is listed as paused until it is resumed. */
async function pause(terminal: Terminal, root: string, reference: string): Promise<ExitCode> {
  const { id, folder } = await findRun(root, reference);
  const failure = await pauseByLease(folder);
  if (failure) {
    terminal.fail(failure);
    return EXIT.failed;
  }
  const command = await commandsAt(root);
  terminal.print(l10n.t('Paused {0}. To resume: {1}', id, command(`tricks resume ${id}`)));
  return EXIT.done;
}
