import type { RunView } from '../../src/protocol/dashboard';
import { PROTOCOL_VERSION, type RunEvent } from '../../src/protocol/events';
import type { RunState } from '../../src/protocol/manifest';
import { LogStanding } from '../../src/protocol/standing';
import type { Recipe } from '../../src/recipe/recipe';
import { learningRateAt } from '../../src/recipe/schedule';
import { resolvedRecipe } from '../support/smallTraining';

/** The start of the runs here, milliseconds since 1970. */
export const START = Date.UTC(2026, 0, 5, 9, 30);
/** Time a step takes in the runs here. */
export const STEP_MS = 1600;
/** Time an evaluation takes in the runs here. */
export const EVALUATION_MS = 8000;

/** The recipe of an experiment on the sample: 12,000 images in batches of 128, 93 steps an epoch. */
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
export function runView(recipe: Recipe, changes: Partial<RunView> = {}): RunView {
  return {
    folder: '/project/.bag-of-tricks/runs/run-1',
    name: recipe.name,
    createdAt: START,
    state: { status: 'running', step: 0, validationAccuracy: null },
    recipe,
    ...changes,
  };
}

/** Where a run stands after its events, as the extension host tells the page. */
export function stateAfterAll(events: readonly RunEvent[]): RunState {
  const standing = new LogStanding();
  for (const event of events) standing.take(event);
  return standing.state ?? { status: 'running', step: 0, validationAccuracy: null };
}

/** What a training of `recipe` writes up to `steps` steps: a falling, noisy loss, the planned rate. */
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

/** Those events of a run in emulated half precision with a moving average, of whose steps the first two overflow. */
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

/** The end of an epoch; validation accuracy is best at the last but one. */
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

/** The end of a training that went through. */
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

/** From -1 to 1, the same for a step every time. */
function noise(step: number): number {
  const value = Math.sin((step + 1) * 12.9898) * 43758.5453;
  return 2 * (value - Math.floor(value)) - 1;
}
