import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { renameOver } from '../../system/renameOver';
import { enginesFolder, type NativeEngine, workFolder } from '../installations';

/** Removes an engine's managed installation; whether there was one. */
export async function removeEngine(engine: NativeEngine, folder = enginesFolder()): Promise<boolean> {
  const target = join(folder, engine);
  const work = workFolder(engine, folder);
  try {
    await renameOver(target, work);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
  await rm(work, { recursive: true });
  return true;
}
