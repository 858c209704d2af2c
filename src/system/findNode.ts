import { delimiter, isAbsolute, join } from 'node:path';
import { execFile } from './children';

/** The oldest major version that can train. */
const LEAST_MAJOR = 20;

const TIMEOUT_MS = 5000;

/**
 * Finds the first Node on a PATH with a suitable version, or returns null. Ignores relative folders: whatever is in the
 * working directory would run.
 */
export async function findNode(path = process.env.PATH ?? ''): Promise<string | null> {
  const name = process.platform === 'win32' ? 'node.exe' : 'node';
  for (const folder of path.split(delimiter).filter(isAbsolute)) {
    const file = join(folder, name);
    if ((await majorOf(file)) >= LEAST_MAJOR) return file;
  }
  return null;
}

/** The major version of a Node, or 0 if the program is not one. */
async function majorOf(file: string): Promise<number> {
  try {
    const { stdout } = await execFile(file, ['--version'], { timeout: TIMEOUT_MS });
    return Number(/^v(\d+)\./.exec(stdout)?.[1] ?? 0);
  } catch {
    return 0;
  }
}
