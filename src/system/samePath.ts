import { posix, win32 } from 'node:path';
import { realPathOf } from './insideFolder';

/**
 * A path's form for comparison: two paths that name one file have the same one. Windows and macOS do not tell letters'
 * case apart, and macOS not the Unicode forms of one letter; Windows has two separators. Not for opening files, and
 * not for people to read. A volume that does tell them apart is taken for one that does not.
 *
 * @param path absolute
 */
export function foldedPath(path: string, platform: NodeJS.Platform = process.platform): string {
  switch (platform) {
    case 'win32':
      return win32.resolve(path).toUpperCase().toLowerCase();
    case 'darwin':
      // Upper case first: letters that differ only in lower case, such as the two sigmas, are one.
      return posix.resolve(path).normalize('NFD').toUpperCase().toLowerCase().normalize('NFC');
    default:
      return posix.resolve(path);
  }
}

/** Whether two absolute paths name one file by their names, links not followed. */
export function isSamePath(a: string, b: string, platform?: NodeJS.Platform): boolean {
  return foldedPath(a, platform) === foldedPath(b, platform);
}

/** A path as its folders have the names, where `path` differs from that in case or Unicode form only; else `path`. */
export async function pathAsNamed(path: string, platform?: NodeJS.Platform): Promise<string> {
  const real = await realPathOf(path);
  return isSamePath(real, path, platform) ? real : path;
}
