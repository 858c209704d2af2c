import { resolve } from 'node:path';
import { createRun, type ReadableEntry, type RunCreation } from '../store';
import { untrainableFailure } from '../trainable';

/**
 * Creates a queued run with another run's recipe: its experiment text, its seed and its engine settings, whatever the
 * experiment file now contains.
 *
 * @param versions of the programs that train the new run
 */
export async function repeatRun(
  root: string,
  { folder, manifest }: ReadableEntry,
  versions: Readonly<Record<string, string>>,
): Promise<RunCreation> {
  const failure = await untrainableFailure(folder);
  if (failure) return { ok: false, failure };
  const { experiment, recipe } = manifest;
  return createRun(root, {
    experimentFile: resolve(root, experiment.file),
    experimentText: experiment.text,
    recipe,
    versions,
  });
}
