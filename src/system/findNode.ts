import { delimiter, isAbsolute, join } from 'node:path';
import { execFile } from './children';

/** The oldest that trains. */
const LEAST_MAJOR = 20;

const TIMEOUT_MS = 5000;

/**
 * The first Node of a version that trains in the folders of a PATH; null where there is none. A folder that is named
 * from the working one is left out: whatever lies there would run.
 */
export async function findNode(path = process.env.PATH ?? ''): Promise<string | null> {
  const name = process.platform === 'win32' ? 'node.exe' : 'node';
  for (const folder of path.split(delimiter).filter(isAbsolute)) {
    const file = join(folder, name);
    if ((await majorOf(file)) >= LEAST_MAJOR) return file;
  }
  return null;
}

/** A Node's major version; 0 for what is none. */
async function majorOf(file: string): Promise<number> {
  try {
    const { stdout } = await execFile(file, ['--version'], { timeout: TIMEOUT_MS });
    return Number(/^v(\d+)\./.exec(stdout)?.[1] ?? 0);
  } catch {
    return 0;
  }
}
