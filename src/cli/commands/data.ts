import { writeFile } from 'node:fs/promises';
import { basename, dirname, resolve } from 'node:path';
import * as l10n from '@vscode/l10n';
import type { Command } from 'commander';
import type { DatasetIndex } from '../../datasets/index/datasetIndex';
import { assertUsable } from '../../datasets/index/datasetIndex';
import { openIndexed } from '../../datasets/index/openIndexed';
import { datasetKey, factsLookup } from '../../datasets/index/store';
import type { DataProblem } from '../../datasets/listing';
import { dataCacheFolder, requestPaths } from '../../datasets/requestPaths';
import { countLooks } from '../../datasets/testLooks';
import { parseExperiment } from '../../experiment/parse';
import { formatProblem } from '../../experiment/problem';
import type { OwnDatasetRequest, Quantiles } from '../../recipe/datasets';
import { counted } from '../../shared/counted';
import { formatBytes, formatCount, formatNumber } from '../../shared/format';
import { UserError } from '../../shared/userError';
import { quoted } from '../../system/allowedFolders';
import {
  type AllowOption,
  allowFolders,
  type DataPlace,
  ensureAllowed,
  indexData,
  withAllow,
} from '../dataAccess';
import { readText } from '../input';
import {
  type CommandContext,
  experimentArgument,
  type FolderOption,
  folderOption,
  type JsonOption,
  type OverrideOptions,
  overridesOf,
  rootOf,
  withSet,
} from '../options';
import { augmentedSheet, classSheet, type Sheet } from '../sheets';
import { table } from '../table';
import { EXIT, type ExitCode, paint, type Terminal } from '../terminal';

/** Maximum number of classes to list. `--json` has them all. */
const LISTED_CLASSES = 50;
/** Maximum number of places to list per problem. */
const LISTED_PLACES = 5;

interface DataOptions extends OverrideOptions, AllowOption, FolderOption, JsonOption {
  readonly sheet?: string;
  readonly augmented?: boolean;
  readonly full?: boolean;
}

export function addDataCommand(program: Command, { terminal, end }: CommandContext): void {
  withAllow(withSet(program.command('data')))
    .description(l10n.t("index an experiment's images and report on them"))
    .argument(...experimentArgument())
    .option('--sheet <file>', l10n.t('write a contact sheet of the classes, as PNG'))
    .option(
      '--augmented',
      l10n.t('show images on the sheet next to what the network sees of them in training'),
    )
    .option('--full', l10n.t('decode all images of a large data set, not only a sample'))
    .option('--json', l10n.t('print the report as JSON'))
    .option(...folderOption())
    .action(async (file: string, options: DataOptions) => end(await data(terminal, file, options)));
}

/** Indexes an experiment's images and reports on them. */
async function data(terminal: Terminal, file: string, options: DataOptions): Promise<ExitCode> {
  const place: DataPlace = { root: await rootOf(terminal, options), folder: dirname(resolve(file)) };
  const text = await readText(file);
  const overrides = overridesOf(options);
  // Parse without facts, so that a problem in the facts cannot hide which images are meant.
  const parsed = parseExperiment(text, file, overrides);
  if (parsed.ok) throw notOwn(parsed.recipe.data.dataset.name);
  if (!parsed.unindexed) {
    for (const problem of parsed.problems) terminal.note(formatProblem(file, problem));
    return EXIT.badInput;
  }
  const { request, experiment } = parsed.unindexed;
  await allowFolders(options);
  await ensureAllowed(terminal, request, place);
  const index = await indexData(
    terminal,
    request,
    place,
    options.full ? { decodedImages: Number.POSITIVE_INFINITY } : {},
  );
  const testLooks = await countLooks(place.root, datasetKey(request, place.folder));
  if (options.json) {
    const { facts, report, scannedAt } = index;
    terminal.printJson({ request, facts, report, testLooks, scannedAt }, 2);
  } else printReport(terminal, index, place, testLooks);
  const sheet = await sheetFor(terminal, file, options, place, request);
  if (sheet && !options.json) printSheet(terminal, sheet, index);
  assertUsable(index, 'on_bad_image' in experiment.data ? (experiment.data.on_bad_image ?? 'fail') : 'fail');
  if (!options.json) printNext(terminal, file, index);
  return EXIT.done;
}

/** Prints the next command, unless an error prevents training on the images. */
function printNext(terminal: Terminal, file: string, { report }: DatasetIndex): void {
  if (report.problems.some(({ severity }) => severity === 'error')) return;
  terminal.print();
  terminal.print(l10n.t('Train: {0}', `tricks run ${quoted(file)}`));
}

function notOwn(name: string): UserError {
  return new UserError({
    what: l10n.t('{0} is built in and needs no index.', name),
    remedy: l10n.t('Specify your own data set, such as {0}.', 'dataset: image_folder'),
  });
}

interface WrittenSheet extends Sheet {
  readonly file: string;
  readonly isAugmented: boolean;
}

/** Writes the requested sheet, if any. */
async function sheetFor(
  terminal: Terminal,
  file: string,
  { sheet, augmented = false, ...options }: DataOptions,
  { root, folder }: DataPlace,
  request: OwnDatasetRequest,
): Promise<WrittenSheet | null> {
  if (sheet === undefined && !augmented) return null;
  const parsed = parseExperiment(
    await readText(file),
    file,
    overridesOf(options),
    'train',
    factsLookup(root, folder),
  );
  const { dataset } = await openIndexed(root, request, folder, {
    onBadImage: 'skip',
    cacheFolder: dataCacheFolder(),
    signal: terminal.closed,
  });
  if (augmented && !parsed.ok) {
    for (const problem of parsed.problems) terminal.note(formatProblem(file, problem));
    throw new UserError({
      what: l10n.t(
        'The augmented samples cannot be drawn: the experiment does not say how images reach its network.',
      ),
      remedy: l10n.t('Fix the errors in this file first.'),
    });
  }
  const made =
    augmented && parsed.ok
      ? await augmentedSheet(dataset.train, parsed.recipe)
      : await classSheet(dataset.train);
  const path = sheet ?? `${basename(file).replace(/[.](experiment[.])?\w+$/, '')}-augmented.png`;
  await writeFile(path, made.png);
  return { ...made, file: path, isAugmented: augmented };
}

function printSheet(
  terminal: Terminal,
  { file, labels, isAugmented }: WrittenSheet,
  { facts }: DatasetIndex,
): void {
  terminal.print();
  terminal.print(
    isAugmented
      ? l10n.t(
          'Wrote {0}: each row has an image, then samples of what the network sees of it. Rows from the top:',
          file,
        )
      : l10n.t('Wrote {0}: one row per class, from the top:', file),
  );
  terminal.print(labels.map((label) => facts.classNames[label] ?? '').join(', '));
}

function printReport(
  terminal: Terminal,
  index: DatasetIndex,
  { root, folder }: DataPlace,
  testLooks: number,
): void {
  const { facts, report, request } = index;
  terminal.print(paint('bold', `${request.dataset} ${requestPaths(request, folder).join(', ')}`));
  for (const line of table(summary(index, testLooks))) terminal.print(line);
  terminal.print();
  const titles = [l10n.t('CLASS'), l10n.t('TRAIN'), l10n.t('VALIDATION'), l10n.t('TEST')];
  const hasTest = facts.testImages > 0;
  const rows = facts.classNames
    .slice(0, LISTED_CLASSES)
    .map((name, label) => [
      name,
      formatCount(facts.trainCounts[label] ?? 0),
      formatCount(report.validationCounts[label] ?? 0),
      ...(hasTest ? [formatCount(report.testCounts[label] ?? 0)] : []),
    ]);
  terminal.printTable(hasTest ? titles : titles.slice(0, 3), rows, [1, 2, 3]);
  const left = facts.classNames.length - rows.length;
  if (left > 0) terminal.print(l10n.t('and {0} more classes ({1} lists them)', formatCount(left), '--json'));
  for (const problem of report.problems) printProblem(terminal, problem, root);
}

function summary({ facts, report }: DatasetIndex, testLooks: number): string[][] {
  const images = [
    l10n.t('{0} for training', formatCount(facts.trainImages)),
    l10n.t('{0} for validation', formatCount(facts.validationImages)),
    ...(facts.testImages > 0 ? [l10n.t('{0} for the final test', formatCount(facts.testImages))] : []),
  ];
  const all = facts.trainImages + facts.validationImages + facts.testImages;
  return [
    [l10n.t('Images'), `${images.join(', ')} (${formatBytes(report.bytes)})`],
    ...(facts.testImages > 0
      ? [[l10n.t('Test split'), l10n.t('evaluated {0}', counted(testLooks, 'time'))]]
      : []),
    [
      l10n.t('Classes'),
      l10n.t(
        '{0}; the largest has {1} times as many training images as the smallest',
        formatCount(facts.classNames.length),
        formatNumber(report.imbalance, 3),
      ),
    ],
    [l10n.t('Width'), quantilesText(facts.width)],
    [l10n.t('Height'), quantilesText(facts.height)],
    [l10n.t('Short edge'), quantilesText(facts.shortEdge)],
    [l10n.t('Channels'), facts.channels === 1 ? l10n.t('1 (gray)') : '3'],
    [l10n.t('Mean'), numbersText(facts.mean)],
    [l10n.t('Std'), numbersText(facts.std)],
    [
      l10n.t('Decoded'),
      report.decoded >= all
        ? l10n.t('all images')
        : l10n.t(
            '{0}; only header and content of the others were read ({1} decodes all)',
            counted(report.decoded, 'image'),
            '--full',
          ),
    ],
    [l10n.t('Fingerprint'), facts.fingerprint],
  ];
}

function quantilesText({ min, p05, median, p95, max }: Quantiles): string {
  if (min === max) return l10n.t('{0} pixels', min);
  return l10n.t('{0} pixels (5%: {1}, 95%: {2}; {3} to {4})', median, p05, p95, min, max);
}

function numbersText(values: readonly number[]): string {
  return values.map((value) => value.toFixed(4)).join(', ');
}

function printProblem(
  terminal: Terminal,
  { severity, count, where, what, remedy }: DataProblem,
  root: string,
): void {
  terminal.print();
  const [name, style] =
    severity === 'error' ? ([l10n.t('error:'), 'red'] as const) : ([l10n.t('warning:'), 'yellow'] as const);
  terminal.print([paint(style, name), ` ${what}`]);
  for (const place of where.slice(0, LISTED_PLACES)) terminal.print(`  ${place.replaceAll(`${root}/`, '')}`);
  const left = Math.max(count, where.length) - Math.min(where.length, LISTED_PLACES);
  if (left > 0 && where.length > 0) terminal.print(`  ${l10n.t('and {0} more', formatCount(left))}`);
  terminal.print(remedy);
}
