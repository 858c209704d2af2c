import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import * as l10n from '@vscode/l10n';
import type { OwnDatasetRequest } from '../../recipe/datasets';
import { formatCount } from '../../shared/format';
import { UserError } from '../../shared/userError';
import { isSystemError } from '../../system/errors';
import { listDataset } from '../list';
import type { ListedDataset } from '../listing';
import { nameAt, type SplitTable } from '../table';
import type { DatasetIndex } from './datasetIndex';
import { isReadable } from './facts';
import { isAsSeen } from './looker';
import { emptyTable, selectImages } from './selectImages';
import { isUnchanged, statsOf } from './sources';
import { indexesFolder, readIndex } from './store';
import { type IndexTable, readTable, TableFileError, tableArrays } from './tableFile';
import { contentHash, HASH_BYTES, placeOf, type SeenSplit, type SplitName, splitsOf } from './tables';

/** Files whose time of change is read before other work has its turn: some milliseconds'. */
const STATS_AT_ONCE = 1000;

export interface OpenOptions {
  /** Whether unreadable images are an error or left out. */
  readonly onBadImage: 'fail' | 'skip';
  /** Where unpacked and downloaded data may be kept. */
  readonly cacheFolder: string;
  /** The fingerprint of the images that a recipe was made for. */
  readonly fingerprint?: string | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((what: string, share: number | null) => void) | undefined;
}

/**
 * Opens an indexed data set: its tables as they were indexed, after a check that no image has changed since then. They
 * hold readable images alone, so that their counts are those of the index's facts.
 *
 * @param root the folder that has .bag-of-tricks
 * @param folder what relative paths start from
 * @throws UserError when there is no index, the images changed since, some cannot be read and `onBadImage` is 'fail',
 *   or the index's fingerprint is not `fingerprint`; the signal's reason when aborted
 */
export async function openIndexed(
  root: string,
  request: OwnDatasetRequest,
  folder: string,
  options: OpenOptions,
): Promise<{ readonly index: DatasetIndex; readonly dataset: ListedDataset }> {
  const { index, table } = await readBoth(root, request, folder);
  const { fingerprint, signal } = options;
  if (fingerprint !== undefined && fingerprint !== index.facts.fingerprint) throw otherImages();
  assertUsable(index, options.onBadImage);
  const changed = table.sources.filter((source) => !isUnchanged(source)).map(({ path }) => path);
  const archive = table.splits.flatMap((split) =>
    split.table.kind === 'ranges' ? split.table.files.filter((file) => changed.includes(file)) : [],
  )[0];
  // Another listing of it may find other images at the same places.
  if (archive !== undefined) throw changedImages(archive);
  const isListedAgain = changed.length > 0 || table.splits.some((split) => split.table.kind === 'pixels');
  const listed = isListedAgain ? await listDataset(request, { folder, ...options }) : null;
  const splits = listed ? withListedPixels(table.splits, listed, index) : table.splits;
  for (const split of splits) await assertUnchanged(split, signal);
  const tableOf = (wanted: SplitName) => {
    const split = splits.find(({ name }) => name === wanted);
    return split ? readableTable(split) : null;
  };
  return {
    index,
    dataset: {
      classNames: index.facts.classNames,
      train: tableOf('train') ?? emptyTable(),
      validation: tableOf('validation') ?? emptyTable(),
      test: tableOf('test'),
      problems: index.report.problems,
    },
  };
}

/**
 * Refuses a data set that has errors, or images that cannot be read where these are not left out.
 *
 * @throws UserError
 */
export function assertUsable({ report }: DatasetIndex, onBadImage: OpenOptions['onBadImage']): void {
  const error = report.problems.find(({ severity }) => severity === 'error');
  if (error) throw new UserError({ what: error.what, remedy: error.remedy });
  const { unreadable } = report;
  const [first] = unreadable.images;
  if (!first || onBadImage === 'skip') return;
  throw new UserError({
    what:
      unreadable.count === 1
        ? l10n.t('{0} cannot be read. {1}', first.name, first.reason)
        : l10n.t(
            '{0} images cannot be read, such as {1}: {2}',
            formatCount(unreadable.count),
            first.name,
            first.reason,
          ),
    remedy: l10n.t(
      'Replace or delete them and index again ({0}), or leave them out by {1}.',
      'tricks data FILE',
      'data.on_bad_image: skip',
    ),
  });
}

async function readBoth(
  root: string,
  request: OwnDatasetRequest,
  folder: string,
): Promise<{ index: DatasetIndex; table: IndexTable }> {
  for (let isFirst = true; ; isFirst = false) {
    const index = await readIndex(root, request, folder);
    if (!index) {
      throw new UserError({ what: l10n.t('The data set has not been indexed.'), remedy: indexRemedy() });
    }
    try {
      return { index, table: await readTable(join(indexesFolder(root), index.table.file), index.table) };
    } catch (error) {
      const isGone = isSystemError(error, 'ENOENT');
      // Another process may have replaced both between the two readings.
      if (isGone && isFirst) continue;
      if (!isGone && !(error instanceof TableFileError)) throw error;
      throw new UserError(
        { what: l10n.t('The index of the data set is damaged.'), remedy: indexRemedy() },
        { cause: error },
      );
    }
  }
}

/** The splits of a new listing, which has to be the indexed one; pixels come from it. */
function withListedPixels(
  splits: readonly SeenSplit[],
  listed: ListedDataset,
  { facts }: DatasetIndex,
): readonly SeenSplit[] {
  const now = splitsOf(listed);
  const isSame =
    now.length === splits.length &&
    JSON.stringify(listed.classNames) === JSON.stringify(facts.classNames) &&
    now.every(
      ({ name, table }, index) => name === splits[index]?.name && isSameTable(splits[index].table, table),
    );
  if (!isSame) throw changedImages(null);
  return splits.map((split, index) =>
    split.table.kind === 'pixels' ? { ...split, table: now[index]!.table } : split,
  );
}

function isSameTable(one: SplitTable, other: SplitTable): boolean {
  if (one.kind !== other.kind) return false;
  if (one.kind === 'files' && other.kind === 'files' && one.root !== other.root) return false;
  if (one.kind === 'ranges' && other.kind === 'ranges' && one.files.join('\n') !== other.files.join('\n')) {
    return false;
  }
  const [arrays, others] = [tableArrays(one), tableArrays(other)];
  return arrays.every((array, index) => {
    const another = others[index]!;
    return array.length === another.length && array.every((value, at) => value === another[at]);
  });
}

/** @throws UserError where one of a split's readable images is not as it was indexed */
async function assertUnchanged(split: SeenSplit, signal: AbortSignal | undefined): Promise<void> {
  const { table, looks } = split;
  if (table.kind === 'ranges') return;
  for (let image = 0; image < table.labels.length; image++) {
    if (image % STATS_AT_ONCE === 0) {
      await setImmediate();
      signal?.throwIfAborted();
    }
    if (isReadable(looks, image) && !isAsIndexed(split, image)) throw changedImages(placeOf(split, image));
  }
}

function isAsIndexed({ table, looks }: SeenSplit, image: number): boolean {
  if (table.kind === 'files') {
    const stats = statsOf(join(table.root, nameAt(table.names, image)));
    return stats !== null && isAsSeen(looks, image, stats);
  }
  if (table.kind === 'ranges') return true;
  const size = table.height * table.width * table.channels;
  const hash = contentHash(table.pixels.subarray(image * size, (image + 1) * size));
  return hash.equals(looks.hash.subarray(image * HASH_BYTES, (image + 1) * HASH_BYTES));
}

/** A split's table without images that cannot be read. */
function readableTable({ table, looks }: SeenSplit): SplitTable {
  const images = new Uint32Array(table.labels.length);
  let count = 0;
  for (let image = 0; image < images.length; image++) {
    if (isReadable(looks, image)) images[count++] = image;
  }
  return count === images.length ? table : selectImages(table, images.subarray(0, count));
}

function changedImages(first: string | null): UserError {
  return new UserError({
    what:
      first === null
        ? l10n.t('Images were added, removed or renamed since the data set was indexed.')
        : l10n.t('{0} has changed since the data set was indexed.', first),
    remedy: indexRemedy(),
  });
}

function otherImages(): UserError {
  return new UserError({
    what: l10n.t('The images are not those that this run was made for: they have been indexed again since.'),
    remedy: l10n.t('Start a new run of the experiment, or restore the images and index them again.'),
  });
}

function indexRemedy(): string {
  return l10n.t('Index it again: {0}', 'tricks data FILE');
}
