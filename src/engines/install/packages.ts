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

/** The package sources, from the environment's own settings, so mirrors work here too. */
export interface PackageIndexes {
  /** The simple index of Python packages. Defaults to PIP_INDEX_URL or PyPI. */
  readonly python?: string | undefined;
  /** The npm registry. Defaults to npm_config_registry or npm's own. */
  readonly npm?: string | undefined;
  /** Google's storage. Defaults to TFJS_NODE_CDN_STORAGE, as for `@tensorflow/tfjs-node`, or its own URL. */
  readonly storage?: string | undefined;
}

export interface PackageFetching {
  readonly indexes: PackageIndexes;
  readonly signal: AbortSignal;
  /** Called during each download as bytes arrive. */
  readonly onProgress: (progress: InstallProgress) => void;
  /** Gives up on a server that makes no progress for this long. Defaults to a minute. */
  readonly idleTimeoutMs?: number | undefined;
}

const IDLE_TIMEOUT_MS = 60_000;

/** PyPI's pages of the pinned projects are smaller than 2 MB. */
const INDEX_LIMIT_BYTES = 32 * 2 ** 20;

/**
 * Downloads a wheel into `folder`, found by name in a simple index (PEP 691 or PEP 503's HTML).
 *
 * @returns its path
 * @throws UserError; the file system's error; the signal's reason if aborted
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

/** Downloads an npm package into `folder`, like `fetchWheel`. */
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
 * Downloads a file from Google's storage into `folder`, like `fetchWheel`. A file without a published hash is checked
 * against the MD5 that the storage itself sends. This only detects a corrupted transfer.
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
    remedy: l10n.t('Check the connection, or set a mirror in TFJS_NODE_CDN_STORAGE.'),
  });
}

/** Parses the MD5 from the header of Google's storage, such as `crc32c=n03x6A==,md5=Ojk9c3dhfxgoKVVHYwFbHQ==`. */
function storedHash(headers: Headers): { algorithm: 'md5'; hex: string } | null {
  const md5 = /\bmd5=([\w+/]+=*)/.exec(headers.get('x-goog-hash') ?? '')?.[1];
  return md5 === undefined ? null : { algorithm: 'md5', hex: Buffer.from(md5, 'base64').toString('hex') };
}

/** Returns the URL of a file that an index page lists. */
async function findInIndex(
  page: string,
  file: string,
  { signal, idleTimeoutMs = IDLE_TIMEOUT_MS }: PackageFetching,
): Promise<string | null> {
  const remedy = l10n.t('Check the connection, or set a PyPI mirror in PIP_INDEX_URL.');
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
  /** Absent if only the server knows it. */
  readonly totalBytes?: number;
  /** Returns the expected hash; null if there is none. */
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
  if (!expected) throw unavailable(file, url, l10n.t('The server does not provide its checksum.'), remedy);
  const hash = createHash(expected.algorithm);
  await pipeline(createReadStream(path), hash, { signal });
  if (hash.digest('hex') !== expected.hex) {
    throw new UserError({
      what: l10n.t('{0} is not the expected file: its checksum differs.', url),
      remedy: l10n.t('Try again. If this happens again, do not trust the mirror.'),
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
  return l10n.t('Check the connection, or set mirrors in PIP_INDEX_URL and npm_config_registry.');
}

function withoutSlash(url: string): string {
  return url.replace(/\/+$/, '');
}
