import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import * as l10n from '@vscode/l10n';
import type { OwnDatasetRequest } from '../../recipe/datasets';
import { UserError } from '../../shared/userError';
import { isSystemError } from '../../system/errors';
import { listDataset } from '../list';
import type { ListedDataset } from '../listing';
import { nameAt, type SplitTable } from '../table';
import type { DatasetIndex } from './datasetIndex';
import { assertUsable } from './datasetIndex';
import { isReadable } from './facts';
import { isAsSeen } from './looker';
import { emptyTable, selectImages } from './selectImages';
import { isUnchanged, statsOf } from './sources';
import { indexesFolder, readIndex } from './store';
import { type IndexTable, readTable, TableFileError, tableArrays } from './tableFile';
import { contentHash, HASH_BYTES, placeOf, type SeenSplit, type SplitName, splitsOf } from './tables';

/** The number of files to stat before other work gets a turn. Takes some milliseconds. */
const STATS_AT_ONCE = 1000;

export interface OpenOptions {
  /** Whether unreadable images are an error or skipped. */
  readonly onBadImage: 'fail' | 'skip';
  /** The folder for unpacked and downloaded data. */
  readonly cacheFolder: string;
  /** The fingerprint of the images that a recipe was made for. */
  readonly fingerprint?: string | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((what: string, share: number | null) => void) | undefined;
}

/**
 * Opens an indexed data set: its tables as indexed, after checking that no image has changed since then. The tables
 * contain only readable images, so their counts match the index's facts.
 *
 * @param root the folder that contains .bag-of-tricks
 * @param folder the base of relative paths
 * @throws UserError if there is no index, if images changed since, if some cannot be read and `onBadImage` is 'fail',
 *   or if the index's fingerprint is not `fingerprint`; the signal's reason if aborted
 */
export async function openIndexed(
  root: string,
  request: OwnDatasetRequest,
  folder: string,
  options: OpenOptions,
): Promise<{ readonly index: DatasetIndex; readonly dataset: ListedDataset }> {
  const { index, table } = await readBoth(root, request, folder);
  const { fingerprint, signal } = options;
  assertSameImages(index, fingerprint);
  assertUsable(index, options.onBadImage);
  const changed = table.sources.filter((source) => !isUnchanged(source)).map(({ path }) => path);
  const archive = table.splits.flatMap((split) =>
    split.table.kind === 'ranges' ? split.table.files.filter((file) => changed.includes(file)) : [],
  )[0];
  // A new listing of a changed archive may find other images at the same positions.
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
      // Another process may have replaced both files between the two reads.
      if (isGone && isFirst) continue;
      if (!isGone && !(error instanceof TableFileError)) throw error;
      throw new UserError(
        { what: l10n.t('The index of the data set is damaged.'), remedy: indexRemedy() },
        { cause: error },
      );
    }
  }
}

/** Returns the splits with pixels from a new listing, which must match the indexed one. */
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

/** @throws UserError if a readable image of the split has changed since it was indexed */
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

/** Returns a split's table without its unreadable images. */
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

/** @throws UserError if a recipe was made for images with another fingerprint */
export function assertSameImages(index: DatasetIndex, fingerprint: string | undefined): void {
  if (fingerprint === undefined || fingerprint === index.facts.fingerprint) return;
  throw new UserError({
    what: l10n.t(
      'The images are not those this run was created for: they have been indexed again since then.',
    ),
    remedy: l10n.t('Start a new run of the experiment, or restore the images and index them again.'),
  });
}

function indexRemedy(): string {
  return l10n.t('Index the data set: {0}', 'tricks data FILE');
}
