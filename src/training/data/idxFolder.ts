import { createHash } from 'node:crypto';
import { open, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import * as l10n from '@vscode/l10n';
import { readIdx } from '../../datasets/formats/idx';
import type { DatasetFacts } from '../../recipe/datasets';
import { UserError } from '../../shared/userError';
import { type MemoryDataset, splitInMemory } from './dataset';
import { datasetError, reasonOf } from './errors';

/** The standard names of the four files of an MNIST-like data set. */
export const IDX_FILE_NAMES = [
  'train-images-idx3-ubyte',
  'train-labels-idx1-ubyte',
  't10k-images-idx3-ubyte',
  't10k-labels-idx1-ubyte',
] as const;
export type IdxFileName = (typeof IDX_FILE_NAMES)[number];

/** The expected IDX content of a file, independent of whether and how it is gzipped. */
export interface Fingerprint {
  readonly bytes: number;
  readonly sha256: string;
}
export type IdxFiles = Readonly<Record<IdxFileName, Fingerprint>>;

/** Upper bound on the size that gzip adds to incompressible bytes. */
const GZIP_OVERHEAD_BYTES = 65_536;

/** Returns the maximum size of a file with this content. */
export function largestFileBytes({ bytes }: Fingerprint): number {
  return bytes + GZIP_OVERHEAD_BYTES;
}

/** Returns the path of `name` in `folder`, gzipped or plain. Null if it is missing. */
export async function findIdxFile(folder: string, name: IdxFileName): Promise<string | null> {
  for (const path of [join(folder, `${name}.gz`), join(folder, name)]) {
    if (await stat(path).catch(() => null)) return path;
  }
  return null;
}

/**
 * Opens a folder with the four files, verifies each against its fingerprint, and keeps their pixels in memory.
 *
 * @param remedy advice for errors: what to do about a missing or damaged file
 * @throws UserError if a file is missing, unreadable or not the one described; the signal's reason if aborted
 */
export async function openIdxFolder(
  folder: string,
  files: IdxFiles,
  facts: DatasetFacts,
  remedy: string,
  signal?: AbortSignal,
): Promise<MemoryDataset> {
  const read = async (name: IdxFileName) => {
    const path = await findIdxFile(folder, name);
    if (path) return readIdxFile(path, name, files[name], { remedy, signal });
    throw datasetError(join(folder, `${name}.gz`), l10n.t('The file is missing.'), remedy);
  };
  return {
    facts,
    train: splitInMemory(await read('train-images-idx3-ubyte'), await read('train-labels-idx1-ubyte')),
    validation: splitInMemory(await read('t10k-images-idx3-ubyte'), await read('t10k-labels-idx1-ubyte')),
  };
}

export interface IdxReading {
  /** Advice for errors: what to do about an unusable file. */
  readonly remedy: string;
  /** The file's origin, for errors. Defaults to its path. */
  readonly where?: string;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Reads one file, gzipped or plain, and verifies its length, IDX header and checksum.
 *
 * @returns the values, without the header
 * @throws UserError if the file is unreadable or not the one described; the signal's reason if aborted
 */
export async function readIdxFile(
  path: string,
  name: IdxFileName,
  expected: Fingerprint,
  { remedy, where = path, signal }: IdxReading,
): Promise<Uint8Array> {
  const unusable: Unusable = (what, options) => datasetError(where, what, remedy, options);
  const stored = await readWhole(path, largestFileBytes(expected), unusable);
  signal?.throwIfAborted();
  const content = isGzip(stored) ? await unzip(stored, expected.bytes, unusable) : stored;
  signal?.throwIfAborted();
  const { values } = readIdx(content, name.endsWith('idx3-ubyte') ? 3 : 1, where, remedy);
  const sha256 = createHash('sha256').update(content).digest('hex');
  if (sha256 !== expected.sha256) {
    throw unusable(
      l10n.t('The content has the wrong checksum: SHA-256 {0} instead of {1}.', sha256, expected.sha256),
    );
  }
  return values;
}

/** Makes the error for an unusable file from a description of the problem. */
type Unusable = (what: string, options?: ErrorOptions) => UserError;

async function readWhole(path: string, limitBytes: number, unusable: Unusable): Promise<Uint8Array> {
  try {
    // Opening a pipe would block until there is a writer.
    if (!(await stat(path)).isFile()) throw unusable(l10n.t('This is not a file.'));
    await using file = await open(path);
    const { size } = await file.stat();
    if (size > limitBytes) {
      throw unusable(l10n.t('The file is too large: {0} bytes. At most {1} are allowed.', size, limitBytes));
    }
    return await file.readFile();
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw unusable(l10n.t('The file cannot be read: {0}.', reasonOf(error)), { cause: error });
  }
}

function isGzip(bytes: Uint8Array): boolean {
  return bytes[0] === 0x1f && bytes[1] === 0x8b;
}

const gunzipAsync = promisify(gunzip);

async function unzip(bytes: Uint8Array, limitBytes: number, unusable: Unusable): Promise<Uint8Array> {
  try {
    return await gunzipAsync(bytes, { maxOutputLength: limitBytes });
  } catch (error) {
    switch ((error as NodeJS.ErrnoException).code) {
      case 'Z_BUF_ERROR':
        throw unusable(
          l10n.t('The file is truncated: its gzip data ends early, after {0} bytes.', bytes.length),
        );
      case 'ERR_BUFFER_TOO_LARGE':
        throw unusable(l10n.t('The content is too large: more than {0} bytes.', limitBytes));
      default:
        throw unusable(l10n.t('The gzip data is damaged: {0}.', reasonOf(error)));
    }
  }
}
