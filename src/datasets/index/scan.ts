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

/**
 * A data set with at most this many images is fully decoded. In a larger one, about this many images are decoded. For
 * the rest, only headers and content are read.
 */
export const DECODED_IMAGES = 20_000;

/** More threads would wait for the disk. */
const MAX_WORKERS = 16;

/** A table that no index names and that is older than this was left by a crashed process. */
const STALE_MS = 24 * 3600 * 1000;

export interface ScanOptions {
  /** The folder that contains .bag-of-tricks. The index is stored there. */
  readonly root: string;
  /** The base of relative paths: the experiment file's folder. */
  readonly folder: string;
  /** The folder for unpacked and downloaded data. */
  readonly cacheFolder: string;
  readonly signal?: AbortSignal | undefined;
  /** Reports the current activity and, if known, the fraction done. */
  readonly onProgress?: ((what: string, share: number | null) => void) | undefined;
  /** The number of scanning threads. With 0, the calling thread does the work. Defaults to the number of cores. */
  readonly workers?: number | undefined;
  /** The number of images to decode fully. Defaults to DECODED_IMAGES. */
  readonly decodedImages?: number | undefined;
  /** Checks the listing before any image is read. Throws if reading is not allowed. */
  readonly check?: ((dataset: ListedDataset) => Promise<void>) | undefined;
}

/**
 * Lists a data set, scans each of its images, and stores the result as the data set's index. For unchanged images in an
 * earlier index, reads only mtime and size. If nothing has changed at all, keeps the earlier index.
 *
 * @throws UserError if the data set does not exist; the file system's error if the index cannot be written, which
 *   leaves an earlier one intact; the signal's reason if aborted
 */
export async function indexDataset(request: OwnDatasetRequest, options: ScanOptions): Promise<DatasetIndex> {
  const { root, folder, cacheFolder, signal, onProgress, decodedImages = DECODED_IMAGES } = options;
  const { workers = Math.min(MAX_WORKERS, availableParallelism()) } = options;
  const scannedAt = Date.now();
  // Mtimes are coarser than the clock.
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
  // Keeps the file, so concurrent readers are not disturbed.
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

/** Returns the splits of a listing, with what an earlier table knows of their images. */
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

/** Replaces an earlier index. If writing fails, the earlier one stays intact. */
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

/** Removes the replaced table and those left by crashed processes. Failures are harmless. */
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
    // Another process may be writing a table for the index that it is about to replace.
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
      ? l10n.t('No training image can be read. For example, {0}: {1}', first.name, first.reason)
      : l10n.t('The data set has no training images.'),
    remedy:
      !first && validationImages > 0
        ? l10n.t('Lower {0}, or check {1}.', 'data.split.validation', option)
        : l10n.t('Check {0}.', option),
  });
}
