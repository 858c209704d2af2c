import * as l10n from '@vscode/l10n';
import type { Command } from 'commander';
import { runLabels } from '../../insight/runLabels';
import { modelText } from '../../models/modelText';
import type { PrecisionReport, RunEvent } from '../../protocol/events';
import { settledMetrics } from '../../protocol/fold';
import { lossText } from '../../protocol/lossText';
import { type Manifest, pythonText } from '../../protocol/manifest';
import { runPrecisionText } from '../../protocol/precisionText';
import type { EpochEvent } from '../../protocol/standing';
import { trainingTimeOf } from '../../protocol/trainingTime';
import { type AnyRecipe, isCommandRecipe, recipeFacts } from '../../recipe/anyRecipe';
import type { CommandRecipe } from '../../recipe/commandRecipe';
import type { Recipe } from '../../recipe/recipe';
import { trainingAccuracyNote } from '../../recipe/trainingConditions';
import { type KeptEvaluation, readEvaluation } from '../../runs/evaluationFiles';
import { readAllEvents } from '../../runs/log';
import { listRuns, metricsPath, type ReadableEntry } from '../../runs/store';
import { counted } from '../../shared/counted';
import {
  formatAccuracy,
  formatCount,
  formatDuration,
  formatLoss,
  formatNumber,
  gpuText,
  UNKNOWN,
} from '../../shared/format';
import { allowOption } from '../dataAccess';
import { brokenRunFailure, findRun } from '../input';
import {
  type CommandContext,
  type FolderOption,
  folderOption,
  type JsonOption,
  rootOf,
  runArgument,
} from '../options';
import { plainRun, readable, shownState, writtenLog } from '../runFacts';
import { table } from '../table';
import { EXIT, type ExitCode, failureLines, noteLines, paint, type Terminal } from '../terminal';

/** Number of classes to list from a run's evaluation, those with the lowest F1. */
const WORST_CLASSES = 5;

interface ShowOptions extends FolderOption, JsonOption {
  readonly experiment?: boolean;
}

export function addShowCommand(program: Command, { terminal, end }: CommandContext): void {
  program
    .command('show')
    .description(l10n.t('show a run and its epochs'))
    .argument(...runArgument())
    .option('--json', l10n.t('print it as JSON'))
    .option('--experiment', l10n.t('print its experiment file as it was when the run was created'))
    .option(...folderOption())
    .option(...allowOption())
    .action(async (reference: string, options: ShowOptions) => {
      end(await show(terminal, await rootOf(terminal, options), reference, options));
    });
}

/** Shows one run: its epochs and, if it failed, the failure. Can print its experiment alone instead. */
async function show(
  terminal: Terminal,
  root: string,
  reference: string,
  { json = false, experiment = false }: ShowOptions,
): Promise<ExitCode> {
  const run = await findRun(root, reference);
  if (run.kind === 'broken') {
    terminal.fail(brokenRunFailure(run));
    return EXIT.failed;
  }
  if (experiment) {
    terminal.printText(run.manifest.experiment.text.replace(/\n$/, ''));
    return EXIT.done;
  }
  const { events, skipped } = await readAllEvents(metricsPath(run.folder));
  const epochs = settledMetrics(events).filter((event) => event.type === 'epoch');
  const [last, best] = await Promise.all([
    readEvaluation(run.folder, 'last'),
    readEvaluation(run.folder, 'best'),
  ]);
  if (json) {
    const evaluation = { last, best };
    terminal.printJson({ ...plainRun(run), epochs, evaluation, skippedLines: skipped }, 2);
    return EXIT.done;
  }
  const { manifest } = run;
  terminal.print(paint('bold', run.id));
  const started = events.findLast((event) => event.type === 'started');
  const label = runLabels(readable(await listRuns(root)), Date.now()).get(run.folder)?.full ?? manifest.name;
  const rows = [
    [l10n.t('Name'), label],
    ...summaryOf(run, started?.precision ?? undefined, { epochs, events }),
  ];
  for (const line of table(rows)) terminal.print(line);
  if (epochs.length > 0) {
    terminal.print();
    for (const line of epochTable(epochs, manifest.recipe)) terminal.print(line);
    const note = isCommandRecipe(manifest.recipe) ? null : trainingAccuracyNote(manifest.recipe);
    if (note !== null) terminal.print(note);
  }
  if (last) printEvaluation(terminal, last);
  if (skipped > 0) {
    terminal.note(l10n.t('Skipped as damaged in its log: {0}.', counted(skipped, 'line')));
  }
  if (manifest.state.status === 'done') {
    const lines = noteLines(manifest.state.result, writtenLog(run.folder));
    if (lines.length > 0) terminal.print();
    for (const line of lines) terminal.print(line);
  }
  if (manifest.state.status === 'failed') {
    terminal.print();
    const [what, ...more] = failureLines(manifest.state.failure, writtenLog(run.folder));
    terminal.print([paint('red', l10n.t('Failed:')), ` ${what}`]);
    for (const line of more) terminal.print(line);
  }
  return EXIT.done;
}

/** @param precision as the run's trainer reported it */
function summaryOf(
  run: ReadableEntry,
  precision: PrecisionReport | undefined,
  { epochs, events }: { readonly epochs: readonly EpochEvent[]; readonly events: readonly RunEvent[] },
): string[][] {
  const { manifest, folder } = run;
  const { recipe, engine, python } = manifest;
  return [
    [l10n.t('Experiment'), manifest.experiment.file],
    [l10n.t('State'), shownState(run)],
    ...accuracyRows(manifest, epochs),
    ...(isCommandRecipe(recipe) ? commandRows(recipe, python) : networkRows(recipe)),
    [l10n.t('Tricks'), recipe.tricks.join(', ') || l10n.t('none')],
    ...(isCommandRecipe(recipe) ? [] : engineRows(recipe, engine, precision)),
    ...(manifest.gpus ? [[l10n.t('GPU'), gpuText(manifest.gpus)]] : []),
    [l10n.t('Seed'), `${recipe.seed}`],
    ...timeRows(manifest, events),
    [l10n.t('Folder'), folder],
  ];
}

function commandRows({ system, command, epochs }: CommandRecipe, python: Manifest['python']): string[][] {
  return [
    [l10n.t('Command'), command.join(' ')],
    ...(python ? [['Python', pythonText(python)]] : []),
    [l10n.t('System'), system],
    ...(epochs === null ? [] : [[l10n.t('Schedule'), counted(epochs, 'epoch')]]),
  ];
}

function networkRows({ model, data, epochs, schedule }: Recipe): string[][] {
  return [
    [l10n.t('Model'), modelText(model)],
    [l10n.t('Data'), l10n.t('{0}, batches of {1}', data.dataset.name, data.batchSize)],
    [
      l10n.t('Schedule'),
      l10n.t(
        '{0} of {1}, {2} decay from {3}',
        counted(epochs, 'epoch'),
        counted(schedule.stepsPerEpoch, 'step'),
        schedule.decay.name,
        formatNumber(schedule.peakLearningRate),
      ),
    ],
  ];
}

function engineRows(
  recipe: Recipe,
  engine: Manifest['engine'],
  precision: PrecisionReport | undefined,
): string[][] {
  return [
    [l10n.t('Engine'), engine ? `${engine.name} (${engine.description})` : UNKNOWN],
    ...(engine?.because ? [[l10n.t('Chosen because'), engine.because.join(' ')]] : []),
    [l10n.t('Precision'), runPrecisionText(recipe.precision, precision)],
  ];
}

/** The accuracy of the last epoch, the best epoch and the averaged weights, each if recorded. */
function accuracyRows({ state, recipe }: Manifest, epochs: readonly EpochEvent[]): string[][] {
  const text = (share: number) => formatAccuracy(share, recipeFacts(recipe).validationImages);
  const result = state.status === 'done' ? state.result : null;
  const last = result?.validationAccuracy ?? epochs.at(-1)?.validationAccuracy ?? undefined;
  const averaged = result?.averagedAccuracy ?? epochs.at(-1)?.averagedAccuracy;
  const best = bestEpoch(epochs.filter(({ validationAccuracy }) => validationAccuracy !== undefined));
  return [
    ...(last === undefined ? [] : [[l10n.t('Validation accuracy'), text(last)]]),
    ...(best === null
      ? []
      : [
          [
            l10n.t('Best validation accuracy'),
            l10n.t('{0} in epoch {1}', text(accuracyOf(best)), best.epoch + 1),
          ],
        ]),
    ...(averaged === undefined ? [] : [[l10n.t('Validation accuracy (EMA)'), text(averaged)]]),
  ];
}

/** The earliest of the best epochs, or null with fewer than two epochs. */
function bestEpoch(epochs: readonly EpochEvent[]): EpochEvent | null {
  const [first, ...others] = epochs;
  if (!first || others.length === 0) return null;
  return others.reduce((best, each) => (accuracyOf(each) > accuracyOf(best) ? each : best), first);
}

function accuracyOf({ validationAccuracy }: EpochEvent): number {
  return validationAccuracy ?? Number.NEGATIVE_INFINITY;
}

/** A trainer needs a while to load its engine, so a shorter wait does not count as queued. */
const LEAST_WAIT_MS = 10_000;

function timeRows({ createdAt, state }: Manifest, events: readonly RunEvent[]): string[][] {
  const { startedAt, seconds } = trainingTimeOf(events);
  const hasWaited = startedAt === null || startedAt - createdAt >= LEAST_WAIT_MS;
  const isOver = state.status !== 'queued' && state.status !== 'running';
  const took = state.status === 'done' ? state.result.seconds : isOver ? seconds : null;
  return [
    ...(hasWaited ? [[l10n.t('Queued'), new Date(createdAt).toLocaleString()]] : []),
    [l10n.t('Started'), startedAt === null ? UNKNOWN : new Date(startedAt).toLocaleString()],
    [l10n.t('Duration'), took === null ? UNKNOWN : formatDuration(took)],
  ];
}

/** Prints the last epoch's evaluation on the validation images, with the weakest classes. */
function printEvaluation(
  terminal: Terminal,
  { images, top5, macroF1, balancedAccuracy, byClass }: KeptEvaluation,
): void {
  terminal.print();
  const rows = [
    ...(top5 === undefined ? [] : [[l10n.t('Top-5 accuracy'), formatAccuracy(top5, images)]]),
    [l10n.t('Macro F1'), formatAccuracy(macroF1, images)],
    [l10n.t('Balanced accuracy'), formatAccuracy(balancedAccuracy, images)],
  ];
  for (const line of table(rows, [1])) terminal.print(line);
  const worst = byClass
    .filter(({ f1 }) => f1 !== null)
    .toSorted((a, b) => (a.f1 ?? 0) - (b.f1 ?? 0))
    .slice(0, WORST_CLASSES);
  terminal.print();
  const titles = [l10n.t('WORST CLASSES'), 'F1', l10n.t('PRECISION'), l10n.t('RECALL'), l10n.t('IMAGES')];
  terminal.printTable(
    titles,
    worst.map(({ name, f1, precision, recall, support }) => [
      name,
      ...[f1, precision, recall].map((share) => formatAccuracy(share, images)),
      formatCount(support),
    ]),
    [1, 2, 3, 4],
  );
}

function epochTable(epochs: readonly EpochEvent[], recipe: AnyRecipe): string[] {
  const { trainImages, validationImages } = recipeFacts(recipe);
  const hasTop5 = epochs.some(({ validationTop5 }) => validationTop5 !== undefined);
  const hasAverage = epochs.some(({ averagedAccuracy }) => averagedAccuracy !== undefined);
  const validationText = (share: number | undefined) => formatAccuracy(share, validationImages);
  const titles = [
    l10n.t('EPOCH'),
    l10n.t('LOSS'),
    l10n.t('ACCURACY'),
    l10n.t('VALIDATION LOSS'),
    l10n.t('VALIDATION ACCURACY'),
    ...(hasTop5 ? [l10n.t('TOP-5')] : []),
    ...(hasAverage ? [l10n.t('EMA')] : []),
    l10n.t('TIME'),
  ];
  const rows = epochs.map((event) => [
    `${event.epoch + 1}`,
    lossText(event.trainLoss, event.trainLabelsLoss, (loss) => loss.toFixed(4)),
    formatAccuracy(event.trainAccuracy, trainImages),
    formatLoss(event.validationLoss, 4),
    validationText(event.validationAccuracy),
    ...(hasTop5 ? [validationText(event.validationTop5)] : []),
    ...(hasAverage ? [validationText(event.averagedAccuracy)] : []),
    formatDuration(event.seconds),
  ]);
  return table([titles, ...rows], [0, 1, 2, 3, 4, 5, 6, 7]);
}
