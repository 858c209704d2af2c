import * as l10n from '@vscode/l10n';
import type { Command } from 'commander';
import { emptyTrash, listTrash, purgeTrash, restoreRun, type TrashedRun } from '../../runs/upkeep/trash';
import { counted } from '../../shared/counted';
import { formatAge, formatBytes } from '../../shared/format';
import { UserError } from '../../shared/userError';
import { confirm } from '../confirm';
import { allowOption } from '../dataAccess';
import { type CommandContext, type FolderOption, folderOption, type JsonOption, rootOf } from '../options';
import { EXIT, type ExitCode, type Terminal } from '../terminal';

interface EmptyOptions extends FolderOption {
  readonly yes?: boolean;
}

export function addTrashCommand(program: Command, { terminal, end }: CommandContext): void {
  const trash = program.command('trash').description(l10n.t('manage deleted runs'));
  trash
    .command('list', { isDefault: true })
    .description(l10n.t('list them with their size on disk, last deleted first'))
    .option('--json', l10n.t('print them as JSON'))
    .option(...folderOption())
    .option(...allowOption())
    .action(async (options: FolderOption & JsonOption) => {
      end(await list(terminal, await openTrash(terminal, options), options));
    });
  trash
    .command('restore')
    .description(l10n.t('restore deleted runs'))
    .argument('<runs...>', l10n.t("deleted run ids, id prefixes, or 'last'"))
    .option(...folderOption())
    .option(...allowOption())
    .action(async (references: string[], options: FolderOption) => {
      end(await restore(terminal, await openTrash(terminal, options), references));
    });
  trash
    .command('empty')
    .description(l10n.t('delete them for good'))
    .option('--yes', l10n.t('do not ask for confirmation'))
    .option(...folderOption())
    .option(...allowOption())
    .action(async (options: EmptyOptions) => {
      end(await empty(terminal, await openTrash(terminal, options), options));
    });
}

interface Trash {
  readonly root: string;
  readonly runs: readonly TrashedRun[];
}

/** Opens a store's trash and purges old entries. */
async function openTrash(terminal: Terminal, options: FolderOption): Promise<Trash> {
  const root = await rootOf(terminal, options);
  await purgeTrash(root);
  return { root, runs: await listTrash(root) };
}

async function list(
  terminal: Terminal,
  { root, runs }: Trash,
  { json = false }: JsonOption,
): Promise<ExitCode> {
  if (json) {
    terminal.printJson(
      runs.map(({ id, folder, deletedAt, bytes }) => ({ id, folder, deletedAt, bytes })),
      2,
    );
  } else if (runs.length === 0) {
    terminal.note(l10n.t('The trash of {0} is empty.', root));
  } else {
    const now = Date.now();
    const titles = [l10n.t('RUN'), l10n.t('DELETED'), l10n.t('SIZE')];
    const rows = runs.map(({ id, deletedAt, bytes }) => [
      id,
      formatAge((now - deletedAt) / 1000),
      formatBytes(bytes),
    ]);
    terminal.printTable(titles, rows, [2]);
    terminal.print(l10n.t('{0} in all. To delete them for good: {1}', sizeOf(runs), 'tricks trash empty'));
  }
  return EXIT.done;
}

/** Restores runs. Restores none if one is not found. */
async function restore(terminal: Terminal, trash: Trash, references: readonly string[]): Promise<ExitCode> {
  const restored = new Set(references.map((reference) => findTrashed(trash, reference)));
  let exitCode: ExitCode = EXIT.done;
  for (const run of restored) {
    const failure = await restoreRun(run);
    if (failure) {
      terminal.fail(failure);
      exitCode = EXIT.failed;
    } else {
      terminal.print(l10n.t('Restored {0}.', run.id));
    }
  }
  return exitCode;
}

async function empty(
  terminal: Terminal,
  { root, runs }: Trash,
  { yes = false }: EmptyOptions,
): Promise<ExitCode> {
  if (runs.length === 0) return list(terminal, { root, runs }, {});
  const question = l10n.t('Delete {0} ({1}) for good?', counted(runs.length, 'run'), sizeOf(runs));
  if (!yes && !(await confirm(terminal, question))) {
    throw new UserError({
      what: l10n.t('The trash was kept: {0} ({1}).', counted(runs.length, 'run'), sizeOf(runs)),
      remedy: l10n.t('To delete them without confirmation: {0}', 'tricks trash empty --yes'),
    });
  }
  await emptyTrash(root, runs);
  terminal.print(l10n.t('Deleted {0} for good ({1}).', counted(runs.length, 'run'), sizeOf(runs)));
  return EXIT.done;
}

/** Finds the deleted run that a reference names. If several have the same id, takes the last one. */
function findTrashed({ root, runs }: Trash, reference: string): TrashedRun {
  const exact = reference === 'last' ? runs[0] : runs.find(({ id }) => id === reference);
  if (exact) return exact;
  const matches = reference.trim() === '' ? [] : runs.filter(({ id }) => id.startsWith(reference));
  const [match] = matches;
  if (match && matches.every(({ id }) => id === match.id)) return match;
  throw new UserError({
    what: match
      ? l10n.t('{0} deleted runs begin with {1}.', matches.length, reference)
      : l10n.t('There is no deleted run {0} in {1}.', reference, root),
    remedy: l10n.t('List the deleted runs: {0}', 'tricks trash'),
  });
}

function sizeOf(runs: readonly TrashedRun[]): string {
  return formatBytes(runs.reduce((sum, { bytes }) => sum + bytes, 0));
}
