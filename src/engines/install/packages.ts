import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import * as l10n from '@vscode/l10n';
import { z } from 'zod';
import { FetchError, fetchFile } from '../../fetchFile';
import { EngineInstallError } from './error';
import type { PinnedFile } from './pins';

/** Where packages come from: the environment's own settings, so that a mirror serves this too. */
export interface PackageIndexes {
  /** The simple index of Python packages; by default PIP_INDEX_URL or PyPI. */
  readonly python?: string | undefined;
  /** The registry of npm; by default npm_config_registry or npm's. */
  readonly npm?: string | undefined;
}

export interface PackageFetching {
  readonly indexes: PackageIndexes;
  readonly signal: AbortSignal;
  readonly onBytes: (receivedBytes: number, totalBytes: number) => void;
}

const IDLE_TIMEOUT_MS = 60_000;

const simpleIndexSchema = z.object({ files: z.array(z.object({ filename: z.string(), url: z.string() })) });

/**
 * Downloads a wheel into `folder`, found by its name in a simple index (PEP 691, or PEP 503's HTML).
 *
 * @returns its path
 * @throws EngineInstallError; the file system's error; the signal's reason when aborted
 */
export async function fetchWheel(
  pinned: PinnedFile,
  folder: string,
  options: PackageFetching,
): Promise<string> {
  const index = options.indexes.python ?? (process.env.PIP_INDEX_URL || 'https://pypi.org/simple');
  const page = `${withoutSlash(index)}/${pinned.project}/`;
  const url = await named(page, pinned.file, options.signal);
  if (url === null) throw unavailable(pinned, page, l10n.t('The index does not have the file.'));
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

/** The address of a file that an index page lists. */
async function named(page: string, file: string, signal: AbortSignal): Promise<string | null> {
  try {
    const response = await fetch(page, {
      headers: { accept: 'application/vnd.pypi.simple.v1+json, text/html;q=0.5' },
      signal: AbortSignal.any([signal, AbortSignal.timeout(IDLE_TIMEOUT_MS)]),
    });
    if (!response.ok) return null;
    if (response.headers.get('content-type')?.includes('json')) {
      const { files } = simpleIndexSchema.parse(await response.json());
      const found = files.find(({ filename }) => filename === file);
      return found ? new URL(found.url, response.url).href : null;
    }
    const links = (await response.text()).matchAll(/<a\s[^>]*href="([^"]+)"/gi);
    const found = [...links]
      .map(([, href]) => href ?? '')
      .find((href) => href.split('#')[0]?.endsWith(`/${file}`));
    return found ? new URL(found.replaceAll('&amp;', '&'), response.url).href : null;
  } catch (error) {
    signal.throwIfAborted();
    throw new EngineInstallError(
      l10n.t('{0} could not be reached: {1}.', page, messageOf(error)),
      l10n.t('Check the connection, or name a mirror of PyPI in PIP_INDEX_URL.'),
    );
  }
}

async function fetchPinned(
  pinned: PinnedFile,
  url: string,
  folder: string,
  { signal, onBytes }: PackageFetching,
): Promise<string> {
  const path = join(folder, pinned.file);
  try {
    await fetchFile(url, path, {
      limitBytes: pinned.bytes,
      idleTimeoutMs: IDLE_TIMEOUT_MS,
      signal,
      onBytes: (received) => onBytes(received, pinned.bytes),
    });
  } catch (error) {
    if (error instanceof FetchError) throw unavailable(pinned, url, error.message);
    throw error;
  }
  const hash = createHash(pinned.hash.algorithm);
  await pipeline(createReadStream(path), hash, { signal });
  if (hash.digest('hex') !== pinned.hash.hex) {
    throw new EngineInstallError(
      l10n.t('{0} is not the file that was expected: its checksum differs.', url),
      l10n.t('Try again; if it stays so, the mirror is not to be trusted.'),
    );
  }
  return path;
}

function unavailable({ file }: PinnedFile, from: string, why: string): EngineInstallError {
  return new EngineInstallError(
    l10n.t('{0} could not be downloaded from {1}: {2}', file, from, why),
    l10n.t('Check the connection, or name mirrors in PIP_INDEX_URL and npm_config_registry.'),
  );
}

function withoutSlash(url: string): string {
  return url.replace(/\/+$/, '');
}

function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? error.cause.message : error.message;
}
