import { SYSTEMS } from '../../src/interop/export/commandLine';
import { SYSTEM_NAMES, type SystemName, translate } from '../../src/interop/export/system';
import type { Recipe } from '../../src/recipe/recipe';
import { resolvedRecipe } from './smallTraining';

const STEPS_PER_EPOCH = 4;
const EPOCHS = 8;

const DECAYS: readonly object[] = [
  { name: 'constant' },
  { name: 'step' },
  { name: 'step', every: 3, factor: 0.5 },
  { name: 'multi_step', milestones: [3, 5], factor: 0.2 },
  { name: 'multi_step', milestones: [2.5, 6], factor: 0.2 },
  { name: 'cosine' },
  { name: 'linear' },
  { name: 'polynomial', power: 2 },
  { name: 'one_cycle' },
];

const WARMUPS: readonly (object | null)[] = [
  null,
  { epochs: 2 },
  { epochs: 2, count_from: 1 },
  { epochs: 2, update: 'epoch' },
  { epochs: 2, update: 'epoch', count_from: 1 },
  { epochs: 1 },
  { epochs: 1.5 },
];

export interface ScheduleCase {
  readonly name: string;
  readonly recipe: Recipe;
}

/**
 * Returns schedules with every decay and warmup, per step and per epoch: 8 epochs of 4 steps, peak learning rate 0.4.
 */
export function scheduleCases(): ScheduleCase[] {
  return DECAYS.flatMap((decay) =>
    WARMUPS.flatMap((warmup) =>
      (['step', 'epoch'] as const).map(
        (update): ScheduleCase => ({
          name: JSON.stringify({ ...decay, update, warmup }),
          recipe: resolvedRecipe({
            name: 'a',
            data: { dataset: 'synthetic', train_images: 64 * STEPS_PER_EPOCH, batch_size: 64 },
            model: { name: 'resnet8' },
            optimizer: { base_lr: 0.4 },
            schedule: { epochs: EPOCHS, decay, update },
            ...(warmup && { tricks: { warmup } }),
          }),
        }),
      ),
    ),
  );
}

/** Options that determine the learning rate. */
const OF_SCHEDULE = /^--(lr|sched|epochs|warmup|decay-(rate|epochs|milestones)|min-lr)/;

export interface ScheduleCommand {
  readonly name: string;
  readonly system: SystemName;
  readonly stepsPerEpoch: number;
  readonly options: readonly (readonly string[])[];
}

/** Returns the options of each system's command that determine the learning rate, for every case. */
export function scheduleCommands(): ScheduleCommand[] {
  return SYSTEM_NAMES.flatMap((system) =>
    scheduleCases().map(({ name, recipe }) => ({
      name,
      system,
      stepsPerEpoch: STEPS_PER_EPOCH,
      options: translate(SYSTEMS[system], recipe).options.filter(([flag]) => OF_SCHEDULE.test(flag)),
    })),
  );
}
