import type { RunHandle } from '../../runs/supervisor';
import { startRun } from '../../runs/supervisor';
import type { TrainerCommand } from '../../runs/trainerCommand';
import { TRAINER_PATH } from '../package';

/** Starts the trainer in a run's or a trial's folder. */
export function startTrainer(folder: string, changes: Partial<TrainerCommand> = {}): RunHandle {
  return startRun(folder, { nodePath: process.execPath, trainerPath: TRAINER_PATH, ...changes });
}
