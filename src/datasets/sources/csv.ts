import { dirname, posix, relative, resolve, sep } from 'node:path';
import * as l10n from '@vscode/l10n';
import type { OwnDatasetRequest } from '../../recipe/datasets';
import { counted } from '../../shared/counted';
import { formatCount } from '../../shared/format';
import { UserError } from '../../shared/userError';
import { compareCodePoints } from '../codePoints';
import { LabelsBuilder, NameTableBuilder } from '../growing';
import { type SplitName, SplitsBuilder, TrainSplitter } from '../listedSplits';
import type { DataProblem, Lister } from '../listing';
import { NameIndex } from '../nameIndex';
import { Places } from '../problems';
import { groupPattern, isGroupPattern } from '../split';
import { csvRows } from './csvRows';

type Request = Extract<OwnDatasetRequest, { dataset: 'csv' }>;

/** Accepted names of splits in a table, in lower case. */
const SPLIT_NAMES: ReadonlyMap<string, SplitName> = new Map([
  ...(['train', 'training'] as const).map((name) => [name, 'train'] as const),
  ...(['val', 'valid', 'validation'] as const).map((name) => [name, 'validation'] as const),
  ...(['test', 'testing'] as const).map((name) => [name, 'test'] as const),
]);
const SPLITS = ['train', 'validation', 'test'] as const satisfies readonly SplitName[];

/** Rows between progress reports. */
const PROGRESS_EVERY = 5000;

/** The positions of a table's columns. */
interface Columns {
  readonly count: number;
  readonly image: number;
  readonly label: number;
  readonly split: number | null;
  /** Returns the group of a row's image; null if images are not grouped. */
  readonly group: ((values: readonly string[], path: string) => string | null) | null;
}

interface RowImage {
  readonly name: string;
  readonly label: string;
  /** An index into SPLITS. */
  readonly split: number;
  readonly group: string | null | undefined;
}

/**
 * Lists a table of images and labels. Paths are relative to the table's folder and must stay inside it. If the distinct
 * labels are the integers from 0 on, they are used as they are. Otherwise, classes are sorted by code point.
 *
 * @throws UserError if the table or a column does not exist; the signal's reason if aborted
 */
export const listCsv: Lister<Request> = async (request, { folder, signal, onProgress }) => {
  const path = resolve(folder, request.path);
  const root = dirname(path);
  const table = new TableReader(root, request);
  for await (const { line, values } of csvRows(path, signal, (share) => {
    if (table.rows % PROGRESS_EVERY === PROGRESS_EVERY - 1)
      onProgress?.(l10n.t('{0} rows read', formatCount(table.rows + 1)), share);
  })) {
    table.add(line, values);
  }
  return table.finish(path);
};

/** Takes rows one at a time, and builds the data set after all labels and splits are known. */
class TableReader {
  private columns: Columns | null = null;
  private read = 0;
  private readonly names = new NameTableBuilder();
  private readonly index = new NameIndex((at) => this.names.at(at));
  private readonly splitter: TrainSplitter;
  /** Maps each written label to its number, in order of appearance. */
  private readonly seen = new Map<string, number>();
  /** Per image: its label's number, its split, and the side it would take if split from the training images. */
  private readonly labels = new LabelsBuilder();
  private readonly splits = new LabelsBuilder();
  private readonly lines = new LabelsBuilder();

  private readonly incomplete = new Places();
  private readonly uneven = new Places();
  private readonly strangeSplit = new Places();
  private readonly outside = new Places();
  private readonly repeated = new Places();
  private readonly contradicting = new Places();
  private readonly leaking = new Places();

  constructor(
    private readonly root: string,
    private readonly request: Request,
  ) {
    this.splitter = new TrainSplitter(request.split);
  }

  /** The number of rows read, without the header. */
  get rows(): number {
    return this.read;
  }

  add(line: number, values: readonly string[]): void {
    if (!this.columns) {
      this.columns = columnsOf(values, this.request);
      return;
    }
    this.read++;
    const image = this.imageOf(line, values, this.columns);
    if (image) this.addImage(image, line);
  }

  /** Parses a row. Returns null for an unusable row and records a problem. */
  private imageOf(line: number, values: readonly string[], columns: Columns): RowImage | null {
    const refuse = (places: Places, detail?: string) => {
      const place = l10n.t('line {0}', line);
      places.add(detail === undefined ? place : `${place}: ${detail}`);
      return null;
    };
    if (values.length !== columns.count) return refuse(this.uneven);
    const [written, label] = [values[columns.image]!, values[columns.label]!];
    if (written === '' || label === '') return refuse(this.incomplete);
    const name = this.nameOf(written);
    if (name === null) return refuse(this.outside, written);
    const splitText = columns.split === null ? 'train' : values[columns.split]!;
    const split = SPLIT_NAMES.get(splitText.toLowerCase());
    if (!split) return refuse(this.strangeSplit, splitText);
    return { name, label, split: SPLITS.indexOf(split), group: columns.group?.(values, name) };
  }

  private addImage({ name, label, split, group }: RowImage, line: number): void {
    const number = this.seen.get(label) ?? this.seen.size;
    this.seen.set(label, number);
    const earlier = this.index.findOrAdd(name);
    if (earlier !== null) {
      const lines = l10n.t('lines {0} and {1}: {2}', this.lines.at(earlier), line, name);
      if (this.labels.at(earlier) !== number) this.contradicting.add(lines);
      else if (this.splits.at(earlier) >> 1 !== split) this.leaking.add(lines);
      else this.repeated.add(lines);
      return;
    }
    const isValidation = split === 0 && this.splitter.side(name, number, group) === 'validation';
    this.names.add(name);
    this.labels.add(number);
    this.splits.add(split * 2 + Number(isValidation));
    this.lines.add(line);
  }

  /** Returns an image's path relative to the table's folder, with slashes; null if it leaves the folder. */
  private nameOf(written: string): string | null {
    const slashed = written.replaceAll('\\', '/');
    const isAbsolute = slashed.startsWith('/') || /^[a-z]:\//i.test(slashed);
    const below = isAbsolute ? relative(this.root, resolve(slashed)).replaceAll(sep, '/') : slashed;
    const name = posix.normalize(below);
    return name === '..' || name.startsWith('../') || posix.isAbsolute(name) || /^[a-z]:/i.test(name)
      ? null
      : name;
  }

  finish(path: string) {
    if (!this.columns || this.names.count === 0) throw this.nothing(path);
    const [labels, splits] = [this.labels.finish(), this.splits.finish()];
    const hasValidation = splits.some((each) => each >> 1 === SPLITS.indexOf('validation'));
    const written = [...this.seen.keys()];
    const trained = new Set<string>();
    for (let i = 0; i < labels.length; i++) if (splits[i]! >> 1 === 0) trained.add(written[labels[i]!]!);
    const classNames = orderedClasses([...trained]);
    const labelOf = new Map(classNames.map((name, label) => [name, label]));
    const strangers = new Set<string>();
    const built = new SplitsBuilder(this.root);
    for (let i = 0; i < labels.length; i++) {
      const name = written[labels[i]!]!;
      const label = labelOf.get(name);
      if (label === undefined) strangers.add(name);
      else {
        const side = SPLITS[splits[i]! >> 1]!;
        const isMoved = side === 'train' && !hasValidation && splits[i]! % 2 === 1;
        built.add(isMoved ? 'validation' : side, this.names.at(i), label);
      }
    }
    return built.finish(classNames, [
      ...this.rowProblems(),
      ...unknownClasses(strangers),
      ...(hasValidation ? [] : this.splitter.problems()),
    ]);
  }

  private rowProblems(): DataProblem[] {
    const { image_column, label_column, split_column = '' } = this.request;
    const error = { severity: 'error', kind: 'bad_row' } as const;
    return [
      ...this.incomplete.problem((rows, count) => ({
        ...error,
        what: l10n.t('{0} without {1} or {2}: {3}.', counted(count, 'row'), image_column, label_column, rows),
        remedy: l10n.t('Fill them in, or delete the rows.'),
      })),
      ...this.uneven.problem((rows, count) => ({
        ...error,
        what: l10n.t(
          '{0} with more or fewer values than the header has columns: {1}.',
          counted(count, 'row'),
          rows,
        ),
        remedy: l10n.t('Put values that contain the separator in quotes.'),
      })),
      ...this.strangeSplit.problem((rows, count) => ({
        ...error,
        what: l10n.t('{0} with an unknown split: {1}.', counted(count, 'row'), rows),
        remedy: l10n.t('Write train, validation or test in the column {0}.', split_column),
      })),
      ...this.outside.problem((rows, count) => ({
        ...error,
        what: l10n.t("{0} with a path outside the table's folder: {1}.", counted(count, 'row'), rows),
        remedy: l10n.t('Move the table to a folder above its images.'),
      })),
      ...this.contradicting.problem((rows, count) => ({
        severity: 'error',
        kind: 'duplicate',
        what: l10n.t('{0} with two labels: {1}.', counted(count, 'image'), rows),
        remedy: l10n.t('Delete the wrong rows.'),
      })),
      ...this.leaking.problem((rows, count) => ({
        severity: 'error',
        kind: 'leak',
        what: l10n.t('{0} in two splits: {1}.', counted(count, 'image'), rows),
        remedy: l10n.t('Keep each image in one split.'),
      })),
      ...this.repeated.problem((rows, count) => ({
        severity: 'warning',
        kind: 'duplicate',
        what: l10n.t('{0} with a repeated image, which is counted once: {1}.', counted(count, 'row'), rows),
        remedy: l10n.t('Delete the repeated rows.'),
      })),
    ];
  }

  private nothing(path: string): UserError {
    const [problem] = this.rowProblems();
    return new UserError({
      what: [l10n.t('The table {0} has no images.', path), ...(problem ? [problem.what] : [])].join(' '),
      remedy: problem?.remedy ?? l10n.t('Write a header and one row per image.'),
    });
  }
}

function unknownClasses(names: ReadonlySet<string>): DataProblem[] {
  const places = new Places();
  for (const name of names) places.add(name);
  return places.problem((listed) => ({
    severity: 'error',
    kind: 'unknown_class',
    what: l10n.t('These classes have no training images: {0}.', listed),
    remedy: l10n.t('Add training images for them, or fix their labels.'),
  }));
}

/** Sorts classes numerically if the names are exactly 0 to K - 1. */
function orderedClasses(names: readonly string[]): string[] {
  const numbers = names.map((_, label) => String(label));
  const present = new Set(names);
  return numbers.every((number) => present.has(number)) ? numbers : [...names].sort(compareCodePoints);
}

function columnsOf(header: readonly string[], { image_column, label_column, split_column, split }: Request) {
  const find = (name: string, option: string): number => {
    const at = header.indexOf(name);
    if (at < 0) throw noColumn(name, option, header);
    if (header.indexOf(name, at + 1) >= 0)
      throw new UserError({
        what: l10n.t('The table has two columns named {0}.', name),
        remedy: l10n.t('Rename one of them.'),
      });
    return at;
  };
  const columns: Columns = {
    count: header.length,
    image: find(image_column, 'image_column'),
    label: find(label_column, 'label_column'),
    split: split_column === undefined ? null : find(split_column, 'split_column'),
    group: groupOf(split.group_by, header, find),
  };
  return columns;
}

function groupOf(
  groupBy: string | undefined,
  header: readonly string[],
  find: (name: string, option: string) => number,
): Columns['group'] {
  if (groupBy === undefined) return null;
  if (!header.includes(groupBy) && isGroupPattern(groupBy)) {
    const grouping = groupPattern(groupBy);
    return (_, path) => grouping(path);
  }
  const at = find(groupBy, 'split.group_by');
  return (values) => values[at] || null;
}

function noColumn(name: string, option: string, header: readonly string[]): UserError {
  return new UserError({
    what: l10n.t('The table has no column {0}. Its columns: {1}.', name, header.join(', ')),
    remedy: l10n.t('Set data.{0} to the name of the column.', option),
  });
}
