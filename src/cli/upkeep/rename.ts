import * as l10n from '@vscode/l10n';
import type { Command } from 'commander';
import { notifyWatchers, readRun } from '../../runs/store';
import { writeOwnName } from '../../runs/upkeep/ownName';
import { allowOption } from '../dataAccess';
import { brokenRunFailure, findRun } from '../input';
import { type CommandContext, type FolderOption, folderOption, rootOf, runArgument } from '../options';
import { EXIT, type ExitCode, type Terminal } from '../terminal';

export function addRenameCommand(program: Command, { terminal, end }: CommandContext): void {
  program
    .command('rename')
    .description(l10n.t('rename a run'))
    .argument(...runArgument())
    .argument('[name]', l10n.t('the new name; by default the name of the experiment'))
    .option(...folderOption())
    .option(...allowOption())
    .action(async (reference: string, name: string | undefined, options: FolderOption) => {
      end(await rename(terminal, await rootOf(terminal, options), reference, name ?? ''));
    });
}

async function rename(terminal: Terminal, root: string, reference: string, name: string): Promise<ExitCode> {
  const run = await findRun(root, reference);
  if (run.kind === 'broken') {
    terminal.fail(brokenRunFailure(run));
    return EXIT.failed;
  }
  await writeOwnName(run.folder, name);
  await notifyWatchers(run.folder);
  const renamed = await readRun(run.folder);
  if (renamed.kind === 'run') terminal.print(l10n.t('{0} is now called {1}.', run.id, renamed.manifest.name));
  return EXIT.done;
}
