import * as l10n from '@vscode/l10n';
import type { Command } from 'commander';
import { deleteRun } from '../../runs/store';
import { purgeTrash, TRASH_DAYS, type Trashing, trashRun } from '../../runs/upkeep/trash';
import { assertNever } from '../../shared/assertNever';
import type { Failure } from '../../shared/failure';
import { runInUseFailure, runsOfStudiesUnderWay } from '../../studies/store';
import { allowOption } from '../dataAccess';
import { findRun } from '../input';
import { type CommandContext, type FolderOption, folderOption, rootOf } from '../options';
import { EXIT, type ExitCode, type Terminal } from '../terminal';

interface RemoveOptions extends FolderOption {
  readonly forGood?: boolean;
}

export function addRmCommand(program: Command, { terminal, end }: CommandContext): void {
  program
    .command('rm')
    .description(l10n.t('move runs to the trash, which keeps them for {0} days', TRASH_DAYS))
    .argument('<runs...>', l10n.t("run ids, id prefixes, or 'last'"))
    .option('--for-good', l10n.t('delete them immediately, without moving them to the trash'))
    .option(...folderOption())
    .option(...allowOption())
    .action(async (references: string[], options: RemoveOptions) => {
      end(await remove(terminal, await rootOf(terminal, options), references, options));
    });
}

/** Deletes runs. Deletes none if one is not found. */
async function remove(
  terminal: Terminal,
  root: string,
  references: readonly string[],
  { forGood = false }: RemoveOptions,
): Promise<ExitCode> {
  const ids = new Set<string>();
  for (const reference of references) ids.add((await findRun(root, reference)).id);
  const inUse = await runsOfStudiesUnderWay(root);
  let exitCode: ExitCode = EXIT.done;
  for (const id of ids) {
    const study = inUse.get(id);
    const failure = study ? runInUseFailure(id, study) : await removeOne(terminal, root, id, forGood);
    if (failure) {
      terminal.fail(failure);
      exitCode = EXIT.failed;
    } else {
      terminal.print(
        forGood
          ? l10n.t('Deleted {0}.', id)
          : l10n.t('Deleted {0}. To restore it: {1}', id, `tricks trash restore ${id}`),
      );
    }
  }
  await purgeTrash(root);
  return exitCode;
}

async function removeOne(
  terminal: Terminal,
  root: string,
  id: string,
  forGood: boolean,
): Promise<Failure | null> {
  const waiting = { onWaiting: (text: string) => terminal.note(text) };
  if (forGood) return deleteRun(root, id, waiting);
  return failureIn(await trashRun(root, id, waiting), id);
}

function failureIn(trashing: Trashing, id: string): Failure | null {
  switch (trashing.outcome) {
    case 'trashed':
      return null;
    case 'failed':
      return trashing.failure;
    case 'other_disk': {
      const { what, remedy } = trashing.failure;
      return {
        what,
        remedy: `${remedy} ${l10n.t('To delete it for good: {0}', `tricks rm --for-good ${id}`)}`,
      };
    }
    default:
      return assertNever(trashing);
  }
}
