import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { loadEngine } from '../../../src/backends/index';
import type { RunEvent } from '../../../src/protocol/events';
import {
  checkpointsFolder,
  readResumption,
  type Snapshot,
  writeCheckpoint,
} from '../../../src/runs/checkpoint';
import { beginAttempt } from '../../../src/runs/lease/attemptFolders';
import { smallRecipe } from '../../support/smallTraining';
import { PRESENT_ENGINES } from '../support/presentEngines';
import { trainHere } from '../support/trainHere';

/**
 * The engines with their own parameter updates. webgpu's software adapter is too slow for this many steps.
 * trainer/webgpu.test.ts tests the same on webgpu.
 */
const FAST_ENGINES = PRESENT_ENGINES.filter((engine) => engine !== 'cpu' && engine !== 'webgpu');

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'resume-'));
  await beginAttempt(checkpointsFolder(folder), 1);
});
afterEach(async () => {
  await rm(folder, { recursive: true });
});

/** Returns the parts of an event that do not depend on the clock. */
function measured(event: RunEvent): object {
  const { time, seconds, imagesPerSecond, result, ...rest } = event as RunEvent & Record<string, unknown>;
  const { seconds: _, ...measures } = (result ?? {}) as Record<string, unknown>;
  return { ...rest, ...measures };
}

const stateOf = ({ state }: Pick<Snapshot, 'state'>) => ({ ...state, seconds: 0, secondsInEpoch: 0 });

/** Returns a snapshot after a round trip through the disk. */
async function fromDisk(snapshot: Snapshot): Promise<Omit<Snapshot, 'isBest'>> {
  await writeCheckpoint(folder, 1, snapshot);
  const { snapshot: read, damage } = await readResumption(folder);
  if (!read || damage.length > 0) throw new Error('The checkpoint does not read.');
  return read;
}

const everything = {
  data: { augment: 'crop_flip' },
  schedule: { epochs: 3, decay: 'cosine' },
};

describe.each(FAST_ENGINES)('on %s, a resumed training', (engine) => {
  beforeAll(async () => {
    await loadEngine(engine);
  });

  test.each<[string, Parameters<typeof smallRecipe>[0]]>([
    ['SGD, crops and a shuffled order', everything],
    [
      'half precision, whose scale overflows and grows, and a moving average',
      {
        ...everything,
        tricks: {
          warmup: { epochs: 1 },
          mixed_precision: { growth_interval: 2, initial_scale: 2 ** 40 },
          ema: true,
        },
      },
    ],
    [
      'balanced sampling and class weights',
      {
        ...everything,
        data: { ...everything.data, train_images: 65, sampling: 'balanced' },
        loss: { class_weights: 'balanced' },
      },
    ],
    [
      'LAMB, mixing, erasing, stochastic depth and smoothing',
      {
        ...everything,
        optimizer: { name: 'lamb' },
        tricks: {
          mixup: true,
          cutmix: true,
          random_erasing: true,
          stochastic_depth: true,
          label_smoothing: true,
        },
      },
    ],
    [
      'accumulation, clipping and sharpness-aware steps',
      {
        ...everything,
        tricks: { gradient_accumulation: { batches: 2 }, gradient_clipping: true, sam: true },
      },
    ],
    ['AdamW', { ...everything, optimizer: { name: 'adamw' } }],
    ['LARS', { ...everything, optimizer: { name: 'lars' } }],
    [
      'a frozen stem, layer decay and a faster head',
      {
        ...everything,
        init: { weights: 'given', freeze: ['stem', 'layer2.0.bn1'] },
        optimizer: { name: 'adamw', layer_decay: 0.7, head_learning_rate: '10x' },
        tricks: { ema: true, gradient_clipping: true, sam: true },
      },
    ],
  ])('with %s, equals an uninterrupted one, to the bit, from any step', async (_, changes) => {
    const recipe = smallRecipe(changes);
    const whole = await trainHere(recipe, { saveEvery: { steps: 1, seconds: Number.POSITIVE_INFINITY } });
    expect(whole.final.type).toBe('done');
    const { totalSteps, stepsPerEpoch } = recipe.schedule;
    expect(whole.snapshots.map(({ state }) => state.step)).toEqual(
      Array.from({ length: totalSteps }, (_, index) => index + 1),
    );
    const tensorsBefore = tf.memory().numTensors;
    // Within epochs, at their ends, and at the end of training.
    for (const step of [1, stepsPerEpoch - 1, stepsPerEpoch, stepsPerEpoch + 1, totalSteps - 1, totalSteps]) {
      const resume = await fromDisk(whole.snapshots[step - 1] as Snapshot);
      const rest = await trainHere(recipe, { resume });
      const left = whole.events.filter((event) =>
        event.type === 'step' ? event.step >= step : event.type === 'epoch' && event.step > step,
      );
      // The epoch that ends with the snapshot was reported before the snapshot.
      expect(rest.events.map(measured)).toEqual(left.map(measured));
      expect(measured(rest.final)).toEqual(measured(whole.final));
      const last = rest.snapshots.at(-1);
      if (step === totalSteps) {
        expect(last).toBeUndefined();
        continue;
      }
      const expected = whole.snapshots.at(-1);
      expect(last?.tensors).toEqual(expected?.tensors);
      expect(last?.trainingTensors).toEqual(expected?.trainingTensors);
      expect(last && stateOf(last)).toEqual(expected && stateOf(expected));
      expect(last?.isBest).toBe(expected?.isBest);
    }
    expect(tf.memory().numTensors).toBe(tensorsBefore);
  });
});

describe('a stopped training', () => {
  beforeAll(async () => {
    await loadEngine('wasm');
  });

  test('saves its state, after any step and in evaluation, and resumes as if uninterrupted', async () => {
    const recipe = smallRecipe({
      data: { augment: 'flip', validation_images: 200 },
      schedule: { epochs: 2 },
    });
    const whole = await trainHere(recipe);
    for (let stopAfter = 0; stopAfter < recipe.schedule.totalSteps; stopAfter++) {
      const stop = new AbortController();
      const emit = (event: RunEvent) => {
        if (event.type === 'step' && event.step === stopAfter) stop.abort(new Error('enough'));
      };
      const first = await trainHere(recipe, { signal: stop.signal, emit });
      expect(first.final.type).toBe('stopped');
      const saved = first.snapshots.at(-1) as Snapshot;
      expect(first.final).toMatchObject({ step: saved.state.step });
      const second = await trainHere(recipe, { resume: await fromDisk(saved) });
      expect([...first.events, ...second.events].map(measured)).toEqual(whole.events.map(measured));
      expect(second.snapshots.at(-1)?.tensors ?? saved.tensors).toEqual(whole.snapshots.at(-1)?.tensors);
    }
  });

  test('saves after the requested time', async () => {
    const { snapshots } = await trainHere(smallRecipe(), { saveEvery: { steps: 1000, seconds: 1e-9 } });
    expect(snapshots.map(({ state }) => state.step)).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
  });

  test('does not save weights that are not finite', async () => {
    const recipe = smallRecipe({ optimizer: { base_lr: 1e30 } });
    const { final, snapshots } = await trainHere(recipe, { saveEvery: { steps: 1, seconds: 1000 } });
    expect(final.type).toBe('failed');
    for (const { tensors } of snapshots) {
      for (const { values } of tensors) expect(values.every(Number.isFinite)).toBe(true);
    }
  });
});
