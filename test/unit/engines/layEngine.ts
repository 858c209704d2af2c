import { copyFileSync, readdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { ADDON, RECORD } from '../../../src/engines/installations';

/**
 * Lays an installed engine's files into a folder, for tests that change some: its addon as a copy, its libraries as
 * links. Its record stays behind.
 */
export function layEngine(installed: string, folder: string): void {
  for (const file of readdirSync(installed).filter((name) => name !== RECORD)) {
    const lay = file === ADDON ? copyFileSync : symlinkSync;
    lay(join(installed, file), join(folder, file));
  }
}
