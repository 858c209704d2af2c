/**
 * Whether a run was made, or taken on, by this user on this machine. A folder that was cloned or copied may bring runs along,
 * one that waits in the queue too; such a run is trained only once a person has said so.
 *
 * A run's `origin` holds a keyed hash (HMAC-SHA-256) of its real path, its id, its experiment's path and its recipe. The key is the user's own and
 * lies outside of every workspace, so that no workspace can bring a valid one. Studies have an `origin` as well.
 */
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { mkdir, readFile, realpath, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import * as l10n from '@vscode/l10n';
import envPaths from 'env-paths';
import type { Manifest } from '../protocol/manifest';
import { UserError } from '../shared/userError';
import { isSystemError } from '../system/errors';
import { readPlain } from '../system/plainFiles';
import { replaceFile } from '../system/replaceFile';

const KEY_BYTES = 32;

/** A run as far as its origin goes. */
export interface OriginatedRun {
  readonly folder: string;
  readonly manifest: Pick<Manifest, 'id' | 'recipe' | 'experiment'>;
}

const originPath = (folder: string): string => join(folder, 'origin');

/** The file of the user's key. */
export const originKeyPath = (): string =>
  join(envPaths('bag-of-tricks', { suffix: '' }).config, 'origin-key');

/** Whether this user made the run here, or took it on. False also where that cannot be read. */
export function isOwnRun(run: OriginatedRun): Promise<boolean> {
  return isMarked(run.folder, saidBy(run));
}

/**
 * Takes a run on as this user's own: when it is made, or once a person has said so.
 *
 * @throws the file system's error
 */
export function takeOn(run: OriginatedRun): Promise<void> {
  return mark(run.folder, saidBy(run));
}

/** Whether a folder of a store has this user's mark, which is of its place and of what it says. */
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
 * Gives a folder of a store this user's mark.
 *
 * @throws the file system's error
 */
export async function mark(folder: string, said: readonly unknown[]): Promise<void> {
  await replaceFile(originPath(folder), `${(await markOf(folder, said)).toString('hex')}\n`);
}

/** Refuses runs that came with their folder, with how to allow them. */
export function foreignRunsError(runs: readonly OriginatedRun[], command: string): UserError {
  const named = runs.map(({ manifest }) => `${manifest.id} (${manifest.experiment.file})`);
  return new UserError({
    what: l10n.t('These runs were not made here by you, but came with the folder: {0}.', named.join(', ')),
    remedy: l10n.t(
      'Look at them, then train them by {0}, or take them out by {1}.',
      `${command} --allow ${runs.length === 1 ? (runs[0]?.folder ?? '') : 'FOLDER'}`,
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

/** The user's key; made where there is none, by one of many processes. */
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
    // Cut short, as by a crash: what was marked with it is asked about again.
    await replaceFile(path, `${randomBytes(KEY_BYTES).toString('hex')}\n`);
  }
  const made = await readKey(path);
  if (!made) throw new Error(`No key in ${path}`);
  return made;
}

/** Null where there is none, or it was cut short. */
async function readKey(path: string): Promise<Buffer | null> {
  try {
    const key = Buffer.from((await readFile(path, 'utf8')).trim(), 'hex');
    return key.length === KEY_BYTES ? key : null;
  } catch (error) {
    if (isSystemError(error, 'ENOENT', 'ENOTDIR')) return null;
    throw error;
  }
}
