import { closeSync, fstatSync, readFileSync, realpathSync } from 'node:fs';
import { isInside } from './insideFolder';
import { openPlainSync } from './plainFiles';

/**
 * The text of a regular file that is really inside a folder. Null for any other file, including one that a symbolic
 * link leads to outside, and for files of more than `maxBytes`.
 */
export function textInside(path: string, folder: string, maxBytes: number): string | null {
  const real = realPathInside(path, folder);
  if (real === null) return null;
  let file: number | undefined;
  try {
    file = openPlainSync(real);
    return fstatSync(file).size <= maxBytes ? readFileSync(file, 'utf8') : null;
  } catch {
    // The file cannot be read, whatever the reason.
    return null;
  } finally {
    if (file !== undefined) closeSync(file);
  }
}

/** The real path of a file if it exists inside a folder, otherwise null. */
export function realPathInside(path: string, folder: string): string | null {
  try {
    const real = realpathSync(path);
    return isInside(real, realpathSync(folder)) ? real : null;
  } catch {
    return null;
  }
}
