import { basename, dirname } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import * as l10n from '@vscode/l10n';
import type { OwnDatasetRequest, SplitOptions } from '../../recipe/datasets';
import { parseJson } from '../../shared/parseJson';
import { UserError } from '../../shared/userError';
import { isMapping } from '../../shared/values';
import { datasetError } from '../errors';
import { shardFiles } from '../formats/shards';
import { TarError, type TarMember, tarMembers } from '../formats/tarWalk';
import { WindowedFile } from '../formats/windowedFile';
import { type SplitName, TrainSplitter } from '../listedSplits';
import type { DataProblem, Lister, ListingOptions } from '../listing';
import { Places } from '../problems';
import { type Grouping, groupPattern, isGroupPattern } from '../split';
import type { SplitTable } from '../table';
import { classNamesIn } from './classNames';
import { labelProblems } from './labelProblems';
import { type LabelNumbers, LabelTexts, numberLabels } from './labelTexts';
import { RangeTableBuilder } from './rangeTable';

type ShardRequest = Extract<OwnDatasetRequest, { dataset: 'webdataset' }>;

const IMAGE_EXTENSIONS = new Set(['jpg', 'jpeg', 'png', 'webp', 'gif', 'bmp', 'tif', 'tiff']);
/** Of a JSON file of attributes, those that are taken for the label, in this order. */
const LABEL_KEYS = ['label', 'cls', 'class', 'target'] as const;
/** A label file is small; one that is larger is something else. */
const MAX_LABEL_BYTES = 1 << 20;

/**
 * Lists shards as webdataset writes them: uncompressed tar archives in which the files of a sample follow each other and
 * have the same path up to the first dot of their name. A sample is an image (`.jpg`, `.png` and so on) and its label: a
 * number or a class name in `.cls`, or under `label`, `cls`, `class` or `target` in `.json`. Only headers and labels are
 * read. Without validation shards, validation images are split from the training shards by a hash of the
 * samples' keys, or of what `group_by` finds in the images' paths.
 *
 * Numbers are labels; their names are in `classes.txt` or `classnames.txt` beside the first training shard. Class names
 * get their labels from that file, or else in the order of code points.
 */
export const listWebdataset: Lister<ShardRequest> = async (request, options) => {
  const files = {
    train: await shardFiles(request.train, options.folder),
    validation: request.validation ? await shardFiles(request.validation, options.folder) : null,
    test: request.test ? await shardFiles(request.test, options.folder) : null,
  };
  refuseSharedShards(files);
  const walk = new Walk(request.split, files.validation === null, options);
  await walk.walk('train', files.train);
  await walk.walk('validation', files.validation ?? []);
  await walk.walk('test', files.test ?? []);
  const names = await classNamesIn(dirname(files.train[0]!));
  const labels = numberLabels(walk.labels, names, request.train);
  const train = walk.table('train', files.train, labels);
  if (train.labels.length === 0) {
    throw datasetError(
      request.train,
      l10n.t('The shards have no sample with an image and a label.'),
      l10n.t('Store each image with its label, such as {0} and {1}.', '000123.jpg', '000123.cls'),
    );
  }
  const validation = walk.table('validation', files.validation ?? files.train, labels);
  const test = walk.table('test', files.test ?? [], labels);
  return {
    classNames: labels.classNames,
    train,
    validation,
    test: test.labels.length > 0 ? test : null,
    problems: [
      ...walk.problems(),
      ...labelProblems(labels.classNames, train.labels, validation.labels, request.train),
    ],
  };
};

/** @throws UserError when a shard is in two splits */
function refuseSharedShards(files: Readonly<Record<SplitName, readonly string[] | null>>): void {
  const seen = new Set<string>();
  const paths = Object.values(files).flatMap((ofSplit) => ofSplit ?? []);
  const twice = paths.find((path) => seen.size === seen.add(path).size);
  if (twice === undefined) return;
  throw datasetError(
    twice,
    l10n.t(
      'The shard belongs to two splits, so that a training would be validated or tested on its own images.',
    ),
    l10n.t('Name other shards for each of train, validation and test.'),
  );
}

/** What is known of a sample while its files go by. */
interface Sample {
  readonly key: string;
  image: TarMember | null;
  /** The label as text; null where it is missing, undefined where no file has been seen that could have it. */
  label: string | null | undefined;
}

/** Goes through shards and collects their samples. */
class Walk {
  readonly labels = new LabelTexts();
  readonly #tables: Readonly<Record<SplitName, RangeTableBuilder>> = {
    train: new RangeTableBuilder(),
    validation: new RangeTableBuilder(),
    test: new RangeTableBuilder(),
  };
  readonly #unlabelled = { train: new Places(), validation: new Places(), test: new Places() };
  readonly #withoutImage = new Places();
  readonly #unended = new Places();
  readonly #splitter: TrainSplitter;
  readonly #groupOf: Grouping | null;

  constructor(
    split: SplitOptions,
    private readonly isSplit: boolean,
    private readonly options: ListingOptions,
  ) {
    this.#splitter = new TrainSplitter(split);
    this.#groupOf = groupingOf(split);
  }

  async walk(split: SplitName, files: readonly string[]): Promise<void> {
    for (const [index, path] of files.entries()) await this.#walkShard(split, path, index, files.length);
  }

  async #walkShard(split: SplitName, path: string, file: number, files: number): Promise<void> {
    const shard = new WindowedFile(path);
    try {
      refuseCompressed(shard);
      await this.#walkMembers(split, shard, file, files);
    } catch (error) {
      if (!(error instanceof TarError)) throw error;
      throw datasetError(path, error.message, l10n.t('Write or download the shard again.'), { cause: error });
    } finally {
      shard.close();
    }
  }

  async #walkMembers(split: SplitName, shard: WindowedFile, file: number, files: number): Promise<void> {
    const { signal, onProgress } = this.options;
    let sample = null as Sample | null;
    const members = tarMembers((position, length) => shard.read(position, length), shard.bytes);
    let pausedMs = Date.now();
    for (;;) {
      const { done, value } = members.next();
      if (done) {
        if (!value) this.#unended.add(shard.path);
        break;
      }
      const [key, extension] = keyAndExtension(value.name);
      if (isHidden(key)) continue;
      if (sample?.key !== key) {
        if (sample) this.#add(split, sample, shard, file);
        sample = { key, image: null, label: undefined };
      }
      this.#addMember(sample, value, extension, shard);
      // Reading synchronously is ten times as fast; others get their turn now and then.
      if (Date.now() - pausedMs > 20) {
        onProgress?.(basename(shard.path), (file + value.start / shard.bytes) / files);
        await setImmediate();
        signal?.throwIfAborted();
        pausedMs = Date.now();
      }
    }
    if (sample) this.#add(split, sample, shard, file);
    onProgress?.(basename(shard.path), (file + 1) / files);
    signal?.throwIfAborted();
  }

  #addMember(sample: Sample, member: TarMember, extension: string, shard: WindowedFile): void {
    if (IMAGE_EXTENSIONS.has(extension)) sample.image ??= member;
    const isLabel = extension === 'cls' || (extension === 'json' && typeof sample.label !== 'string');
    if (!isLabel || member.length > MAX_LABEL_BYTES) return;
    const text = Buffer.from(shard.read(member.start, member.length)).toString('utf8');
    sample.label = (extension === 'cls' ? labelOf(text.trim()) : labelInJson(text)) ?? sample.label ?? null;
  }

  #add(split: SplitName, { key, image, label }: Sample, shard: WindowedFile, file: number): void {
    const where = `${shard.path}: ${key}`;
    if (!image) {
      this.#withoutImage.add(where);
      return;
    }
    if (label === null || label === undefined) {
      this.#unlabelled[split].add(where);
      return;
    }
    const name = `${basename(shard.path)}/${image.name}`;
    const number = split === 'train' ? this.labels.ofTraining(label) : this.labels.other(label);
    const into =
      split === 'train' && this.isSplit
        ? this.#splitter.side(key, number, this.#groupOf?.(image.name))
        : split;
    this.#tables[into].add({ file, offset: image.start, length: image.length, name, label: number });
  }

  table(
    split: SplitName,
    files: readonly string[],
    labels: LabelNumbers,
  ): Extract<SplitTable, { kind: 'ranges' }> {
    return this.#tables[split].build(files, labels);
  }

  problems(): DataProblem[] {
    const label = l10n.t(
      'Store the label of each image as {0}, or under {1} in {2}.',
      '.cls',
      'label',
      '.json',
    );
    return [
      ...this.#unlabelled.train.problem((samples, count) => ({
        severity: 'error',
        kind: 'bad_row',
        what: l10n.t('{0} training samples have no label: {1}.', count, samples),
        remedy: label,
      })),
      ...this.#unlabelled.validation.problem((samples, count) => ({
        severity: 'error',
        kind: 'bad_row',
        what: l10n.t('{0} validation samples have no label: {1}.', count, samples),
        remedy: label,
      })),
      ...this.#unlabelled.test.problem((samples, count) => ({
        severity: 'warning',
        kind: 'bad_row',
        what: l10n.t('{0} test samples have no label and are left out: {1}.', count, samples),
        remedy: label,
      })),
      ...this.#withoutImage.problem((samples, count) => ({
        severity: 'warning',
        kind: 'unsupported',
        what: l10n.t('{0} samples have no image that can be read, and are left out: {1}.', count, samples),
        remedy: l10n.t('Store images as {0}.', [...IMAGE_EXTENSIONS].map((name) => `.${name}`).join(', ')),
      })),
      ...this.#unended.problem((shards, count) => ({
        severity: 'warning',
        kind: 'unreadable',
        what: l10n.t('{0} shards have no end mark, and may be cut short: {1}.', count, shards),
        remedy: l10n.t('Compare them with their source, or write them again.'),
      })),
      ...(this.isSplit ? this.#splitter.problems() : []),
    ];
  }
}

/** @throws UserError where `group_by` names a column, or is a pattern that cannot be read */
function groupingOf({ group_by }: SplitOptions): Grouping | null {
  if (group_by === undefined) return null;
  if (isGroupPattern(group_by)) return groupPattern(group_by);
  throw new UserError({
    what: l10n.t('data.split.group_by is {0}, and these images have no columns.', group_by),
    remedy: l10n.t('Write a pattern over their paths, such as {0}.', '{patient}_*'),
  });
}

/** A member's path up to the first dot of its name, and what follows that. */
function keyAndExtension(name: string): [key: string, extension: string] {
  const slash = name.lastIndexOf('/');
  const dot = name.indexOf('.', slash + 2);
  return dot < 0 ? [name, ''] : [name.slice(0, dot), name.slice(dot + 1).toLowerCase()];
}

/** What an operating system leaves in an archive, and webdataset's own notes, which begin with two underscores. */
function isHidden(key: string): boolean {
  const name = key.slice(key.lastIndexOf('/') + 1);
  return name.startsWith('.') || name.startsWith('__') || key.startsWith('__MACOSX/');
}

/** A label as it stands; null where it says that there is none, as -1 does. */
function labelOf(text: string): string | null {
  return text === '' || text === '-1' ? null : text;
}

function labelInJson(text: string): string | null {
  let value: unknown;
  try {
    value = parseJson(text);
  } catch {
    return null;
  }
  if (!isMapping(value)) return null;
  const label = LABEL_KEYS.map((key) => value[key]).find((found) => found !== undefined && found !== null);
  if (typeof label === 'number') return Number.isInteger(label) ? labelOf(String(label)) : null;
  return typeof label === 'string' ? labelOf(label.trim()) : null;
}

/** @throws UserError for archives that cannot be read at any place */
function refuseCompressed(shard: WindowedFile): void {
  const [first, second, third] = shard.read(0, 3);
  const isGzip = first === 0x1f && second === 0x8b;
  const isOther =
    (first === 0x28 && second === 0xb5 && third === 0x2f) ||
    (first === 0x42 && second === 0x5a && third === 0x68) ||
    (first === 0xfd && second === 0x37 && third === 0x7a);
  if (!isGzip && !isOther) return;
  throw datasetError(
    shard.path,
    l10n.t('The shard is compressed, so that no image in it can be read without those before it.'),
    isGzip
      ? l10n.t('Decompress it with {0}; images are compressed already.', `gunzip ${basename(shard.path)}`)
      : l10n.t('Decompress it; images are compressed already.'),
  );
}
