/**
 * Folders whose content belongs to attempts: each attempt writes into a folder of its number, which it fills, when it
 * begins, with what the one before it has left. So nothing that a trainer writes which was taken for dead and wakes
 * up lies where readers look. Runs of earlier releases have no numbers: what lies directly there is attempt 0's.
 */
import { readdirSync } from 'node:fs';
import { copyFile, link, mkdir, open, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { isSystemError } from '../../system/errors';
import { assertPlain, assertPlainFolders, makePlainFolder } from '../../system/plainFiles';
import { renameOver } from '../../system/renameOver';

const ATTEMPT = /^[1-9]\d{0,8}$/;
const TEMPORARY = /\.tmp$/;

/** Where an attempt writes. */
export const attemptFolder = (parent: string, attempt: number): string =>
  attempt === 0 ? parent : join(parent, `${attempt}`);

/** The highest attempt that has begun; 0 where none has, or only one of an earlier release. */
export function currentAttempt(parent: string): number {
  return Math.max(0, ...attemptsIn(parent));
}

/** Where readers look: in the folder of the highest attempt that has begun. */
export const currentFolder = (parent: string): string => attemptFolder(parent, currentAttempt(parent));

/**
 * Reads from the current attempt's folder, and again where that failed because a new attempt took its files over.
 *
 * @throws what `read` throws
 */
export async function readCurrent<T>(parent: string, read: (folder: string) => Promise<T>): Promise<T> {
  for (;;) {
    const attempt = currentAttempt(parent);
    try {
      return await read(attemptFolder(parent, attempt));
    } catch (error) {
      if (currentAttempt(parent) === attempt) throw error;
    }
  }
}

/**
 * Begins an attempt: makes its folder, at once and with all that the attempt before it has left, and removes those of
 * lower attempts. Files are linked where the file system can, which takes no room.
 *
 * @throws the file system's error
 */
export async function beginAttempt(parent: string, attempt: number): Promise<void> {
  await makePlainFolder(parent);
  const folder = attemptFolder(parent, attempt);
  const unfinished = `${folder}.tmp`;
  for (;;) {
    await rm(unfinished, { recursive: true, force: true });
    const before = Math.max(0, ...attemptsIn(parent).filter((other) => other < attempt));
    // A writer that is about to be fenced out, or an attempt that began meanwhile, may take files away.
    const isWhole = await linkAll(attemptFolder(parent, before), unfinished);
    if (isWhole && before === Math.max(0, ...attemptsIn(parent).filter((other) => other < attempt))) break;
  }
  await renameOver(unfinished, folder);
  await syncFolder(parent);
  for (const entry of await readdir(parent)) {
    const [number = ''] = entry.split('.');
    const isHigher = ATTEMPT.test(number) && Number(number) >= attempt;
    // What cannot go, since somebody has it open on Windows, is the next attempt's to remove.
    if (!isHigher)
      await rm(join(parent, entry), { recursive: true, force: true, maxRetries: 3 }).catch(() => {});
  }
}

function attemptsIn(parent: string): number[] {
  try {
    return readdirSync(parent)
      .filter((name) => ATTEMPT.test(name))
      .map(Number);
  } catch (error) {
    if (isSystemError(error, 'ENOENT', 'ENOTDIR')) return [];
    throw error;
  }
}

/**
 * Links all files of a folder into a new one, but for other attempts and what was never finished; false where one went
 * away meanwhile. The last name comes first: a `last` checkpoint that counts an epoch as the best must not come without
 * that `best`, nor an evaluation's `metrics.json` be newer than the files before it.
 */
async function linkAll(from: string, to: string): Promise<boolean> {
  await mkdir(to);
  await assertPlainFolders(join(from, 'any'));
  try {
    const entries = (await readdir(from, { withFileTypes: true })).filter(
      ({ name }) => !ATTEMPT.test(name) && !TEMPORARY.test(name),
    );
    for (const entry of entries.sort((a, b) => (a.name < b.name ? 1 : -1))) {
      const [source, target] = [join(from, entry.name), join(to, entry.name)];
      if (entry.isDirectory()) {
        if (!(await linkAll(source, target))) return false;
      } else {
        await assertPlain(source);
        await linkOrCopy(source, target);
      }
    }
    return true;
  } catch (error) {
    if (isSystemError(error, 'ENOENT')) return false;
    throw error;
  }
}

async function linkOrCopy(from: string, to: string): Promise<void> {
  try {
    await link(from, to);
  } catch (error) {
    if (!isSystemError(error, 'EPERM', 'ENOTSUP', 'ENOSYS', 'EOPNOTSUPP', 'EMLINK')) throw error;
    await copyFile(from, to);
    const copy = await open(to, 'r+');
    await copy.sync().finally(() => copy.close());
  }
}

/** Has the disk know a folder's names; Windows has no way to ask. */
async function syncFolder(path: string): Promise<void> {
  try {
    const folder = await open(path);
    await folder.sync().finally(() => folder.close());
  } catch (error) {
    if (!isSystemError(error, 'EPERM', 'EACCES', 'EISDIR', 'EINVAL', 'ENOTSUP')) throw error;
  }
}
