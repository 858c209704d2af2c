import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { basename, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import * as l10n from '@vscode/l10n';
import type { InstallProgress } from '../../protocol/install';
import { UserError } from '../../shared/userError';
import { fetchFile, HttpError } from '../../system/network/fetchFile';
import { fetchText, type Text } from '../../system/network/fetchText';
import { addressIn } from './indexPage';
import type { PinnedFile, StoredFile } from './pins';

/** Where packages come from: the environment's own settings, so that a mirror serves this too. */
export interface PackageIndexes {
  /** The simple index of Python packages; by default PIP_INDEX_URL or PyPI. */
  readonly python?: string | undefined;
  /** The registry of npm; by default npm_config_registry or npm's. */
  readonly npm?: string | undefined;
  /** Google's storage; by default TFJS_NODE_CDN_STORAGE, as for `@tensorflow/tfjs-node`, or its own address. */
  readonly storage?: string | undefined;
}

export interface PackageFetching {
  readonly indexes: PackageIndexes;
  readonly signal: AbortSignal;
  /** Told of each download as its bytes come. */
  readonly onProgress: (progress: InstallProgress) => void;
  /** A server that makes no progress for this long is given up; a minute by default. */
  readonly idleTimeoutMs?: number | undefined;
}

const IDLE_TIMEOUT_MS = 60_000;

/** PyPI's pages of the projects that are pinned have less than 2 MB. */
const INDEX_LIMIT_BYTES = 32 * 2 ** 20;

/**
 * Downloads a wheel into `folder`, found by its name in a simple index (PEP 691, or PEP 503's HTML).
 *
 * @returns its path
 * @throws UserError; the file system's error; the signal's reason when aborted
 */
export async function fetchWheel(
  pinned: PinnedFile,
  folder: string,
  options: PackageFetching,
): Promise<string> {
  const index = options.indexes.python ?? (process.env.PIP_INDEX_URL || 'https://pypi.org/simple');
  const page = `${withoutSlash(index)}/${pinned.project}/`;
  const url = await findInIndex(page, pinned.file, options);
  if (url === null) throw unavailable(pinned.file, page, l10n.t('The index does not have the file.'));
  return fetchPinned(pinned, url, folder, options);
}

/** Downloads a package of npm into `folder`, as `fetchWheel` does a wheel. */
export function fetchNpmPackage(
  pinned: PinnedFile,
  folder: string,
  options: PackageFetching,
): Promise<string> {
  const registry = options.indexes.npm ?? (process.env.npm_config_registry || 'https://registry.npmjs.org');
  const url = `${withoutSlash(registry)}/${pinned.project}/-/${pinned.file}`;
  return fetchPinned(pinned, url, folder, options);
}

/**
 * Downloads a file of Google's storage into `folder`, as `fetchWheel` does a wheel. One that nobody has published a
 * hash of is checked by the MD5 that the storage keeps of it and tells with it: that no byte was lost, no more.
 */
export async function fetchStored(
  { path: name, limitBytes, hash }: StoredFile & { readonly hash?: PinnedFile['hash'] },
  folder: string,
  fetching: PackageFetching,
): Promise<string> {
  const storage =
    fetching.indexes.storage ?? (process.env.TFJS_NODE_CDN_STORAGE || 'https://storage.googleapis.com');
  return fetchChecked(`${withoutSlash(storage)}/${name}`, join(folder, basename(name)), fetching, {
    limitBytes,
    hashFrom: (headers) => hash ?? storedHash(headers),
    remedy: l10n.t('Check the connection, or name a mirror in TFJS_NODE_CDN_STORAGE.'),
  });
}

/** The MD5 in the header of Google's storage, such as `crc32c=n03x6A==,md5=Ojk9c3dhfxgoKVVHYwFbHQ==`. */
function storedHash(headers: Headers): { algorithm: 'md5'; hex: string } | null {
  const md5 = /\bmd5=([\w+/]+=*)/.exec(headers.get('x-goog-hash') ?? '')?.[1];
  return md5 === undefined ? null : { algorithm: 'md5', hex: Buffer.from(md5, 'base64').toString('hex') };
}

/** The address of a file that an index page lists. */
async function findInIndex(
  page: string,
  file: string,
  { signal, idleTimeoutMs = IDLE_TIMEOUT_MS }: PackageFetching,
): Promise<string | null> {
  const remedy = l10n.t('Check the connection, or name a mirror of PyPI in PIP_INDEX_URL.');
  let answer: Text;
  try {
    answer = await fetchText(page, {
      ...{ signal, idleTimeoutMs, remedy, limitBytes: INDEX_LIMIT_BYTES },
      accept: 'application/vnd.pypi.simple.v1+json, text/html;q=0.5',
    });
  } catch (error) {
    if (error instanceof HttpError) return null;
    if (!(error instanceof UserError)) throw error;
    throw unavailable(file, page, error.failure.what, remedy);
  }
  const address = addressIn(answer, file);
  return address !== null && URL.canParse(address, answer.url) ? new URL(address, answer.url).href : null;
}

function fetchPinned(
  { file, bytes, hash }: PinnedFile,
  url: string,
  folder: string,
  fetching: PackageFetching,
): Promise<string> {
  return fetchChecked(url, join(folder, file), fetching, {
    limitBytes: bytes,
    totalBytes: bytes,
    hashFrom: () => hash,
    remedy: mirrorsRemedy(),
  });
}

interface FileCheck {
  readonly limitBytes: number;
  /** Absent where only the server knows it. */
  readonly totalBytes?: number;
  /** What the file has to have; null where nothing tells. */
  readonly hashFrom: (headers: Headers) => { readonly algorithm: string; readonly hex: string } | null;
  readonly remedy: string;
}

async function fetchChecked(
  url: string,
  path: string,
  { signal, onProgress, idleTimeoutMs = IDLE_TIMEOUT_MS }: PackageFetching,
  { limitBytes, totalBytes, hashFrom, remedy }: FileCheck,
): Promise<string> {
  const file = basename(path);
  let expected: ReturnType<FileCheck['hashFrom']>;
  try {
    const headers = await fetchFile(url, path, {
      limitBytes,
      idleTimeoutMs,
      remedy,
      signal,
      onBytes: (receivedBytes, told) =>
        onProgress({
          stage: 'download',
          file,
          receivedBytes,
          totalBytes: totalBytes ?? told ?? limitBytes,
        }),
    });
    expected = hashFrom(headers);
  } catch (error) {
    if (error instanceof UserError) throw unavailable(file, url, error.failure.what, remedy);
    throw error;
  }
  if (!expected) throw unavailable(file, url, l10n.t('The server tells no checksum of it.'), remedy);
  const hash = createHash(expected.algorithm);
  await pipeline(createReadStream(path), hash, { signal });
  if (hash.digest('hex') !== expected.hex) {
    throw new UserError({
      what: l10n.t('{0} is not the file that was expected: its checksum differs.', url),
      remedy: l10n.t('Try again; if it stays so, the mirror is not to be trusted.'),
    });
  }
  return path;
}

function unavailable(file: string, from: string, why: string, remedy = mirrorsRemedy()): UserError {
  return new UserError({
    what: l10n.t('{0} could not be downloaded from {1}: {2}', file, from, why),
    remedy,
  });
}

function mirrorsRemedy(): string {
  return l10n.t('Check the connection, or name mirrors in PIP_INDEX_URL and npm_config_registry.');
}

function withoutSlash(url: string): string {
  return url.replace(/\/+$/, '');
}
