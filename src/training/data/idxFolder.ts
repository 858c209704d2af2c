import { createHash } from 'node:crypto';
import { open, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import * as l10n from '@vscode/l10n';
import type { DatasetFacts } from '../../recipe/datasets';
import { type ImageDataset, splitInMemory } from './dataset';
import { DatasetError, reasonOf } from './errors';
import { readIdx } from './idx';

/** The four files of an MNIST-like data set, as all of them name them. */
export const IDX_FILE_NAMES = [
  'train-images-idx3-ubyte',
  'train-labels-idx1-ubyte',
  't10k-images-idx3-ubyte',
  't10k-labels-idx1-ubyte',
] as const;
export type IdxFileName = (typeof IDX_FILE_NAMES)[number];

/** What a file's IDX content must be, whether it is stored plain or gzipped and by whichever gzip. */
export interface Fingerprint {
  readonly bytes: number;
  readonly sha256: string;
}
export type IdxFiles = Readonly<Record<IdxFileName, Fingerprint>>;

/** A gzip member around incompressible bytes is longer than they are by less than this. */
const GZIP_OVERHEAD_BYTES = 65_536;

/** The largest file that can hold the content. */
export function largestFileBytes({ bytes }: Fingerprint): number {
  return bytes + GZIP_OVERHEAD_BYTES;
}

/** Where `folder` holds `name`, gzipped or plain; null where it does not. */
export async function findIdxFile(folder: string, name: IdxFileName): Promise<string | null> {
  for (const path of [join(folder, `${name}.gz`), join(folder, name)]) {
    if (await stat(path).catch(() => null)) return path;
  }
  return null;
}

/**
 * Opens a folder of the four files, each checked against its fingerprint, and holds their pixels in memory.
 *
 * @param remedy what to do about a missing or damaged file, for errors
 * @throws DatasetError when a file is missing, unreadable or not the one described; the signal's reason when aborted
 */
export async function openIdxFolder(
  folder: string,
  files: IdxFiles,
  facts: DatasetFacts,
  remedy: string,
  signal?: AbortSignal,
): Promise<ImageDataset> {
  const read = async (name: IdxFileName) => {
    const path = await findIdxFile(folder, name);
    if (path) return readIdxFile(path, name, files[name], remedy, signal);
    const what = l10n.t('The file is missing.');
    throw new DatasetError({ kind: 'missing', what, where: join(folder, `${name}.gz`), remedy });
  };
  return {
    facts,
    train: splitInMemory(await read('train-images-idx3-ubyte'), await read('train-labels-idx1-ubyte')),
    validation: splitInMemory(await read('t10k-images-idx3-ubyte'), await read('t10k-labels-idx1-ubyte')),
  };
}

/**
 * Reads one file, gzipped or plain, and checks it: its length, its IDX header, its checksum.
 *
 * @returns the values, without the header
 * @throws DatasetError when the file is unreadable or not the one described; the signal's reason when aborted
 */
export async function readIdxFile(
  path: string,
  name: IdxFileName,
  expected: Fingerprint,
  remedy: string,
  signal?: AbortSignal,
): Promise<Uint8Array> {
  const damaged = (what: string) => new DatasetError({ kind: 'damaged', what, where: path, remedy });
  const stored = await readWhole(path, largestFileBytes(expected), remedy, damaged);
  signal?.throwIfAborted();
  const content = isGzip(stored) ? await unzip(stored, expected.bytes, damaged) : stored;
  signal?.throwIfAborted();
  const { values } = readIdx(content, name.endsWith('idx3-ubyte') ? 3 : 1, path, remedy);
  const sha256 = createHash('sha256').update(content).digest('hex');
  if (sha256 !== expected.sha256) {
    throw damaged(l10n.t('The content has a wrong checksum: SHA-256 {0}, not {1}.', sha256, expected.sha256));
  }
  return values;
}

async function readWhole(
  path: string,
  limitBytes: number,
  remedy: string,
  damaged: (what: string) => DatasetError,
): Promise<Uint8Array> {
  try {
    // A pipe would keep open() waiting for a writer.
    if (!(await stat(path)).isFile()) throw damaged(l10n.t('This is not a file.'));
    await using file = await open(path);
    const { size } = await file.stat();
    if (size > limitBytes) {
      throw damaged(l10n.t('The file is too long: {0} bytes for at most {1}.', size, limitBytes));
    }
    return await file.readFile();
  } catch (error) {
    if (error instanceof DatasetError) throw error;
    const what = l10n.t('The file cannot be read: {0}.', reasonOf(error));
    throw new DatasetError({ kind: 'unreadable', what, where: path, remedy }, { cause: error });
  }
}

function isGzip(bytes: Uint8Array): boolean {
  return bytes[0] === 0x1f && bytes[1] === 0x8b;
}

const gunzipAsync = promisify(gunzip);

async function unzip(
  bytes: Uint8Array,
  limitBytes: number,
  damaged: (what: string) => DatasetError,
): Promise<Uint8Array> {
  try {
    return await gunzipAsync(bytes, { maxOutputLength: limitBytes });
  } catch (error) {
    switch ((error as NodeJS.ErrnoException).code) {
      case 'Z_BUF_ERROR':
        throw damaged(
          l10n.t('The file is cut short: its gzip data end early, after {0} bytes.', bytes.length),
        );
      case 'ERR_BUFFER_TOO_LARGE':
        throw damaged(l10n.t('The content is too long: more than {0} bytes.', limitBytes));
      default:
        throw damaged(l10n.t('The gzip data are damaged: {0}.', reasonOf(error)));
    }
  }
}
