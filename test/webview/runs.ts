import type { RunView } from '../../src/protocol/dashboard';
import { PROTOCOL_VERSION, type RunEvent } from '../../src/protocol/events';
import type { RunState } from '../../src/protocol/manifest';
import { LogStanding } from '../../src/protocol/standing';
import type { AnyRecipe } from '../../src/recipe/anyRecipe';
import { COMMAND_RECIPE_VERSION, type CommandRecipe } from '../../src/recipe/commandRecipe';
import type { Recipe } from '../../src/recipe/recipe';
import { learningRateAt } from '../../src/recipe/schedule';
import { resolvedRecipe } from '../support/smallTraining';

/** Start time of the runs here, in milliseconds since 1970. */
export const START = Date.UTC(2026, 0, 5, 9, 30);
/** Time per step in the runs here. */
export const STEP_MS = 1600;
/** Time per evaluation in the runs here. */
export const EVALUATION_MS = 8000;

/** The recipe of an experiment on the sample: 12,000 images in batches of 128, 93 steps per epoch. */
export function sampleRecipe(
  changes: { epochs?: number; name?: string; batchSize?: number; tricks?: object } = {},
): Recipe {
  return resolvedRecipe({
    name: changes.name ?? 'fashion-resnet',
    data: { dataset: 'fashion-mnist-sample', batch_size: changes.batchSize ?? 128 },
    model: { name: 'resnet20' },
    schedule: { epochs: changes.epochs ?? 5, decay: 'cosine' },
    tricks: {
      linear_scaling: true,
      warmup: { epochs: 1 },
      zero_gamma: true,
      no_bias_decay: true,
      ...changes.tricks,
    },
  });
}

/** A running run of `recipe`. */
export function runView(recipe: AnyRecipe, changes: Partial<RunView> = {}): RunView {
  return {
    folder: '/project/.bag-of-tricks/runs/run-1',
    name: recipe.name,
    createdAt: START,
    state: { status: 'running', step: 0, validationAccuracy: null },
    recipe,
    ...changes,
  };
}

/** Returns a run's state after its events, as the extension host sends it to the page. */
export function stateAfterAll(events: readonly RunEvent[]): RunState {
  const standing = new LogStanding();
  for (const event of events) standing.take(event);
  return standing.state ?? { status: 'running', step: 0, validationAccuracy: null };
}

/**
 * The events that a training of `recipe` writes up to `steps` steps: a falling, noisy loss and the planned learning
 * rate.
 */
export function trainingEvents(recipe: Recipe, steps = recipe.schedule.totalSteps): RunEvent[] {
  const { schedule, epochs } = recipe;
  const { stepsPerEpoch, totalSteps } = schedule;
  const events: RunEvent[] = [
    {
      type: 'started',
      version: PROTOCOL_VERSION,
      time: START,
      engine: {
        name: 'wasm',
        description: 'WebAssembly, SIMD, 1 thread',
        because: ['tensorflow would be faster. It is not installed.', 'wasm works.'],
      },
      precision: { compute: 'float32', execution: 'native' },
      epochs,
      stepsPerEpoch,
      totalSteps,
      parameters: 272_186,
    },
  ];
  for (let step = 0; step < steps; step++) {
    const epoch = Math.floor(step / stepsPerEpoch);
    const loss = lossAt(step / totalSteps) + 0.25 * noise(step);
    events.push({
      type: 'step',
      time: START + (step + 1) * STEP_MS + epoch * EVALUATION_MS,
      step,
      epoch,
      learningRate: learningRateAt(schedule, step),
      loss,
      accuracy: Math.exp(-loss),
      imagesPerSecond: recipe.data.batchSize / (STEP_MS / 1000),
    });
    if ((step + 1) % stepsPerEpoch === 0) events.push(epochEvent(recipe, epoch));
  }
  return events;
}

/** The same events for a run in emulated half precision with EMA weights. The first two steps overflow. */
export function halfPrecisionEvents(recipe: Recipe, steps?: number): RunEvent[] {
  return trainingEvents(recipe, steps).map((event) => {
    switch (event.type) {
      case 'started':
        return { ...event, precision: { compute: 'float16', execution: 'emulated' } };
      case 'step':
        return { ...event, lossScale: 16384, overflows: Math.min(event.step + 1, 2) };
      case 'epoch':
        return { ...event, averagedLoss: event.validationLoss, averagedAccuracy: 0.8765 };
      default:
        return event;
    }
  });
}

/** The event at the end of an epoch. Validation accuracy is best in the last epoch but one. */
function epochEvent(recipe: Recipe, epoch: number): RunEvent {
  const { stepsPerEpoch, totalSteps } = recipe.schedule;
  const step = (epoch + 1) * stepsPerEpoch;
  const loss = lossAt(step / totalSteps);
  const slip = epoch === recipe.epochs - 1 ? 0.015 : 0;
  return {
    type: 'epoch',
    time: START + step * STEP_MS + (epoch + 1) * EVALUATION_MS,
    epoch,
    step,
    trainLoss: loss,
    trainAccuracy: 1 - loss / 2.6,
    validationLoss: loss + 0.04 + slip,
    validationAccuracy: 0.98 - loss / 2.6 - slip,
    seconds: (stepsPerEpoch * STEP_MS + EVALUATION_MS) / 1000,
  };
}

/** The event at the end of a completed training. */
export function doneEvent(recipe: Recipe): Extract<RunEvent, { type: 'done' }> {
  return {
    type: 'done',
    time: START + recipe.schedule.totalSteps * STEP_MS + recipe.epochs * EVALUATION_MS,
    result: {
      epochs: recipe.epochs,
      validationLoss: 0.36,
      validationAccuracy: 0.861,
      bestValidationAccuracy: 0.874,
      seconds: (recipe.schedule.totalSteps * STEP_MS + recipe.epochs * EVALUATION_MS) / 1000,
    },
  };
}

function lossAt(share: number): number {
  return 0.28 + 2.1 * Math.exp(-7 * share);
}

/** Returns noise from -1 to 1, deterministic per step. */
function noise(step: number): number {
  const value = Math.sin((step + 1) * 12.9898) * 43758.5453;
  return 2 * (value - Math.floor(value)) - 1;
}

/** A recipe that runs timm's train.py. */
export const COMMAND_RECIPE: CommandRecipe = {
  kind: 'command',
  version: COMMAND_RECIPE_VERSION,
  name: 'pets-timm',
  tricks: ['warmup', 'label_smoothing', 'mixup'],
  seed: 5,
  system: 'timm',
  command: ['python', 'train.py', '--model', 'resnet18', '--epochs', '6'],
  workingDirectory: '.',
  environment: {},
  metrics: { kind: 'auto' },
  checkpoint: 'out/last.pth.tar',
  resume: null,
  epochs: 6,
  model: 'resnet18',
  dataset: null,
};

/**
 * The events of a command that prints a loss every ten steps and validates four of its six epochs. It reports no
 * training accuracy. `isCounted` says whether it reports the length of an epoch.
 */
export function commandEvents({ isCounted = true } = {}): RunEvent[] {
  const stepsPerEpoch = 40;
  const events: RunEvent[] = [
    {
      type: 'started',
      version: PROTOCOL_VERSION,
      time: START,
      engine: null,
      precision: null,
      epochs: 6,
      stepsPerEpoch: isCounted ? stepsPerEpoch : null,
      totalSteps: isCounted ? 6 * stepsPerEpoch : null,
      parameters: null,
    },
  ];
  for (let epoch = 0; epoch < 4; epoch++) {
    for (let step = epoch * stepsPerEpoch; step < (epoch + 1) * stepsPerEpoch; step += 10) {
      const time = START + step * STEP_MS;
      const learningRate = epoch === 0 ? 0.0001 * step : 0.01 * (1 - step / 240);
      events.push({
        type: 'step',
        time,
        step,
        epoch,
        loss: 2 * 0.99 ** step,
        learningRate,
        imagesPerSecond: 310,
      });
    }
    const [step, accuracy] = [(epoch + 1) * stepsPerEpoch, 0.3 + 0.1 * epoch];
    const [validationLoss, validationAccuracy] = [1.9 - 0.2 * epoch, accuracy];
    const time = START + step * STEP_MS;
    events.push({
      type: 'epoch',
      time,
      epoch,
      step,
      trainLoss: 1.9,
      validationLoss,
      validationAccuracy,
      seconds: 64,
    });
  }
  return events;
}
