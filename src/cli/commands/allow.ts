import * as l10n from '@vscode/l10n';
import type { Command } from 'commander';
import { allowFolder, readAllowedFolders, revokeFolder } from '../../system/allowedFolders';
import type { CommandContext, JsonOption } from '../options';
import { EXIT, type ExitCode, type Terminal } from '../terminal';

interface AllowOptions extends JsonOption {
  readonly revoke?: string;
}

export function addAllowCommand(program: Command, { terminal, end }: CommandContext): void {
  program
    .command('allow')
    .description(l10n.t('list the folders that experiments may read data from, or add one'))
    .argument('[folder]', l10n.t('a folder to allow, for this user'))
    .option('--revoke <folder>', l10n.t('remove a folder from the list'))
    .option('--json', l10n.t('print the list as JSON'))
    .action(async (folder: string | undefined, options: AllowOptions) => {
      end(await allow(terminal, folder, options));
    });
}

/** Allows a folder, revokes one, or lists the allowed folders. */
async function allow(
  terminal: Terminal,
  folder: string | undefined,
  { revoke, json = false }: AllowOptions,
): Promise<ExitCode> {
  if (revoke !== undefined) {
    const revoked = await revokeFolder(revoke);
    if (!json) terminal.print(l10n.t('No longer allowed: {0}', revoked));
  }
  if (folder !== undefined) {
    const allowed = await allowFolder(folder);
    if (!json) terminal.print(l10n.t('Allowed: {0}', allowed));
  }
  const isListed = revoke === undefined && folder === undefined;
  if (!isListed && !json) return EXIT.done;
  const folders = await readAllowedFolders();
  if (json) terminal.printJson(folders, 2);
  else if (folders.length === 0) {
    terminal.note(
      l10n.t('Only the folder that keeps the runs is allowed. Allow another: {0}', 'tricks allow FOLDER'),
    );
  } else for (const each of folders) terminal.print(each);
  return EXIT.done;
}
