/**
 * Folders with one subfolder per attempt. When an attempt begins, it fills its numbered folder with what the previous
 * attempt left, and then writes only there. If a trainer that was presumed dead wakes up, its writes land where no
 * reader looks. Runs of earlier releases have no numbers: files directly in the parent belong to attempt 0.
 */
import { readdirSync } from 'node:fs';
import { copyFile, link, mkdir, open, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { isSystemError } from '../../system/errors';
import { assertPlain, assertPlainFolders, makePlainFolder } from '../../system/plainFiles';
import { renameOver } from '../../system/renameOver';

const ATTEMPT = /^[1-9]\d{0,8}$/;
const TEMPORARY = /\.tmp$/;

/** The folder that an attempt writes to. */
export const attemptFolder = (parent: string, attempt: number): string =>
  attempt === 0 ? parent : join(parent, `${attempt}`);

/** The highest attempt that has begun. 0 if there is none, or only one of an earlier release. */
export function currentAttempt(parent: string): number {
  return Math.max(0, ...attemptsIn(parent));
}

/** The folder to read: that of the highest attempt that has begun. */
export const currentFolder = (parent: string): string => attemptFolder(parent, currentAttempt(parent));

/**
 * Reads from the current attempt's folder. Retries if that failed because a new attempt took over its files.
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
 * Begins an attempt: atomically creates its folder with everything that the previous attempt left, then removes the
 * folders of lower attempts. Uses hard links if the file system supports them, which take no space.
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
    // Files may disappear because of a writer about to be fenced out, or an attempt that began meanwhile.
    const isWhole = await linkAll(attemptFolder(parent, before), unfinished);
    if (isWhole && before === Math.max(0, ...attemptsIn(parent).filter((other) => other < attempt))) break;
  }
  await renameOver(unfinished, folder);
  await syncFolder(parent);
  for (const entry of await readdir(parent)) {
    const [number = ''] = entry.split('.');
    const isHigher = ATTEMPT.test(number) && Number(number) >= attempt;
    // If another process has it open on Windows, the next attempt removes it.
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
 * Links all files of a folder into a new one, except other attempts and temporary files. Returns false if a file
 * disappeared meanwhile.
 *
 * Links in descending name order, because the previous attempt may still replace files: `best` before `last`, and
 * `metrics.json` after the other files of an evaluation. So `best` is linked at least as new as `last`, and `classes.csv`
 * and `correct.npy` at least as new as `metrics.json`. Only `most_wrong.csv` may be older. No reader combines it with the
 * others.
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

/** Flushes a folder's entries to disk. Windows has no such call. */
async function syncFolder(path: string): Promise<void> {
  try {
    const folder = await open(path);
    await folder.sync().finally(() => folder.close());
  } catch (error) {
    if (!isSystemError(error, 'EPERM', 'EACCES', 'EISDIR', 'EINVAL', 'ENOTSUP')) throw error;
  }
}
