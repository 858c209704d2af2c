import * as l10n from '@vscode/l10n';
import type { Command } from 'commander';
import { runLabels } from '../../insight/runLabels';
import type { Manifest } from '../../protocol/manifest';
import { recipeFacts } from '../../recipe/anyRecipe';
import { listRuns, type RunEntry } from '../../runs/store';
import { formatAccuracy, formatAge, UNKNOWN } from '../../shared/format';
import { allowOption } from '../dataAccess';
import { type CommandContext, type FolderOption, folderOption, type JsonOption, rootOf } from '../options';
import { commandsAt } from '../output';
import { plainRun, progressOfRun, readable, shownState } from '../runFacts';
import { EXIT, type ExitCode, type Terminal } from '../terminal';

export function addRunsCommand(program: Command, { terminal, end }: CommandContext): void {
  program
    .command('runs')
    .description(l10n.t('list the runs, newest first'))
    .option('--json', l10n.t('print them as JSON'))
    .option(...folderOption())
    .option(...allowOption())
    .action(async (options: FolderOption & JsonOption) => {
      end(await list(terminal, await rootOf(terminal, options), options));
    });
}

/** Lists all runs of a store, newest first. */
async function list(terminal: Terminal, root: string, { json = false }: JsonOption): Promise<ExitCode> {
  const runs = await listRuns(root);
  if (json) {
    terminal.printJson(runs.map(plainRun), 2);
  } else if (runs.length === 0) {
    const command = await commandsAt(root);
    terminal.note(
      l10n.t('There are no runs in {0} yet. Run an experiment: {1}', root, command('tricks run FILE')),
    );
  } else {
    const now = Date.now();
    const labels = runLabels(readable(runs), now);
    const titles = [
      l10n.t('RUN'),
      l10n.t('NAME'),
      l10n.t('STATE'),
      l10n.t('ACCURACY'),
      l10n.t('EPOCHS'),
      l10n.t('ENGINE'),
      l10n.t('AGE'),
    ];
    const rows: string[][] = [];
    // Sequential, because there may be more runs than the limit on open files.
    for (const run of runs) rows.push(await row(run, labels.get(run.folder)?.full ?? UNKNOWN, now));
    terminal.printTable(titles, rows, [3, 4]);
  }
  return EXIT.done;
}

async function row(run: RunEntry, name: string, now: number): Promise<string[]> {
  if (run.kind === 'broken') return [run.id, name, l10n.t('broken'), UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN];
  const { manifest } = run;
  const { epochs, accuracy } = await progressOfRun(run);
  const { validationImages, epochs: planned } = recipeFacts(manifest.recipe);
  return [
    run.id,
    name,
    shownState(run),
    formatAccuracy(accuracy, validationImages),
    `${epochs ?? UNKNOWN}/${planned ?? UNKNOWN}`,
    manifest.engine?.name ?? gpuNames(manifest) ?? UNKNOWN,
    formatAge((now - manifest.createdAt) / 1000),
  ];
}

/** Short names of the GPUs that a run had. Undefined if they are not known. */
function gpuNames({ gpus }: Manifest): string | undefined {
  return gpus?.map(({ index }) => `GPU ${index}`).join(', ');
}
