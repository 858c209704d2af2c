import { readdir, rm, stat } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join, resolve } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import * as l10n from '@vscode/l10n';
import type { OwnDatasetRequest } from '../../recipe/datasets';
import { formatCount } from '../../shared/format';
import { UserError } from '../../shared/userError';
import { replaceFile } from '../../system/replaceFile';
import { makeStoreFolder } from '../../system/storeFolder';
import { listDataset } from '../list';
import type { ListedDataset } from '../listing';
import { type DatasetIndex, INDEX_VERSION, type TableFile } from './datasetIndex';
import { looksFrom, readEarlier } from './earlier';
import { lookAtAll } from './lookAtAll';
import { describe } from './report';
import { isUnchanged, sourcesOf } from './sources';
import { datasetKey, imagesKey, indexesFolder, indexPath, readIndex } from './store';
import { type IndexTable, writeTable } from './tableFile';
import { countOf, detailedImages, type SeenSplit, splitsOf } from './tables';

/** Up to so many images, all are decoded; of more, about so many, and of the others headers and content are read. */
export const DECODED_IMAGES = 20_000;

/** More threads would wait for the disk. */
const MAX_WORKERS = 16;

/** A table that no index names, and that is older than this, is what a process left that died. */
const STALE_MS = 24 * 3600 * 1000;

export interface ScanOptions {
  /** The folder that has .bag-of-tricks, where the index goes. */
  readonly root: string;
  /** What relative paths start from: the experiment file's folder. */
  readonly folder: string;
  /** Where unpacked and downloaded data may be kept. */
  readonly cacheFolder: string;
  readonly signal?: AbortSignal | undefined;
  /** What is being done, with the share done where it is known. */
  readonly onProgress?: ((what: string, share: number | null) => void) | undefined;
  /** Threads that look at images; 0 does without, in the caller's own. By default as many as the machine has cores. */
  readonly workers?: number | undefined;
  /** Images that are decoded whole, DECODED_IMAGES by default. */
  readonly decodedImages?: number | undefined;
  /** Looks at what was listed before any image is read, and throws where it may not be. */
  readonly check?: ((dataset: ListedDataset) => Promise<void>) | undefined;
}

/**
 * Lists a data set, looks at each of its images, and keeps what it found as the data set's index. Of images that an
 * earlier index knows and that have not changed, only the time of change and the size are read; where nothing has changed
 * at all, the earlier index stays as it is.
 *
 * @throws UserError when there is no such data set; the file system's error when the index cannot be written, after
 *   which an earlier one stands; the signal's reason when aborted
 */
export async function indexDataset(request: OwnDatasetRequest, options: ScanOptions): Promise<DatasetIndex> {
  const { root, folder, cacheFolder, signal, onProgress, decodedImages = DECODED_IMAGES } = options;
  const { workers = Math.min(MAX_WORKERS, availableParallelism()) } = options;
  const scannedAt = Date.now();
  // Times of change are coarser than the clock.
  const since = scannedAt - 2000;
  const dataset = await listDataset(request, { folder, cacheFolder, signal, onProgress });
  await options.check?.(dataset);
  signal?.throwIfAborted();
  const splits = splitsOf(dataset);
  const keys = { key: datasetKey(request, folder), imagesKey: imagesKey(request, folder) };
  const earlier = await readEarlier(
    root,
    keys,
    splits.map(({ table }) => table),
  );
  const seen = seenSplits(splits, earlier, decodedImages);
  const sources = await sourcesOf(
    request,
    folder,
    splits.map(({ table }) => table),
    since,
  );
  const { read, bad } = await lookAtAll(seen, {
    workers,
    signal,
    onImages: (done, total) =>
      onProgress?.(l10n.t('{0} of {1} images', formatCount(done), formatCount(total)), done / total),
  });
  const { facts, report } = describe(request.dataset, dataset.classNames, seen, {
    bad,
    problems: dataset.problems,
  });
  if (facts.trainImages === 0)
    throw noTrainingImage(request, facts.validationImages, report.unreadable.images[0]);
  signal?.throwIfAborted();
  const before = await readIndex(root, request, folder).catch(() => null);
  const isAsBefore =
    before !== null &&
    read === 0 &&
    before.table.file === earlier?.file &&
    seen.every(({ looks }) => earlier.splits.some((split) => split.looks === looks)) &&
    isDeepStrictEqual(sources, earlier.sources) &&
    isDeepStrictEqual([facts, report], [before.facts, before.report]);
  // Whoever reads it now is not disturbed.
  if (isAsBefore) return before;
  const index: Omit<DatasetIndex, 'table'> = {
    version: INDEX_VERSION,
    request,
    folder: resolve(folder),
    imagesKey: keys.imagesKey,
    facts,
    report,
    scannedAt,
  };
  return writeIndex(root, keys.key, index, { sources, splits: seen }, before?.table);
}

/** The splits of a listing, with what an earlier table knows of their images. */
function seenSplits(
  splits: ReturnType<typeof splitsOf>,
  earlier: IndexTable | null,
  decodedImages: number,
): SeenSplit[] {
  const total = countOf(splits);
  const unchanged = new Set(earlier?.sources.filter(isUnchanged).map(({ path }) => path));
  return splits.map((split) => ({
    ...split,
    looks: looksFrom(earlier, split, detailedImages(split.table, total, decodedImages), (path) =>
      unchanged.has(path),
    ),
  }));
}

/** Puts an index in the place of an earlier one; where that fails, the earlier one stands. */
async function writeIndex(
  root: string,
  key: string,
  index: Omit<DatasetIndex, 'table'>,
  table: IndexTable,
  replaced: TableFile | undefined,
): Promise<DatasetIndex> {
  const folder = indexesFolder(root);
  const file = `${key}-${process.pid}-${index.scannedAt}.bin`;
  await makeStoreFolder(root, folder);
  const written: DatasetIndex = {
    ...index,
    table: { file, ...(await writeTable(join(folder, file), table)) },
  };
  try {
    await replaceFile(indexPath(root, key), `${JSON.stringify(written)}\n`);
  } catch (error) {
    await rm(join(folder, file), { force: true }).catch(() => {});
    throw error;
  }
  await removeTables(folder, key, written.table, replaced);
  return written;
}

/** Removes the table that was replaced, and those that processes left which died. Failing that does no harm. */
async function removeTables(
  folder: string,
  key: string,
  current: TableFile,
  replaced: TableFile | undefined,
): Promise<void> {
  const names = await readdir(folder).catch(() => []);
  for (const name of names) {
    if (name === current.file || !name.startsWith(`${key}-`) || !name.endsWith('.bin')) continue;
    const path = join(folder, name);
    const modified = await stat(path).then(
      ({ mtimeMs }) => mtimeMs,
      () => Number.POSITIVE_INFINITY,
    );
    // Another process may be writing one for the index that it is about to replace.
    if (name === replaced?.file || Date.now() - modified > STALE_MS)
      await rm(path, { force: true }).catch(() => {});
  }
}

function noTrainingImage(
  request: OwnDatasetRequest,
  validationImages: number,
  first: { readonly name: string; readonly reason: string } | undefined,
): UserError {
  const option = request.dataset === 'webdataset' ? 'data.train' : 'data.path';
  return new UserError({
    what: first
      ? l10n.t('No training image can be read, such as {0}: {1}', first.name, first.reason)
      : l10n.t('The data set has no training image.'),
    remedy:
      !first && validationImages > 0
        ? l10n.t('Lower {0}, or check what {1} names.', 'data.split.validation', option)
        : l10n.t('Check what {0} names.', option),
  });
}
