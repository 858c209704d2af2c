import * as l10n from '@vscode/l10n';
import type { Command } from 'commander';
import type { Manifest } from '../../protocol/manifest';
import { listRuns, type RunEntry } from '../../runs/store';
import { formatAge, formatPercent } from '../../shared/format';
import { allowOption } from '../dataAccess';
import { type CommandContext, type FolderOption, folderOption, type JsonOption, rootOf } from '../options';
import { accuracyOf, NONE, plainRun, shownState } from '../runFacts';
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

/** Lists every run of a store, newest first. */
async function list(terminal: Terminal, root: string, { json = false }: JsonOption): Promise<ExitCode> {
  const runs = await listRuns(root);
  if (json) {
    terminal.printJson(runs.map(plainRun), 2);
  } else if (runs.length === 0) {
    terminal.note(l10n.t('Nothing has run in {0} yet. Run an experiment: {1}', root, 'tricks run FILE'));
  } else {
    const now = Date.now();
    const titles = [
      l10n.t('RUN'),
      l10n.t('STATE'),
      l10n.t('ACCURACY'),
      l10n.t('EPOCHS'),
      l10n.t('ENGINE'),
      l10n.t('AGE'),
    ];
    terminal.printTable(
      titles,
      runs.map((run) => row(run, now)),
      [2, 3],
    );
  }
  return EXIT.done;
}

function row(run: RunEntry, now: number): string[] {
  if (run.kind === 'broken') return [run.id, l10n.t('broken'), NONE, NONE, NONE, NONE];
  const { manifest } = run;
  const accuracy = accuracyOf(manifest);
  return [
    run.id,
    shownState(run),
    accuracy === null ? NONE : formatPercent(accuracy),
    `${epochsDone(manifest) ?? NONE}/${manifest.recipe.epochs}`,
    manifest.engine?.name ?? NONE,
    formatAge((now - manifest.createdAt) / 1000),
  ];
}

/** Whole epochs that a run is known to have done. */
function epochsDone({ state, recipe }: Manifest): number | null {
  if (state.status === 'done') return state.result.epochs;
  return state.status === 'running' || state.status === 'stopped' || state.status === 'paused'
    ? Math.floor(state.step / recipe.schedule.stepsPerEpoch)
    : null;
}
