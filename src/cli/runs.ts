import * as l10n from '@vscode/l10n';
import { modelText } from '../models/modelText';
import type { PrecisionReport, RunEvent } from '../protocol/events';
import { settledMeasures } from '../protocol/history';
import type { Manifest } from '../protocol/manifest';
import { runPrecisionText } from '../protocol/precisionText';
import { readAllEvents } from '../runs/log';
import { pauseByLease, stopByLease } from '../runs/stopping';
import { listRuns, metricsPath, type RunEntry } from '../runs/store';
import type { Failure } from '../shared/failure';
import { formatNumber } from '../shared/format';
import { accuracyOf, age, duration, epochsDone, percent, stateName, table } from './format';
import { brokenRunFailure, findRun } from './input';
import { EXIT, type ExitCode, type Terminal } from './terminal';

const NONE = '-';

/** `tricks runs`: every run of a store, newest first. */
export async function runsCommand(terminal: Terminal, root: string, json: boolean): Promise<ExitCode> {
  const runs = await listRuns(root);
  if (json) {
    terminal.print(JSON.stringify(runs.map(plainRun), null, 2));
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

/** `tricks show`: one run, its epochs, and how it failed where it did. */
export async function showCommand(
  terminal: Terminal,
  root: string,
  reference: string,
  json: boolean,
): Promise<ExitCode> {
  const run = await findRun(root, reference);
  if (run.kind === 'broken') {
    terminal.fail(brokenRunFailure(run));
    return EXIT.failed;
  }
  const { events, skipped } = await readAllEvents(metricsPath(run.folder));
  const epochs = settledMeasures(events).filter((event) => event.type === 'epoch');
  if (json) {
    terminal.print(JSON.stringify({ ...plainRun(run), epochs, skippedLines: skipped }, null, 2));
    return EXIT.done;
  }
  const { manifest } = run;
  terminal.print(terminal.paint('bold', run.id));
  const started = events.findLast((event) => event.type === 'started');
  for (const line of table(summaryOf(manifest, run.folder, started?.precision))) terminal.print(line);
  if (epochs.length > 0) {
    terminal.print();
    for (const line of epochTable(epochs)) terminal.print(line);
  }
  if (skipped > 0) {
    terminal.note(l10n.t('{0} damaged lines of its log were left out.', skipped));
  }
  if (manifest.state.status === 'failed') {
    terminal.print();
    terminal.print(`${terminal.paint('red', l10n.t('Failed:'))} ${manifest.state.failure.what}`);
    terminal.print(manifest.state.failure.remedy);
  }
  return EXIT.done;
}

/** `tricks stop`: ends a run, whichever process started it. */
export async function stopCommand(terminal: Terminal, root: string, reference: string): Promise<ExitCode> {
  const { id, failure } = await endRun(root, reference, stopByLease);
  return told(terminal, failure, l10n.t('Stopped {0}.', id));
}

/** `tricks pause`: as `tricks stop`, but the run is listed as paused until it is resumed. */
export async function pauseCommand(terminal: Terminal, root: string, reference: string): Promise<ExitCode> {
  const { id, failure } = await endRun(root, reference, pauseByLease);
  return told(terminal, failure, l10n.t('Paused {0}. To go on: {1}', id, `tricks resume ${id}`));
}

async function endRun(
  root: string,
  reference: string,
  end: (folder: string) => Promise<Failure | null>,
): Promise<{ readonly id: string; readonly failure: Failure | null }> {
  const { id, folder } = await findRun(root, reference);
  return { id, failure: await end(folder) };
}

function told(terminal: Terminal, failure: Failure | null, success: string): ExitCode {
  if (failure) terminal.fail(failure);
  else terminal.print(success);
  return failure ? EXIT.failed : EXIT.done;
}

/** A run as JSON tells it. */
function plainRun(run: RunEntry): object {
  return run.kind === 'run'
    ? { ...run.manifest, folder: run.folder }
    : { id: run.id, folder: run.folder, broken: run.reason };
}

function row(run: RunEntry, now: number): string[] {
  if (run.kind === 'broken') return [run.id, l10n.t('broken'), NONE, NONE, NONE, NONE];
  const { manifest } = run;
  const accuracy = accuracyOf(manifest);
  return [
    run.id,
    stateName(manifest.state),
    accuracy === null ? NONE : percent(accuracy),
    `${epochsDone(manifest) ?? NONE}/${manifest.recipe.epochs}`,
    manifest.engine?.name ?? NONE,
    age(now - manifest.createdAt),
  ];
}

/** @param precision As the run's trainer found it. */
function summaryOf(manifest: Manifest, folder: string, precision: PrecisionReport | undefined): string[][] {
  const { recipe, engine, state, createdAt, endedAt } = manifest;
  const { schedule } = recipe;
  const rows = [
    [l10n.t('Experiment'), manifest.experiment.file],
    [l10n.t('State'), stateName(state)],
    [l10n.t('Model'), modelText(recipe.model)],
    [l10n.t('Data'), l10n.t('{0}, batches of {1}', recipe.data.dataset.name, recipe.data.batchSize)],
    [l10n.t('Tricks'), recipe.tricks.join(', ') || l10n.t('none')],
    [
      l10n.t('Schedule'),
      l10n.t(
        '{0} epochs of {1} steps, {2} decay from {3}',
        recipe.epochs,
        schedule.stepsPerEpoch,
        schedule.decay.name,
        formatNumber(schedule.peakLearningRate),
      ),
    ],
    [l10n.t('Engine'), engine ? `${engine.name} (${engine.description})` : NONE],
    ...(engine?.because ? [[l10n.t('Chosen because'), engine.because.join(' ')]] : []),
    [l10n.t('Precision'), runPrecisionText(recipe.precision, precision)],
    [l10n.t('Seed'), `${recipe.seed}`],
    [l10n.t('Started'), new Date(createdAt).toLocaleString()],
    [l10n.t('Took'), endedAt === null ? NONE : duration((endedAt - createdAt) / 1000)],
    [l10n.t('Folder'), folder],
  ];
  const accuracy = accuracyOf(manifest);
  if (accuracy !== null) rows.splice(2, 0, [l10n.t('Validation accuracy'), percent(accuracy)]);
  return rows;
}

function epochTable(epochs: readonly Extract<RunEvent, { type: 'epoch' }>[]): string[] {
  const titles = [
    l10n.t('EPOCH'),
    l10n.t('LOSS'),
    l10n.t('ACCURACY'),
    l10n.t('VALIDATION LOSS'),
    l10n.t('VALIDATION ACCURACY'),
    l10n.t('TIME'),
  ];
  const rows = epochs.map((event) => [
    `${event.epoch + 1}`,
    event.trainLoss.toFixed(4),
    percent(event.trainAccuracy),
    event.validationLoss.toFixed(4),
    percent(event.validationAccuracy),
    duration(event.seconds),
  ]);
  return table([titles, ...rows], [0, 1, 2, 3, 4, 5]);
}
