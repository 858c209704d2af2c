import { posix, win32 } from 'node:path';
import { realPathOf } from './insideFolder';

/**
 * Normalizes a path for comparison: two paths of the same file yield the same result. Windows and macOS ignore case,
 * macOS also ignores Unicode forms, and Windows has two separators. Not for opening files or for display. A
 * case-sensitive volume is treated as case-insensitive.
 *
 * @param path absolute path
 */
export function foldedPath(path: string, platform: NodeJS.Platform = process.platform): string {
  switch (platform) {
    case 'win32':
      return win32.resolve(path).toUpperCase().toLowerCase();
    case 'darwin':
      // Convert to upper case first, so that letters that differ only in lower case, such as the two sigmas, become
      // equal.
      return posix.resolve(path).normalize('NFD').toUpperCase().toLowerCase().normalize('NFC');
    default:
      return posix.resolve(path);
  }
}

/** Whether two absolute paths name the same file. Does not follow symbolic links. */
export function isSamePath(a: string, b: string, platform?: NodeJS.Platform): boolean {
  return foldedPath(a, platform) === foldedPath(b, platform);
}

/** A path with the names as its folders have them, if `path` differs only in case or Unicode form. Otherwise `path`. */
export async function pathAsNamed(path: string, platform?: NodeJS.Platform): Promise<string> {
  const real = await realPathOf(path);
  return isSamePath(real, path, platform) ? real : path;
}
