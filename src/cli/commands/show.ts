import * as l10n from '@vscode/l10n';
import type { Command } from 'commander';
import { modelText } from '../../models/modelText';
import type { PrecisionReport, RunEvent } from '../../protocol/events';
import { settledMetrics } from '../../protocol/fold';
import { lossText } from '../../protocol/lossText';
import { runPrecisionText } from '../../protocol/precisionText';
import { type KeptEvaluation, readEvaluation } from '../../runs/evaluationFiles';
import { readAllEvents } from '../../runs/log';
import { metricsPath, type ReadableEntry } from '../../runs/store';
import { formatCount, formatDuration, formatNumber, formatPercent } from '../../shared/format';
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
import { accuracyOf, NONE, plainRun, shownState } from '../runFacts';
import { table } from '../table';
import { EXIT, type ExitCode, failureLines, paint, type Terminal } from '../terminal';

/** Classes that a run's evaluation names, those of the lowest F1. */
const WORST_CLASSES = 5;

export function addShowCommand(program: Command, { terminal, end }: CommandContext): void {
  program
    .command('show')
    .description(l10n.t('show a run and its epochs'))
    .argument(...runArgument())
    .option('--json', l10n.t('print it as JSON'))
    .option(...folderOption())
    .option(...allowOption())
    .action(async (reference: string, options: FolderOption & JsonOption) => {
      end(await show(terminal, await rootOf(terminal, options), reference, options));
    });
}

/** Shows one run, its epochs, and how it failed where it did. */
async function show(
  terminal: Terminal,
  root: string,
  reference: string,
  { json = false }: JsonOption,
): Promise<ExitCode> {
  const run = await findRun(root, reference);
  if (run.kind === 'broken') {
    terminal.fail(brokenRunFailure(run));
    return EXIT.failed;
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
  for (const line of table(summaryOf(run, started?.precision))) terminal.print(line);
  if (epochs.length > 0) {
    terminal.print();
    for (const line of epochTable(epochs)) terminal.print(line);
  }
  if (last) printEvaluation(terminal, last);
  if (skipped > 0) {
    terminal.note(l10n.t('{0} damaged lines of its log were left out.', skipped));
  }
  if (manifest.state.status === 'failed') {
    terminal.print();
    const [what, ...more] = failureLines(manifest.state.failure.what);
    terminal.print([paint('red', l10n.t('Failed:')), ` ${what}`]);
    for (const line of more) terminal.print(line);
    terminal.print(manifest.state.failure.remedy);
  }
  return EXIT.done;
}

/** @param precision As the run's trainer found it. */
function summaryOf(run: ReadableEntry, precision: PrecisionReport | undefined): string[][] {
  const { manifest, folder } = run;
  const { recipe, engine, createdAt, endedAt } = manifest;
  const { schedule } = recipe;
  const rows = [
    [l10n.t('Experiment'), manifest.experiment.file],
    [l10n.t('State'), shownState(run)],
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
    [l10n.t('Took'), endedAt === null ? NONE : formatDuration((endedAt - createdAt) / 1000)],
    [l10n.t('Folder'), folder],
  ];
  const accuracy = accuracyOf(manifest);
  if (accuracy !== null) rows.splice(2, 0, [l10n.t('Validation accuracy'), formatPercent(accuracy)]);
  return rows;
}

/** What the last epoch made of the validation images, and of the classes that it knows the least. */
function printEvaluation(
  terminal: Terminal,
  { top5, macroF1, balancedAccuracy, byClass }: KeptEvaluation,
): void {
  terminal.print();
  const rows = [
    ...(top5 === undefined ? [] : [[l10n.t('Top-5 accuracy'), formatPercent(top5)]]),
    [l10n.t('Macro F1'), formatPercent(macroF1)],
    [l10n.t('Balanced accuracy'), formatPercent(balancedAccuracy)],
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
      ...[f1, precision, recall].map((share) => (share === null ? NONE : formatPercent(share))),
      formatCount(support),
    ]),
    [1, 2, 3, 4],
  );
}

function epochTable(epochs: readonly Extract<RunEvent, { type: 'epoch' }>[]): string[] {
  const hasTop5 = epochs.some(({ validationTop5 }) => validationTop5 !== undefined);
  const top5Text = (top5: number | undefined) => (top5 === undefined ? NONE : formatPercent(top5));
  const titles = [
    l10n.t('EPOCH'),
    l10n.t('LOSS'),
    l10n.t('ACCURACY'),
    l10n.t('VALIDATION LOSS'),
    l10n.t('VALIDATION ACCURACY'),
    ...(hasTop5 ? [l10n.t('TOP-5')] : []),
    l10n.t('TIME'),
  ];
  const rows = epochs.map((event) => [
    `${event.epoch + 1}`,
    lossText(event.trainLoss, event.trainLabelsLoss, (loss) => loss.toFixed(4)),
    formatPercent(event.trainAccuracy),
    event.validationLoss.toFixed(4),
    formatPercent(event.validationAccuracy),
    ...(hasTop5 ? [top5Text(event.validationTop5)] : []),
    formatDuration(event.seconds),
  ]);
  return table([titles, ...rows], [0, 1, 2, 3, 4, 5, 6]);
}
