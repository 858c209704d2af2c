import { stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import * as l10n from '@vscode/l10n';
import type { OwnDatasetRequest } from '../../recipe/datasets';
import { UserError } from '../../shared/userError';
import { isSystemError, reasonOf } from '../../system/errors';
import { downloadFile, type PublishedFile } from '../../system/network/download';
import { openRegular } from '../../system/regularFiles';
import { DATA_FOLDER_VARIABLE } from '../dataFolder';
import { datasetError } from '../errors';
import { tarContents } from '../formats/tarContents';
import type { DataProblem, Lister, ListingOptions } from '../listing';
import {
  type CifarBatch,
  CifarError,
  readBinaryBatch,
  readNames,
  readPickledBatch,
  rgbOf,
  SIDE,
} from './cifarBatch';
import { linesOf } from './classNames';
import { pixelDataset } from './pixelDataset';
import { type PixelTable, sharedBytes } from './pixelTable';

type CifarRequest = Extract<OwnDatasetRequest, { dataset: 'cifar10' | 'cifar100' }>;
type CifarName = CifarRequest['dataset'];

/** One of the two published versions of each data set (https://www.cs.toronto.edu/~kriz/cifar.html). */
interface Version {
  /** The folder in the archive. */
  readonly folder: string;
  readonly archive: string;
  readonly train: readonly string[];
  readonly test: string;
  /** The file of class names. */
  readonly names: string;
  readonly readBatch: (bytes: Uint8Array) => CifarBatch;
  readonly readNames: (bytes: Uint8Array) => readonly string[];
}

const numbered = (suffix: string) => [1, 2, 3, 4, 5].map((number) => `data_batch_${number}${suffix}`);
const lines = (bytes: Uint8Array) => linesOf(Buffer.from(bytes).toString('utf8'));

const VERSIONS: Readonly<Record<CifarName, readonly Version[]>> = {
  cifar10: [
    {
      folder: 'cifar-10-batches-bin',
      archive: 'cifar-10-binary.tar.gz',
      train: numbered('.bin'),
      test: 'test_batch.bin',
      names: 'batches.meta.txt',
      readBatch: (bytes) => readBinaryBatch(bytes, { labelBytes: 1, labelAt: 0, classes: 10 }),
      readNames: lines,
    },
    {
      folder: 'cifar-10-batches-py',
      archive: 'cifar-10-python.tar.gz',
      train: numbered(''),
      test: 'test_batch',
      names: 'batches.meta',
      readBatch: (bytes) => readPickledBatch(bytes, { labels: 'labels', classes: 10 }),
      readNames: (bytes) => readNames(bytes, 'label_names'),
    },
  ],
  cifar100: [
    {
      folder: 'cifar-100-binary',
      archive: 'cifar-100-binary.tar.gz',
      train: ['train.bin'],
      test: 'test.bin',
      names: 'fine_label_names.txt',
      // The coarse label, then the fine one.
      readBatch: (bytes) => readBinaryBatch(bytes, { labelBytes: 2, labelAt: 1, classes: 100 }),
      readNames: lines,
    },
    {
      folder: 'cifar-100-python',
      archive: 'cifar-100-python.tar.gz',
      train: ['train'],
      test: 'test',
      names: 'meta',
      readBatch: (bytes) => readPickledBatch(bytes, { labels: 'fine_labels', classes: 100 }),
      readNames: (bytes) => readNames(bytes, 'fine_label_names'),
    },
  ],
};

const CLASSES: Readonly<Record<CifarName, number>> = { cifar10: 10, cifar100: 100 };
const TRAIN_IMAGES = 50_000;
const TEST_IMAGES = 10_000;
/** The largest file is 153 MB. */
const MAX_FILE_BYTES = 1 << 28;
const IDLE_TIMEOUT_MS = 30_000;
const MAX_ARCHIVE_BYTES = 180_000_000;

/**
 * The official URLs of the binary archives. The authors publish MD5 sums. Files with these SHA-256 sums have those MD5
 * sums.
 */
const PUBLISHED: Readonly<Record<CifarName, PublishedFile>> = {
  // MD5 c32a1d4ab5d03f1284b67883e8d87530.
  cifar10: {
    urls: ['https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz'],
    sha256: 'c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd',
    limitBytes: MAX_ARCHIVE_BYTES,
  },
  // MD5 03b5dce01913d631647c71ecec9e9cb8.
  cifar100: {
    urls: ['https://www.cs.toronto.edu/~kriz/cifar-100-binary.tar.gz'],
    sha256: '58a81ae192c23a4be8b1804d68e518ed807d710a4eb253b1f2a199162a40d8ec',
    limitBytes: MAX_ARCHIVE_BYTES,
  },
};

/** The location of a data set's files. */
interface Place {
  readonly version: Version;
  /** The folder or the archive. */
  readonly path: string;
  readonly isArchive: boolean;
}

/**
 * Lists CIFAR-10, or CIFAR-100 with its fine labels, from the binary or the Python version. The path may be the data
 * set's folder, a folder that contains it, or the archive. Reads the Python version's pickles without executing them.
 * Without a path, searches the folder that BAG_OF_TRICKS_DATA names and the cache, and otherwise downloads the data
 * set.
 *
 * The published test images are the test split. Validation images are split from the training images by image number.
 */
export const listCifar: Lister<CifarRequest> = cifarLister(PUBLISHED);

/** Like `listCifar`, with other files to download. */
export function cifarLister(published: Readonly<Record<CifarName, PublishedFile>>): Lister<CifarRequest> {
  return async (request, options) => {
    const place = await findPlace(request, options, published[request.dataset]);
    return readPlace(request, place, options);
  };
}

async function findPlace(
  { dataset, path }: CifarRequest,
  options: ListingOptions,
  published: PublishedFile,
): Promise<Place> {
  if (path !== undefined) {
    const given = resolve(options.folder, path);
    const place = await placeAt(given, dataset);
    if (place) return place;
    throw datasetError(
      given,
      l10n.t('There is no {0} here.', titleOf(dataset)),
      l10n.t(
        'Specify the folder {0} or the archive {1}, or omit the path to download it.',
        ...example(dataset),
      ),
    );
  }
  const cache = join(options.cacheFolder, dataset);
  const configured = process.env[DATA_FOLDER_VARIABLE];
  for (const folder of configured ? [configured, join(configured, dataset), cache] : [cache]) {
    const place = await placeAt(folder, dataset);
    if (place) return place;
  }
  const [version] = VERSIONS[dataset];
  const archive = join(cache, version!.archive);
  await download(archive, dataset, published, options);
  return { version: version!, path: archive, isArchive: true };
}

function titleOf(dataset: CifarName): string {
  return dataset === 'cifar10' ? 'CIFAR-10' : 'CIFAR-100';
}

function example(dataset: CifarName): [folder: string, archive: string] {
  const [version] = VERSIONS[dataset];
  return [version!.folder, version!.archive];
}

/** Finds the data set at a path: the archive, its unpacked folder, or a folder that contains either. */
async function placeAt(path: string, dataset: CifarName): Promise<Place | null> {
  const versions = VERSIONS[dataset];
  const found = await stat(path).catch(() => null);
  if (found?.isFile()) {
    const version = versions.find(({ archive }) => path.endsWith(archive)) ?? null;
    // For an archive with another name, the contents decide.
    return { version: version ?? versions[0]!, path, isArchive: true };
  }
  for (const version of versions) {
    for (const folder of [path, join(path, version.folder)]) {
      if (await isFile(join(folder, version.train[0]!))) return { version, path: folder, isArchive: false };
    }
  }
  for (const version of versions) {
    const archive = join(path, version.archive);
    if (await isFile(archive)) return { version, path: archive, isArchive: true };
  }
  return null;
}

async function isFile(path: string): Promise<boolean> {
  return (await stat(path).catch(() => null))?.isFile() === true;
}

async function download(
  archive: string,
  dataset: CifarName,
  published: PublishedFile,
  { signal, onProgress }: ListingOptions,
): Promise<void> {
  await downloadFile(archive, published, {
    idleTimeoutMs: IDLE_TIMEOUT_MS,
    remedy: l10n.t(
      'Check the network and the free space in {0}, or download the archive yourself and set data.path to it.',
      dirname(archive),
    ),
    signal,
    onProgress: ({ file, receivedBytes, totalBytes }) =>
      onProgress?.(l10n.t('Downloading {0}', file), totalBytes && receivedBytes / totalBytes),
  });
  onProgress?.(titleOf(dataset), 1);
}

/** Files of one version by name, with each file's location for errors. */
interface Files {
  readonly version: Version;
  readonly read: (name: string) => Promise<Uint8Array>;
  readonly where: (name: string) => string;
}

async function readPlace(request: CifarRequest, place: Place, options: ListingOptions) {
  const { signal } = options;
  const { version, read, where } = await openPlace(place, request.dataset, options);
  const parsed = async <Result>(name: string, parse: (bytes: Uint8Array) => Result): Promise<Result> => {
    signal?.throwIfAborted();
    const bytes = await read(name);
    try {
      return parse(bytes);
    } catch (error) {
      if (!(error instanceof CifarError)) throw error;
      throw datasetError(where(name), error.message, replaceRemedy(), { cause: error });
    }
  };
  const classNames = await parsed(version.names, version.readNames);
  const classes = CLASSES[request.dataset];
  if (classNames.length !== classes) {
    throw datasetError(
      where(version.names),
      l10n.t('The file names {0} classes, not {1}.', classNames.length, classes),
      replaceRemedy(),
    );
  }
  const train: CifarBatch[] = [];
  for (const name of version.train) train.push(await parsed(name, version.readBatch));
  const test = await parsed(version.test, version.readBatch);
  const images = { train: tableOf(train, place.path), validation: null, test: tableOf([test], place.path) };
  const counts = { train: images.train.labels.length, test: images.test.labels.length };
  const listed = pixelDataset(images, { classNames, split: request.split, where: place.path });
  return { ...listed, problems: [...countProblems(counts, place.path), ...listed.problems] };
}

function replaceRemedy(): string {
  return l10n.t('Replace it with the published file.');
}

async function openPlace(place: Place, dataset: CifarName, options: ListingOptions): Promise<Files> {
  const { path, version } = place;
  if (!place.isArchive) {
    const where = (name: string) => join(path, name);
    return { version, where, read: (name) => readWhole(where(name)) };
  }
  const remedy = l10n.t('Replace it with the published archive, or delete it to download it again.');
  const contents = await tarContents(path, {
    ...{ signal: options.signal, onProgress: options.onProgress, remedy, limitBytes: MAX_FILE_BYTES },
    wanted: new Set(VERSIONS[dataset].flatMap((one) => filesOf(one).map((name) => `${one.folder}/${name}`))),
  });
  const inside = VERSIONS[dataset].find((one) => contents.has(`${one.folder}/${one.train[0]}`));
  if (!inside)
    throw datasetError(path, l10n.t('The archive does not contain {0}.', titleOf(dataset)), remedy);
  const where = (name: string) => `${path}/${inside.folder}/${name}`;
  const read = async (name: string) => {
    const key = `${inside.folder}/${name}`;
    const content = contents.get(key);
    if (!content) throw datasetError(where(name), l10n.t('The file is missing.'), remedy);
    // Each file is read only once.
    contents.delete(key);
    return content;
  };
  return { version: inside, where, read };
}

function filesOf({ train, test, names }: Version): string[] {
  return [...train, test, names];
}

async function readWhole(path: string): Promise<Uint8Array> {
  try {
    await using file = await openRegular(path);
    const { size } = await file.stat();
    if (size > MAX_FILE_BYTES) {
      throw datasetError(path, l10n.t('The file is too large: {0} bytes.', size), replaceRemedy());
    }
    return await file.readFile();
  } catch (error) {
    if (error instanceof UserError) throw error;
    const what = isSystemError(error, 'ENOENT')
      ? l10n.t('The file is missing.')
      : l10n.t('The file cannot be read: {0}.', reasonOf(error));
    throw datasetError(path, what, replaceRemedy(), { cause: error });
  }
}

function tableOf(batches: readonly CifarBatch[], where: string): PixelTable {
  const count = batches.reduce((sum, { labels }) => sum + labels.length, 0);
  const labels = new Uint32Array(new SharedArrayBuffer(count * 4));
  const pixels = sharedBytes(count * SIDE * SIDE * 3, where);
  let first = 0;
  for (const batch of batches) {
    labels.set(batch.labels, first);
    rgbOf(batch, pixels.subarray(first * SIDE * SIDE * 3));
    first += batch.labels.length;
  }
  return { kind: 'pixels', pixels, height: SIDE, width: SIDE, channels: 3, labels };
}

/** Reports a wrong number of images. Nothing else reveals a file that lost whole images. */
function countProblems(counts: { train: number; test: number }, where: string): DataProblem[] {
  const missing = TRAIN_IMAGES + TEST_IMAGES - counts.train - counts.test;
  if (counts.train === TRAIN_IMAGES && counts.test === TEST_IMAGES) return [];
  return [
    {
      severity: 'warning',
      kind: 'unreadable',
      count: Math.abs(missing),
      where: [where],
      what: l10n.t(
        'There are {0} training and {1} test images, but the published data set has {2} and {3}.',
        counts.train,
        counts.test,
        TRAIN_IMAGES,
        TEST_IMAGES,
      ),
      remedy: replaceRemedy(),
    },
  ];
}
