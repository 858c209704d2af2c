/**
 * What threads bring on wasm: whole steps (batch, gradients, update, loss read back) of ResNet-20 at 28x28, batch
 * 128, and of ResNet-50-D at 64x64, batch 32, on one thread and on several in turns.
 *
 *     npx esbuild bench/threads.ts src/training/parallel/thread.ts --bundle --platform=node --target=node20 \
 *       --alias:jsonc-parser=jsonc-parser/lib/esm/main.js --log-level=error --entry-names=[name] --outdir=dist/bench
 *     node dist/bench/threads.js [threads] [rounds] [resnet20 | resnet50-d]
 *
 * Prints of each the best and the median round, and the ratios; and of a step the processor time, of all threads,
 * which tells how much work the threads add, and on Linux of the training's own thread, which other threads wait
 * for: on a machine that is busy otherwise, its ratio is what to expect of the clock's on a quiet one. The wasm
 * binaries are taken from the installed package.
 */
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { parametersOf } from '../src/models/graph';
import { graphOf } from '../src/recipe/draft';
import { Batches, inOrder } from '../src/training/data/batches';
import { openDataset } from '../src/training/data/open';
import { loadEngine } from '../src/training/engines/engine';
import { imagesTensor, oneHot } from '../src/training/evaluation';
import { initialValues } from '../src/training/initialization';
import { Network } from '../src/training/network';
import { createOptimizer } from '../src/training/optimizers/optimizer';
import { ShardedPasses } from '../src/training/parallel/shardedPasses';
import { type LocalParts, LocalPasses } from '../src/training/passes';
import { Random } from '../src/training/random';
import { Stepper } from '../src/training/step';
import { MODELS, type ModelName, recipeOf } from './models';

/** Steps of a round. */
const STEPS: Readonly<Record<ModelName, number>> = { resnet20: 3, 'resnet50-d': 1 };

interface StepTime {
  readonly wallMs: number;
  /** Of all threads. */
  readonly processorMs: number;
  /** Of this thread; NaN where the system does not say. */
  readonly ownMs: number;
}

/** Something that takes steps. */
interface Contestant {
  step(): Promise<void>;
  close(): Promise<void>;
}

async function contestant(name: ModelName, threads: number): Promise<Contestant> {
  const recipe = recipeOf(name, { steps: 4 });
  const dataset = await openDataset(recipe.data.source);
  const graph = graphOf({ model: recipe.model, dataset: recipe.data.dataset });
  const values = initialValues(graph, recipe.initialization, Random.seeded(1, 'initialization'));
  const network = new Network(graph, values);
  const own: LocalParts = { network, teacher: null, distillation: null };
  const random = Random.seeded(1, 'dropout');
  const sharded =
    threads > 1
      ? new ShardedPasses(recipe, own, random, {
          count: threads,
          engine: 'wasm',
          path: join(__dirname, 'thread.js'),
        })
      : null;
  const passes = sharded ?? new LocalPasses(own, random);
  const optimizer = createOptimizer(recipe, parametersOf(graph));
  const stepper = new Stepper(recipe, { network, passes, optimizer, average: null });
  const { batchSize, augment, erasing } = recipe.data;
  const batches = new Batches(dataset.train, dataset.facts, { batchSize, augment, erasing, rest: 'drop' });
  const order = inOrder(dataset.train.count);
  const augmentation = Random.seeded(1, 'augmentation');
  const draw = { augmentation: () => augmentation.uniform(), erasing: () => augmentation.uniform() };
  let index = 0;
  return {
    async step() {
      const { images, size, labels } = batches.fill(order, index++ % batches.count, draw);
      const classes = tf.tensor1d(labels.slice(), 'int32');
      const batch = {
        images: imagesTensor(images, size, dataset),
        targets: oneHot(classes, 10),
        labels: classes,
      };
      const { measures } = await stepper.take([batch], 0.01);
      await measures;
      tf.dispose(Object.values(batch));
    },
    async close() {
      await sharded?.close();
      network.dispose();
      optimizer.dispose();
    },
  };
}

async function timed(steps: number, { step }: Contestant): Promise<StepTime> {
  const cpuBefore = process.cpuUsage();
  const ownBefore = ownProcessorMs();
  const start = performance.now();
  for (let index = 0; index < steps; index++) await step();
  const wallMs = (performance.now() - start) / steps;
  const { user, system } = process.cpuUsage(cpuBefore);
  const ownMs = (ownProcessorMs() - ownBefore) / steps;
  return { wallMs, processorMs: (user + system) / 1000 / steps, ownMs };
}

/** Processor time that this thread took so far. */
function ownProcessorMs(): number {
  try {
    return Number(readFileSync(`/proc/self/task/${process.pid}/schedstat`, 'utf8').split(' ')[0]) / 1e6;
  } catch {
    return Number.NaN;
  }
}

async function compare(name: ModelName, threads: number, rounds: number): Promise<void> {
  const counts = [1, threads];
  const contestants = await Promise.all(counts.map((count) => contestant(name, count)));
  for (const each of contestants) await timed(2, each);
  const times = contestants.map((): StepTime[] => []);
  for (let round = 0; round < rounds; round++) {
    for (const [index, each] of contestants.entries()) {
      times[index]?.push(await timed(STEPS[name], each));
    }
  }
  for (const each of contestants) await each.close();
  const { batch_size: batch } = MODELS[name].data;
  const speed = (stepMs: number) => (1000 * batch) / stepMs;
  const figures = times.map((rounds) => ({
    best: speed(Math.min(...rounds.map(({ wallMs }) => wallMs))),
    median: speed(median(rounds.map(({ wallMs }) => wallMs))),
    processorMs: median(rounds.map(({ processorMs }) => processorMs)),
    ownMs: median(rounds.map(({ ownMs }) => ownMs)),
  }));
  for (const [index, { best, median, processorMs, ownMs }] of figures.entries()) {
    console.log(
      `${name}, ${counts[index]} thread(s): best ${best.toFixed(1)} images/s, median ${median.toFixed(1)}, ` +
        `${processorMs.toFixed(0)} ms of processor time a step, ${ownMs.toFixed(0)} ms of its own thread`,
    );
  }
  const [one, many] = figures;
  if (!one || !many) throw new Error('Two contestants were to be measured');
  console.log(
    `${name}, ${threads} to 1 thread: best ${(many.best / one.best).toFixed(2)}, ` +
      `median ${(many.median / one.median).toFixed(2)}, processor time ${(many.processorMs / one.processorMs).toFixed(2)}, ` +
      `own thread ${(one.ownMs / many.ownMs).toFixed(2)}`,
  );
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

async function main([threads, rounds, only]: readonly string[]): Promise<void> {
  const engine = await loadEngine('wasm');
  console.log(`${engine.description.split(',').slice(0, 2)}, Node ${process.versions.node}`);
  for (const name of Object.keys(MODELS) as ModelName[]) {
    if (only !== undefined && only !== name) continue;
    await compare(name, Number(threads ?? availableParallelism()), Number(rounds ?? 7));
  }
}

main(process.argv.slice(2)).catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
