import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { linuxStatIn } from '../../../src/system/processes';
import { until } from '../runs/support';
import type { TrainerProcess, TrainerTests } from './trainerProcess';

/** Variables of a program that stops before one of its changes to a run folder, as test/support/folderChanges.cjs. */
export function frozenAt(folder: string, at: string): Readonly<Record<string, string>> {
  return {
    NODE_OPTIONS: `--require ${join(__dirname, '../../support/folderChanges.cjs')}`,
    TEST_FOLDER: folder,
    TEST_AT: at,
    TEST_ACT: 'stop',
  };
}

/** Starts a trainer that stops before one of its changes to its run folder. Returns it after it has stopped. */
export async function frozenTrainer(
  tests: Pick<TrainerTests, 'start'>,
  folder: string,
  at: string,
  env: Readonly<Record<string, string>> = {},
): Promise<TrainerProcess> {
  const trainer = tests.start(folder, { ...env, ...frozenAt(folder, at) });
  await until(async () => {
    if (trainer.child.exitCode !== null)
      throw new Error(`The trainer never came to ${at}: ${trainer.output}`);
    return linuxStatIn(await readFile(`/proc/${trainer.child.pid}/stat`, 'utf8'))?.state === 'T';
  });
  return trainer;
}
