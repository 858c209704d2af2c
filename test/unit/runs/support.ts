import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { onTestFinished } from 'vitest';
import type { Recipe } from '../../../src/recipe/recipe';
import { createRun, type NewRun } from '../../../src/runs/store';
import { processStart } from '../../../src/system/processIdentity';
import { smallRecipe } from '../../support/smallTraining';

/** Creates a folder that is deleted after the test. */
export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'bag-of-tricks-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

export function exampleRecipe(name = 'example'): Recipe {
  return smallRecipe({ name });
}

export function newRun(root: string, changes: Partial<NewRun> = {}): NewRun {
  return {
    experimentFile: join(root, 'example.experiment.yaml'),
    experimentText: 'name: example\n',
    recipe: exampleRecipe(),
    versions: { bagOfTricks: '0.1.0' },
    ...changes,
  };
}

/** Creates a queued run in a separate store. */
export async function exampleRun(): Promise<{ root: string; id: string; folder: string }> {
  const root = await temporaryFolder();
  const creation = await createRun(root, newRun(root));
  if (!creation.ok) throw new Error(creation.failure.what);
  return { root, id: creation.id, folder: creation.folder };
}

/** Waits until a condition holds. If it never does, the test's own time limit applies. */
export async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await holds())) await delay(10);
}

/** Whether a process is running. A zombie is not. */
export async function isRunning(pid: number): Promise<boolean> {
  return (await processStart(pid)) !== 'ended';
}
