import * as l10n from '@vscode/l10n';
import type { Command } from 'commander';
import { canResume } from '../../runs/commandRun';
import { stopByLease } from '../../runs/stopping';
import { allowOption } from '../dataAccess';
import { findRun } from '../input';
import { type CommandContext, type FolderOption, folderOption, rootOf, runArgument } from '../options';
import { commandsAt } from '../output';
import { EXIT, type ExitCode, type Terminal } from '../terminal';

export function addStopCommand(program: Command, { terminal, end }: CommandContext): void {
  program
    .command('stop')
    .description(l10n.t('stop a run; it can be resumed, or started over if its command cannot resume'))
    .argument(...runArgument())
    .option(...folderOption())
    .option(...allowOption())
    .action(async (reference: string, options: FolderOption) => {
      end(await stop(terminal, await rootOf(terminal, options), reference));
    });
}

/** Stops a run, whichever process started it. */
async function stop(terminal: Terminal, root: string, reference: string): Promise<ExitCode> {
  const run = await findRun(root, reference);
  const { id, folder } = run;
  const failure = await stopByLease(folder);
  if (failure) {
    terminal.fail(failure);
    return EXIT.failed;
  }
  const command = await commandsAt(root);
  const resume = command(`tricks resume ${id}`);
  terminal.print(
    run.kind === 'broken' || canResume(run.manifest.recipe)
      ? l10n.t('Stopped {0}. To resume: {1}', id, resume)
      : l10n.t('Stopped {0}. Its command cannot resume. To start over: {1}', id, resume),
  );
  return EXIT.done;
}
