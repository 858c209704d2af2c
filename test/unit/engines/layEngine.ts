import { copyFileSync, readdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { ADDON, RECORD } from '../../../src/engines/installations';

/**
 * Puts an installed engine's files into a folder, for tests that change some of them: the addon as a copy, the
 * libraries as links. The installation record is not copied.
 */
export function layEngine(installed: string, folder: string): void {
  for (const file of readdirSync(installed).filter((name) => name !== RECORD)) {
    const lay = file === ADDON ? copyFileSync : symlinkSync;
    lay(join(installed, file), join(folder, file));
  }
}
