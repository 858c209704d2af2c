import { basename } from 'node:path';
import * as l10n from '@vscode/l10n';
import { type Command, InvalidArgumentError } from 'commander';
import {
  LEAST_RANGE_STEPS,
  RANGE_TEST_DEFAULTS,
  type RangeTestPlan,
  rangeTestRecipe,
} from '../../recipe/rangeTest';
import type { Recipe } from '../../recipe/recipe';
import { readAllEvents } from '../../runs/log';
import { createRun, metricsPath } from '../../runs/store';
import { type RunEnd, type RunHandle, startRun } from '../../runs/supervisor';
import { formatNumber } from '../../shared/format';
import {
  commandRangeTestFailure,
  noSuggestionText,
  type RangeTestResult,
  rangeTestName,
  rangeTestOf,
  type Suggestion,
} from '../../study/rangeTest';
import { quoted } from '../../system/allowedFolders';
import { assertNoCommand } from '../commandInput';
import { type AllowOption, withAllow } from '../dataAccess';
import { barProgress, type Progress } from '../drawing/progress';
import { type RateMark, ratePlot } from '../drawing/ratePlot';
import { type ReadExperiment, readExperiment } from '../input';
import {
  type CommandContext,
  experimentArgument,
  type FolderOption,
  folderOption,
  type JsonOption,
  type OverrideOptions,
  overridesOf,
  rootOf,
  wholeNumber,
  withOverrides,
} from '../options';
import { commandsAt } from '../output';
import { TRAINER_PATH, VERSIONS } from '../package';
import { writtenLog } from '../runFacts';
import { EXIT, type ExitCode, type Terminal } from '../terminal';

interface LrFindOptions extends OverrideOptions, AllowOption, FolderOption, JsonOption, RangeTestPlan {}

const PLOT_HEIGHT = 14;
const WIDEST_PLOT = 72;

export function addLrFindCommand(program: Command, { terminal, end }: CommandContext): void {
  const { from, to, steps } = RANGE_TEST_DEFAULTS;
  withAllow(withOverrides(program.command('lr-find')))
    .description(l10n.t('find a learning rate: raise it during training until the loss explodes'))
    .argument(...experimentArgument())
    .option('--from <rate>', l10n.t('the lowest base_lr'), learningRate, from)
    .option('--to <rate>', l10n.t('the highest base_lr'), learningRate, to)
    .option(
      '--steps <number>',
      l10n.t('the number of steps between the two'),
      wholeNumber(LEAST_RANGE_STEPS),
      steps,
    )
    .option('--json', l10n.t('print the result, with every step, as JSON'))
    .option(...folderOption())
    .action(async (file: string, options: LrFindOptions) => end(await findRate(terminal, file, options)));
}

/** Runs a learning rate range test on an experiment and prints the suggestions. */
async function findRate(terminal: Terminal, file: string, options: LrFindOptions): Promise<ExitCode> {
  if (options.from >= options.to) {
    terminal.fail({
      what: l10n.t('--from {0} is not below --to {1}.', options.from, options.to),
      remedy: l10n.t('Specify an increasing range, such as --from 0.0001 --to 10.'),
    });
    return EXIT.badInput;
  }
  const overrides = overridesOf(options);
  await assertNoCommand(file, overrides, commandRangeTestFailure(file));
  const read = await readExperiment(terminal, file, { ...options, overrides, isTrained: true });
  if (!read) return EXIT.badInput;
  for (const warning of read.warnings) terminal.note(warning);
  const recipe = recipeOf(read, options);
  const root = await rootOf(terminal, options);
  const creation = await createRun(root, {
    ...{ experimentFile: file, experimentText: read.text, settings: overrides },
    ...{ recipe, versions: VERSIONS },
  });
  if (!creation.ok) {
    terminal.fail(creation.failure);
    return EXIT.failed;
  }
  const { folder } = creation;
  const { end, isInterrupted } = await follow(terminal, folder, recipe);
  if (end.status === 'failed') {
    terminal.fail(end.failure, writtenLog(folder));
    return EXIT.failed;
  }
  if (isInterrupted || end.status !== 'stopped') {
    terminal.note(l10n.t('The range test was stopped. Its run: {0}', folder));
    return EXIT.stopped;
  }
  const { events } = await readAllEvents(metricsPath(folder));
  const result = rangeTestOf(events, recipe, options.to);
  if (options.json) terminal.printJson(jsonOf(result, folder, options), 2);
  else show(terminal, result, folder, (await commandsAt(root))(runCommand(file, options)));
  return result.steepest.ok || result.tenthOfMinimum.ok ? EXIT.done : EXIT.failed;
}

function recipeOf({ experiment, recipe }: ReadExperiment, plan: RangeTestPlan): Recipe {
  return rangeTestRecipe(recipe, plan, experiment.optimizer.base_lr, rangeTestName(recipe.name));
}

/** Shows the steps on standard error until training ends. An interrupt stops it. */
async function follow(
  terminal: Terminal,
  folder: string,
  recipe: Recipe,
): Promise<{ readonly end: RunEnd; readonly isInterrupted: boolean }> {
  const run: RunHandle = startRun(folder, { nodePath: process.execPath, trainerPath: TRAINER_PATH });
  const progress = progressOf(terminal, recipe);
  run.on('events', ({ events }) => {
    for (const event of events) progress.show(event);
  });
  let isInterrupted = false;
  const stop = () => {
    isInterrupted = true;
    void run.stop();
  };
  terminal.closed.addEventListener('abort', stop, { once: true });
  process.on('SIGINT', stop).on('SIGTERM', stop).on('SIGHUP', stop);
  try {
    return { end: await run.exited, isInterrupted };
  } finally {
    process.off('SIGINT', stop).off('SIGTERM', stop).off('SIGHUP', stop);
    progress.end();
  }
}

/** Draws a bar in a terminal and shows nothing in a pipe, where only the result matters. */
function progressOf(terminal: Terminal, recipe: Recipe): Progress {
  const bar = terminal.isInteractive ? terminal.statusLine() : null;
  return bar ? barProgress(terminal, bar, recipe) : { show: () => {}, end: () => {} };
}

/** The command that trains the tested experiment, without the learning rate. */
function runCommand(file: string, { set = [], engine, seed }: LrFindOptions): string {
  return [
    ...['tricks run', quoted(file)],
    ...(engine === undefined ? [] : ['--engine', quoted(engine)]),
    ...(seed === undefined ? [] : ['--seed', quoted(seed)]),
    ...set.flatMap((value) => ['--set', quoted(value)]),
  ].join(' ');
}

function show(terminal: Terminal, result: RangeTestResult, folder: string, command: string): void {
  const { points, steepest, tenthOfMinimum } = result;
  const marks: RateMark[] = [
    ...(steepest.ok ? [{ letter: 'S', learningRate: steepest.learningRate }] : []),
    ...(tenthOfMinimum.ok ? [{ letter: 'M', learningRate: tenthOfMinimum.learningRate }] : []),
  ];
  if (points.length > 0) {
    const size = { width: Math.min(Math.max(terminal.columns - 14, 20), WIDEST_PLOT), height: PLOT_HEIGHT };
    for (const line of ratePlot(points, marks, size)) terminal.print(line);
    terminal.print();
  }
  const last = points.at(-1);
  if (last && result.hasExploded) {
    terminal.print(l10n.t('The loss exploded at base_lr {0}.', formatNumber(last.learningRate, 2)));
  }
  terminal.print(line(l10n.t('S: steepest descent'), steepest));
  terminal.print(line(l10n.t('M: one tenth of the learning rate at the minimum'), tenthOfMinimum));
  const best = steepest.ok ? steepest : tenthOfMinimum;
  if (best.ok) {
    const rate = formatNumber(best.learningRate, 2);
    terminal.print(l10n.t('Try it: {0}', `${command} --set optimizer.base_lr=${rate}`));
  }
  terminal.print(l10n.t('Run: {0}', folder));
}

function line(title: string, suggestion: Suggestion): string {
  return suggestion.ok
    ? l10n.t('{0}: base_lr {1}', title, formatNumber(suggestion.learningRate, 2))
    : l10n.t('{0}: none. {1}', title, noSuggestionText(suggestion.reason));
}

/** Learning rates are values of `optimizer.base_lr`, before scaling. */
function jsonOf(result: RangeTestResult, folder: string, { from, to, steps }: RangeTestPlan): object {
  const suggestion = (found: Suggestion) =>
    found.ok ? { base_lr: found.learningRate } : { base_lr: null, reason: found.reason };
  return {
    run: basename(folder),
    ...{ folder, from, to, steps },
    exploded: result.hasExploded,
    steepest: suggestion(result.steepest),
    tenth_of_minimum: suggestion(result.tenthOfMinimum),
    points: result.points.map(({ learningRate, loss, smoothed }) => ({
      ...{ base_lr: learningRate, loss, smoothed },
    })),
  };
}

/** Parses a learning rate option. */
function learningRate(text: string): number {
  const number = Number(text);
  if (text.trim() !== '' && Number.isFinite(number) && number > 0) return number;
  throw new InvalidArgumentError(l10n.t('It must be a number above 0.'));
}
