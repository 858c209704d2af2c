import { basename, dirname } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import * as l10n from '@vscode/l10n';
import type { OwnDatasetRequest, SplitOptions } from '../../recipe/datasets';
import { counted } from '../../shared/counted';
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
/** Keys of a JSON attribute file that can hold the label, in search order. */
const LABEL_KEYS = ['label', 'cls', 'class', 'target'] as const;
/** A label file is small. A larger file contains something else. */
const MAX_LABEL_BYTES = 1 << 20;

/**
 * Lists shards as webdataset writes them: uncompressed tar archives in which a sample's files are adjacent and share
 * their path up to the first dot of the file name. A sample is an image (`.jpg`, `.png` and so on) and its label: a
 * number or a class name in `.cls`, or under `label`, `cls`, `class` or `target` in `.json`. Reads only headers and
 * labels. Without validation shards, validation images are split from the training shards by a hash of the sample keys,
 * or of the `group_by` match in the image paths.
 *
 * Numbers are labels. Their names come from `classes.txt` or `classnames.txt` next to the first training shard. Class
 * names get their labels from that file, or else are sorted by code point.
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
      l10n.t('No sample in the shards has both an image and a label.'),
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

/** @throws UserError if two splits share a shard */
function refuseSharedShards(files: Readonly<Record<SplitName, readonly string[] | null>>): void {
  const seen = new Set<string>();
  const paths = Object.values(files).flatMap((ofSplit) => ofSplit ?? []);
  const twice = paths.find((path) => seen.size === seen.add(path).size);
  if (twice === undefined) return;
  throw datasetError(
    twice,
    l10n.t('The shard belongs to two splits, so the same images would be in both.'),
    l10n.t('Specify different shards for train, validation and test.'),
  );
}

/** What is known of a sample while its files are read. */
interface Sample {
  readonly key: string;
  image: TarMember | null;
  /** The label as text. Null if it is missing, undefined if no file that could contain it has been seen. */
  label: string | null | undefined;
}

/** Walks the shards and collects their samples. */
class Walk {
  readonly labels = new LabelTexts();
  readonly #tables: Readonly<Record<SplitName, RangeTableBuilder>> = {
    train: new RangeTableBuilder(),
    validation: new RangeTableBuilder(),
    test: new RangeTableBuilder(),
  };
  readonly #unlabeled = { train: new Places(), validation: new Places(), test: new Places() };
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
      // Synchronous reads are much faster than asynchronous ones, so the walk yields to other work only now and then.
      // See docs/performance.md.
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
      this.#unlabeled[split].add(where);
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
      ...this.#unlabeled.train.problem((samples, count) => ({
        severity: 'error',
        kind: 'bad_row',
        what: l10n.t('{0} without a label in train: {1}.', counted(count, 'sample'), samples),
        remedy: label,
      })),
      ...this.#unlabeled.validation.problem((samples, count) => ({
        severity: 'error',
        kind: 'bad_row',
        what: l10n.t('{0} without a label in validation: {1}.', counted(count, 'sample'), samples),
        remedy: label,
      })),
      ...this.#unlabeled.test.problem((samples, count) => ({
        severity: 'warning',
        kind: 'bad_row',
        what: l10n.t('{0} without a label in test, skipped: {1}.', counted(count, 'sample'), samples),
        remedy: label,
      })),
      ...this.#withoutImage.problem((samples, count) => ({
        severity: 'warning',
        kind: 'unsupported',
        what: l10n.t('{0} without a readable image, skipped: {1}.', counted(count, 'sample'), samples),
        remedy: l10n.t('Store images as {0}.', [...IMAGE_EXTENSIONS].map((name) => `.${name}`).join(', ')),
      })),
      ...this.#unended.problem((shards, count) => ({
        severity: 'warning',
        kind: 'unreadable',
        what: l10n.t('{0} without an end marker, possibly truncated: {1}.', counted(count, 'shard'), shards),
        remedy: l10n.t('Compare them with the originals, or write them again.'),
      })),
      ...(this.isSplit ? this.#splitter.problems() : []),
    ];
  }
}

/** @throws UserError if `group_by` names a column or is not a valid pattern */
function groupingOf({ group_by }: SplitOptions): Grouping | null {
  if (group_by === undefined) return null;
  if (isGroupPattern(group_by)) return groupPattern(group_by);
  throw new UserError({
    what: l10n.t('data.split.group_by is {0}, but these images have no columns.', group_by),
    remedy: l10n.t('Write a path pattern, such as {0}.', '{patient}_*'),
  });
}

/** Splits a member's path at the first dot of its file name. */
function keyAndExtension(name: string): [key: string, extension: string] {
  const slash = name.lastIndexOf('/');
  const dot = name.indexOf('.', slash + 2);
  return dot < 0 ? [name, ''] : [name.slice(0, dot), name.slice(dot + 1).toLowerCase()];
}

/** Files that operating systems leave in archives, and webdataset's own notes, which start with two underscores. */
function isHidden(key: string): boolean {
  const name = key.slice(key.lastIndexOf('/') + 1);
  return name.startsWith('.') || name.startsWith('__') || key.startsWith('__MACOSX/');
}

/** Returns the label unchanged; null if it means "no label", like -1. */
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

/** @throws UserError for archives without random access */
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
    l10n.t('The shard is compressed, so an image in it cannot be read without reading all those before it.'),
    isGzip
      ? l10n.t('Decompress it with {0}. Images are already compressed.', `gunzip ${basename(shard.path)}`)
      : l10n.t('Decompress it. Images are already compressed.'),
  );
}
