/** The checkpoint that a command said it saved, if the recipe does not say where it is. */
import { join } from 'node:path';
import { readPlain } from '../system/plainFiles';
import { replaceFile } from '../system/replaceFile';

const foundCheckpointPath = (runFolder: string): string => join(runFolder, 'trainer.checkpoint');

/** Keeps the absolute path of a checkpoint with its run. An error costs only the next resume. */
export async function writeFoundCheckpoint(runFolder: string, path: string): Promise<void> {
  await replaceFile(foundCheckpointPath(runFolder), `${path}\n`).catch(() => {});
}

/** Returns the absolute path of the last checkpoint, null if the command said none. */
export async function readFoundCheckpoint(runFolder: string): Promise<string | null> {
  const text = await readPlain(foundCheckpointPath(runFolder), 'utf8').catch(() => '');
  return text.trimEnd() || null;
}
