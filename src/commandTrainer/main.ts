/**
 * The command trainer, a separate process: `node dist/commandTrainer.js <run folder>` runs the command of a queued run,
 * reads its output as metrics, and writes the results into the folder. The supervisor starts it like the trainer of our
 * own networks. With `--guard` it is the process that ends a command whose trainer was killed.
 */

import { isCommandManifest } from '../runs/commandRun';
import type { RunRecord } from '../runs/trainer/runRecord';
import { runTrainer } from '../runs/trainer/trainerProcess';
import { failureOf } from '../system/errors';
import { GUARD, runGuard } from './guard';
import { type CommandRecord, trainCommand } from './training';

const [, , first, second = ''] = process.argv;
if (first === GUARD) {
  void runGuard(second);
} else {
  runTrainer({
    program: 'node commandTrainer.js',
    accepts: (record: RunRecord): record is CommandRecord => isCommandManifest(record.manifest),
    train: trainCommand,
    failureOf: (error) => failureOf(error),
  });
}
