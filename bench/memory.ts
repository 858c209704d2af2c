/**
 * Checks that a run's memory stays flat: trains a small network in the trainer's loop, with checkpoints, evaluations
 * and log, and samples the process at equal intervals.
 *
 *     node bench/bundle.mjs memory && node --expose-gc dist/bench/memory.js [engine] [steps]
 *
 * Prints the resident memory and the tensors of each sample, and the slope of a line fitted to the second half of the
 * memory samples, when the allocators have grown to their final size. Takes the wasm binaries from the installed
 * package.
 */

import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { loadEngine } from '../src/backends/index';
import { resolve } from '../src/experiment/resolve';
import { experimentSchema } from '../src/experiment/schema';
import type { RunEvent } from '../src/protocol/events';
import type { EngineRequest } from '../src/recipe/engineNames';
import { writeCheckpoint } from '../src/runs/checkpoint';
import { MetricsLog } from '../src/runs/metricsLog';
import { openDataset } from '../src/training/data/open';
import { train } from '../src/training/loop/loop';

const STEPS_PER_EPOCH = 100;
const BATCH = 16;
const LOOKS = 50;

interface Look {
  readonly step: number;
  readonly residentBytes: number;
  readonly tensors: number;
  readonly tensorBytes: number;
}

async function main(engineName: EngineRequest, steps: number): Promise<void> {
  const resolution = resolve(
    experimentSchema.parse({
      name: 'memory',
      data: {
        dataset: 'synthetic',
        train_images: STEPS_PER_EPOCH * BATCH,
        validation_images: 4 * BATCH,
        height: 16,
        width: 16,
        channels: 3,
        classes: 10,
        batch_size: BATCH,
        augment: 'crop_flip',
      },
      model: { name: 'resnet8', width: 8 },
      optimizer: { base_lr: 0.01 },
      schedule: { epochs: Math.ceil(steps / STEPS_PER_EPOCH), decay: 'constant' },
    }),
  );
  if (!resolution.ok) throw new Error(JSON.stringify(resolution.problems));
  const { recipe } = resolution;
  const engine = await loadEngine(engineName);
  const dataset = await openDataset(recipe.data.source);
  const folder = mkdtempSync(join(tmpdir(), 'memory-'));
  mkdirSync(join(folder, 'checkpoints', '1'), { recursive: true });
  const log = await MetricsLog.open(join(folder, 'metrics.ndjson'), { attempt: 1 });
  const every = Math.max(1, Math.floor(steps / LOOKS));
  const looks: Look[] = [];
  const emit = (event: RunEvent) => {
    log.append(event);
    if (event.type === 'step' && (event.step + 1) % every === 0) looks.push(look(event.step + 1));
  };
  const final = await train(recipe, {
    dataset,
    emit,
    save: (snapshot) => writeCheckpoint(folder, 1, snapshot),
    saveEvery: { steps: 50, seconds: Number.POSITIVE_INFINITY },
    signal: new AbortController().signal,
  });
  log.close();
  rmSync(folder, { recursive: true });
  if (final.type !== 'done') throw new Error(JSON.stringify(final));
  report(engine.description, looks);
}

function look(step: number): Look {
  globalThis.gc?.();
  const { numTensors, numBytes } = tf.memory();
  return { step, residentBytes: process.memoryUsage().rss, tensors: numTensors, tensorBytes: numBytes };
}

function report(engine: string, looks: readonly Look[]): void {
  console.log(`${engine}, Node ${process.versions.node}`);
  for (const { step, residentBytes, tensors, tensorBytes } of looks) {
    console.log(
      `step ${step}: ${mebibytes(residentBytes)} MiB resident, ${tensors} tensors of ${mebibytes(tensorBytes)} MiB`,
    );
  }
  const late = looks.slice(Math.floor(looks.length / 2));
  const slope = slopeOf(late.map(({ step, residentBytes }) => [step, residentBytes]));
  const tensors = new Set(late.map((each) => each.tensors));
  console.log(
    `slope of the resident memory over the second half: ${(slope / 1024).toFixed(3)} KiB a step; ` +
      `tensors: ${[...tensors].join(', ')}`,
  );
}

/** Returns the least-squares slope. */
function slopeOf(points: readonly (readonly [number, number])[]): number {
  const mean = (axis: 0 | 1) => points.reduce((sum, point) => sum + point[axis], 0) / points.length;
  const [meanX, meanY] = [mean(0), mean(1)];
  const sum = (term: (x: number, y: number) => number) =>
    points.reduce((total, [x, y]) => total + term(x - meanX, y - meanY), 0);
  return sum((x, y) => x * y) / sum((x) => x * x);
}

function mebibytes(bytes: number): string {
  return (bytes / 2 ** 20).toFixed(1);
}

main((process.argv[2] ?? 'auto') as EngineRequest, Number(process.argv[3] ?? 5000)).catch(
  (error: unknown) => {
    console.error(error);
    process.exitCode = 1;
  },
);
