/**
 * Whether this user made or accepted a run on this machine. A cloned or copied folder may contain runs, even queued
 * ones. Such a run is trained only after the user consents.
 *
 * A run's `origin` contains a keyed hash (HMAC-SHA-256) of its real path, its id, its experiment's path and its recipe.
 * The key belongs to the user and is stored outside of every workspace, so that no workspace can contain a valid hash.
 * Studies have an `origin` too.
 */
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { mkdir, readFile, realpath, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import * as l10n from '@vscode/l10n';
import envPaths from 'env-paths';
import type { Manifest } from '../protocol/manifest';
import { UserError } from '../shared/userError';
import { quoted } from '../system/allowedFolders';
import { isSystemError } from '../system/errors';
import { readPlain } from '../system/plainFiles';
import { replaceFile } from '../system/replaceFile';

const KEY_BYTES = 32;

/** The parts of a run that its origin depends on. */
export interface OriginatedRun {
  readonly folder: string;
  readonly manifest: Pick<Manifest, 'id' | 'recipe' | 'experiment'>;
}

const originPath = (folder: string): string => join(folder, 'origin');

/** Path of the user's key. */
export const originKeyPath = (): string =>
  join(envPaths('bag-of-tricks', { suffix: '' }).config, 'origin-key');

/** Whether this user made or accepted the run here. Also false if that cannot be read. */
export function isOwnRun(run: OriginatedRun): Promise<boolean> {
  return isMarked(run.folder, saidBy(run));
}

/**
 * Marks a run as this user's own: when it is created, or after the user accepts it.
 *
 * @throws the file system's error
 */
export function takeOn(run: OriginatedRun): Promise<void> {
  return mark(run.folder, saidBy(run));
}

/** Whether a folder in a store has this user's mark, which depends on its location and the given values. */
export async function isMarked(folder: string, said: readonly unknown[]): Promise<boolean> {
  try {
    const written = Buffer.from((await readPlain(originPath(folder), 'utf8')).trim(), 'hex');
    const expected = await markOf(folder, said);
    return written.length === expected.length && timingSafeEqual(written, expected);
  } catch {
    return false;
  }
}

/**
 * Writes this user's mark into a folder of a store.
 *
 * @throws the file system's error
 */
export async function mark(folder: string, said: readonly unknown[]): Promise<void> {
  await replaceFile(originPath(folder), `${(await markOf(folder, said)).toString('hex')}\n`);
}

/** The error that refuses runs that came with their folder. Says how to allow them. */
export function foreignRunsError(runs: readonly OriginatedRun[], command: string): UserError {
  const named = runs.map(({ manifest }) => `${manifest.id} (${manifest.experiment.file})`);
  const first = runs[0]?.folder ?? '';
  return new UserError({
    what: l10n.t('You did not create these runs here. They came with the folder: {0}.', named.join(', ')),
    remedy: l10n.t(
      'Review them, then train them with {0}, or remove them with {1}.',
      // With several runs, the folder of all runs.
      `${command} --allow ${quoted(runs.length === 1 ? first : dirname(first))}`,
      'tricks queue cancel RUN',
    ),
  });
}

function saidBy({ manifest: { id, experiment, recipe } }: OriginatedRun): readonly unknown[] {
  return [id, experiment.file, recipe];
}

async function markOf(folder: string, said: readonly unknown[]): Promise<Buffer> {
  return createHmac('sha256', await userKey())
    .update(JSON.stringify([await realpath(folder), ...said]))
    .digest();
}

/** Reads the user's key, or creates it. Safe if several processes do so at once. */
async function userKey(): Promise<Buffer> {
  const path = originKeyPath();
  const known = await readKey(path);
  if (known) return known;
  await mkdir(dirname(path), { recursive: true });
  try {
    await writeFile(path, `${randomBytes(KEY_BYTES).toString('hex')}\n`, { flag: 'wx', mode: 0o600 });
  } catch (error) {
    if (!isSystemError(error, 'EEXIST')) throw error;
    const rival = await readKey(path);
    if (rival) return rival;
    // The key is incomplete, for example after a crash. Everything marked with it needs consent again.
    await replaceFile(path, `${randomBytes(KEY_BYTES).toString('hex')}\n`);
  }
  const made = await readKey(path);
  if (!made) throw new Error(`No key in ${path}`);
  return made;
}

/** Null if there is no key or it is incomplete. */
async function readKey(path: string): Promise<Buffer | null> {
  try {
    const key = Buffer.from((await readFile(path, 'utf8')).trim(), 'hex');
    return key.length === KEY_BYTES ? key : null;
  } catch (error) {
    if (isSystemError(error, 'ENOENT', 'ENOTDIR')) return null;
    throw error;
  }
}
