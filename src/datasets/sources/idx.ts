import { createReadStream } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { createGunzip } from 'node:zlib';
import * as l10n from '@vscode/l10n';
import type { OwnDatasetRequest } from '../../recipe/datasets';
import { assertNever } from '../../shared/assertNever';
import { UserError } from '../../shared/userError';
import { reasonOf } from '../../system/errors';
import { datasetError } from '../errors';
import { ByteReader } from '../formats/byteReader';
import { cutShort, idxHeaderBytes, readIdxHeader, tooLong, valuesOf } from '../formats/idx';
import type { Lister, ListingOptions } from '../listing';
import {
  type ClassNameFile,
  checkedNames,
  classNamesIn,
  linesOf,
  namesForLabels,
  textOf,
} from './classNames';
import { pixelDataset } from './pixelDataset';
import { type PixelTable, sharedBytes, sharedLabels } from './pixelTable';

type ArrayRequest = Extract<OwnDatasetRequest, { dataset: 'idx' | 'npz' }>;

const PARTS = ['train images', 'train labels', 'test images', 'test labels'] as const;
type Part = (typeof PARTS)[number];

/** The files of one data set, which share a prefix: `emnist-balanced`, or an empty one. */
interface IdxFiles {
  readonly prefix: string;
  readonly paths: Map<Part, string>;
}

/**
 * Lists a folder with MNIST's four files, plain or gzipped, under the names that MNIST, Fashion-MNIST, KMNIST and
 * EMNIST use, or its subfolder `raw` or `gzip`. If a folder contains several data sets, the path ends in the prefix of
 * one of them.
 *
 * Images stay as stored, like in torchvision, so EMNIST's are transposed. Labels stay as stored, so EMNIST's letters
 * count from 1 and leave class 0 empty. Class names come from `classes.txt` or EMNIST's mapping; otherwise they are the
 * labels.
 */
export const listIdx: Lister<ArrayRequest> = async (request, options) => {
  const path = resolve(options.folder, request.path);
  const { prefix, paths } = await findFiles(path);
  const fileOf = (part: Part) => paths.get(part)!;
  const train = await readPair(fileOf('train images'), fileOf('train labels'), options);
  const test = await readPair(fileOf('test images'), fileOf('test labels'), options);
  if (test.height !== train.height || test.width !== train.width) {
    throw datasetError(
      fileOf('test images'),
      l10n.t(
        'Its images are {0} x {1}, but the training images are {2} x {3}.',
        test.height,
        test.width,
        train.height,
        train.width,
      ),
      replaceRemedy(),
    );
  }
  const where = fileOf('train labels');
  const names = await classNamesBeside(dirname(where), prefix);
  const classNames = namesForLabels([train.labels, test.labels], names, where);
  return pixelDataset({ train, validation: null, test }, { classNames, split: request.split, where: path });
};

function replaceRemedy(): string {
  return l10n.t('Replace it with the published file.');
}

/** Classifies a file by name; null if it is not one of the four. */
function partOf(file: string): { part: Part; prefix: string } | null {
  const match = /^(.*?)[-_.]?(train|t10k|test)[-_.](images|labels)[-_.]idx[13][-_.]ubyte(?:\.gz)?$/i.exec(
    file,
  );
  if (!match) return null;
  const [, prefix = '', split, kind] = match;
  const images = kind!.toLowerCase() === 'images';
  const isTrain = split!.toLowerCase() === 'train';
  if (isTrain) return { prefix, part: images ? 'train images' : 'train labels' };
  return { prefix, part: images ? 'test images' : 'test labels' };
}

async function findFiles(path: string): Promise<IdxFiles> {
  for (const [folder, wanted] of await placesOf(path)) {
    const found = (await filesIn(folder)).filter(({ prefix }) => wanted === null || prefix === wanted);
    if (found.length === 0) continue;
    const whole = found.filter(({ paths }) => paths.size === PARTS.length);
    const [only, second] = whole;
    if (only && second) throw severalError(folder, whole);
    if (only) return only;
    const [part] = found;
    throw datasetError(
      folder,
      l10n.t(
        'The {0} are missing.',
        PARTS.filter((name) => !part!.paths.has(name))
          .map(partText)
          .join(', '),
      ),
      l10n.t('Put all four files there, with names such as {0}.', 'train-images-idx3-ubyte.gz'),
    );
  }
  throw datasetError(
    path,
    l10n.t('There are no IDX files such as {0}.', 'train-images-idx3-ubyte.gz'),
    l10n.t(
      'Specify the folder of the four files. If it has several data sets, end the path with the prefix of one.',
    ),
  );
}

/** Returns the folders to search and the prefix to look for in each. Null matches any prefix. */
async function placesOf(path: string): Promise<[folder: string, prefix: string | null][]> {
  const found = await stat(path).catch(() => null);
  if (found?.isDirectory())
    return [path, join(path, 'raw'), join(path, 'gzip')].map((place) => [place, null]);
  if (found) return [[dirname(path), partOf(basename(path))?.prefix ?? basename(path)]];
  return [[dirname(path), basename(path).replace(/[-_.]$/, '')]];
}

async function filesIn(folder: string): Promise<IdxFiles[]> {
  const byPrefix = new Map<string, Map<Part, string>>();
  // In sorted order, a plain file comes before its gzipped version, which is then ignored.
  for (const file of (await readdir(folder).catch(() => [])).sort()) {
    const found = partOf(file);
    if (!found) continue;
    const paths = byPrefix.get(found.prefix) ?? new Map<Part, string>();
    byPrefix.set(found.prefix, paths);
    if (!paths.has(found.part)) paths.set(found.part, join(folder, file));
  }
  return [...byPrefix].map(([prefix, paths]) => ({ prefix, paths }));
}

function severalError(folder: string, found: readonly IdxFiles[]): UserError {
  const prefixes = found.map(({ prefix }) => prefix);
  const example = prefixes.find((prefix) => prefix !== '')!;
  return datasetError(
    folder,
    l10n.t(
      'The folder has {0} data sets: {1}.',
      prefixes.length,
      prefixes.map((prefix) => prefix || l10n.t('one without a prefix')).join(', '),
    ),
    l10n.t('End the path with the prefix of one, such as {0}.', join(folder, example)),
  );
}

function partText(part: Part): string {
  switch (part) {
    case 'train images':
      return l10n.t('training images');
    case 'train labels':
      return l10n.t('training labels');
    case 'test images':
      return l10n.t('test images');
    case 'test labels':
      return l10n.t('test labels');
    default:
      return assertNever(part);
  }
}

async function readPair(imageFile: string, labelFile: string, options: ListingOptions): Promise<PixelTable> {
  const labels = await readValues(labelFile, 1, options);
  const images = await readValues(imageFile, 3, options);
  const [count = 0, height = 0, width = 0] = images.dimensions;
  if (labels.values.length !== count) {
    throw datasetError(
      labelFile,
      l10n.t('The file has {0} labels, but {1} has {2} images.', labels.values.length, imageFile, count),
      l10n.t('Replace both with files that belong together.'),
    );
  }
  return {
    kind: 'pixels',
    pixels: images.values,
    height,
    width,
    channels: 1,
    labels: sharedLabels(labels.values),
  };
}

/** The maximum number of bytes that one deflated byte can expand to. */
const MAX_INFLATION = 1032;

/**
 * Reads a file of unsigned bytes into shared memory. Allocates it only if the file is large enough to fill it.
 *
 * @throws UserError that names the file; the signal's reason if aborted
 */
async function readValues(
  path: string,
  rank: number,
  { signal, onProgress }: ListingOptions,
): Promise<{ dimensions: number[]; values: Uint8Array }> {
  const remedy = replaceRemedy();
  signal?.throwIfAborted();
  const { size, isGzip } = await lookAt(path);
  const file = createReadStream(path, { highWaterMark: 1 << 20, signal });
  const stream = isGzip ? file.pipe(createGunzip({ chunkSize: 1 << 20 })) : file;
  file.on('error', (error) => stream.destroy(error));
  const reader = new ByteReader(stream);
  try {
    const headerBytes = idxHeaderBytes(rank);
    const dimensions = readIdxHeader(await reader.take(headerBytes), rank, path, remedy);
    const length = valuesOf(dimensions);
    if (length > size * (isGzip ? MAX_INFLATION : 1))
      throw cutShort(size, headerBytes + length, path, remedy);
    const values = sharedBytes(length, path);
    const filled = await reader.fill(values, (bytes) => onProgress?.(basename(path), bytes / length));
    if (filled < length) throw cutShort(headerBytes + filled, headerBytes + length, path, remedy);
    const rest = isGzip ? await reader.countRest(1) : size - headerBytes - length;
    if (rest > 0) throw tooLong(headerBytes + length + rest, headerBytes + length, path, remedy);
    return { dimensions, values };
  } catch (error) {
    signal?.throwIfAborted();
    throw error instanceof UserError ? error : unreadable(path, error);
  } finally {
    file.destroy();
    stream.destroy();
  }
}

async function lookAt(path: string): Promise<{ size: number; isGzip: boolean }> {
  try {
    const found = await stat(path);
    // Opening a pipe would block until something writes to it.
    if (!found.isFile()) throw datasetError(path, l10n.t('This is not a file.'), replaceRemedy());
    const first = await new ByteReader(createReadStream(path, { end: 1 })).take(2);
    return { size: found.size, isGzip: first[0] === 0x1f && first[1] === 0x8b };
  } catch (error) {
    throw error instanceof UserError ? error : unreadable(path, error);
  }
}

function unreadable(path: string, error: unknown): UserError {
  const cause = { cause: error };
  const remedy = replaceRemedy();
  switch ((error as NodeJS.ErrnoException).code) {
    case 'Z_BUF_ERROR':
      return datasetError(path, l10n.t('The file is truncated: its gzip data ends early.'), remedy, cause);
    case 'Z_DATA_ERROR':
      return datasetError(path, l10n.t('The gzip data is damaged: {0}.', reasonOf(error)), remedy, cause);
    default:
      return datasetError(
        path,
        l10n.t('The file cannot be read: {0}.', reasonOf(error)),
        l10n.t('Check the file and its permissions.'),
        cause,
      );
  }
}

/**
 * Reads the names in `classes.txt` or EMNIST's `PREFIX-mapping.txt`. Each line of the latter has a label and the codes
 * of its characters.
 */
async function classNamesBeside(folder: string, prefix: string): Promise<ClassNameFile | null> {
  const own = await classNamesIn(folder);
  if (own) return own;
  const path = join(folder, prefix === '' ? 'mapping.txt' : `${prefix}-mapping.txt`);
  const text = await textOf(path);
  return text === null ? null : { path, names: checkedNames(mappedNames(text, path), path) };
}

function mappedNames(text: string, path: string): string[] {
  const names: string[] = [];
  for (const [index, line] of linesOf(text).entries()) {
    const [, label, code] = /^(\d{1,5})\s+(\d{1,6})\b/.exec(line) ?? [];
    if (label === undefined || Number(code) > 0x10ffff) {
      throw datasetError(
        `${path}:${index + 1}`,
        l10n.t('The line is not a label followed by a character code: {0}', line),
        l10n.t('Fix the line, or write a name for each class to {0}.', 'classes.txt'),
      );
    }
    names[Number(label)] = String.fromCodePoint(Number(code));
  }
  return Array.from(names, (name, label) => name ?? l10n.t('class {0}', label));
}
