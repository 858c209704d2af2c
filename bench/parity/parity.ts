/**
 * Compares trainings and exported weights with PyTorch, for the cases in cases.json. From the same initial weights and
 * the same batches or image files, each step's loss must be within 1e-3 (relative) of PyTorch's. Logits under exported
 * weights must be within 1e-4.
 *
 *     npm run parity
 *
 * Needs a Python with torch, torchvision, timm, safetensors and numpy: BAG_OF_TRICKS_PYTHON, else python3. Exit codes:
 * 0 if all are within their limits, 1 if one is not, 2 if nothing was compared because PyTorch is missing.
 */

import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadEngine } from '../../src/backends/index';
import { resolve } from '../../src/experiment/resolve';
import { experimentSchema } from '../../src/experiment/schema';
import { FILES_OUTSIDE, THREADS } from '../../src/protocol/trainer';
import { graphOf } from '../../src/recipe/draft';
import type { Recipe } from '../../src/recipe/recipe';
import { lastCheckpointPath, readCheckpoint } from '../../src/runs/checkpoint';
import { readAllEvents } from '../../src/runs/log';
import { networkRun } from '../../src/runs/networkRun';
import { listRuns, metricsPath } from '../../src/runs/store';
import { Batches, inOrder } from '../../src/training/data/batches';
import { openDataset } from '../../src/training/data/open';
import { packageRoot } from '../../src/training/data/sample';
import { imagesTensor } from '../../src/training/loop/evaluation';
import { train } from '../../src/training/loop/loop';
import { Network } from '../../src/training/network/network';
import { loadInitialValues } from '../../src/weights/initialValues';
import cases from './cases.json';

const LOSS_LIMIT = 1e-3;
const LOGITS_LIMIT = 1e-4;
const PYTHON = process.env.BAG_OF_TRICKS_PYTHON ?? 'python3';
const MODULES = ['torch', 'torchvision', 'timm', 'safetensors', 'numpy'];

const root = packageRoot();
const scripts = join(root, 'bench', 'parity');

async function main(): Promise<number> {
  const versions = pythonVersions();
  if (typeof versions === 'string') {
    console.error(`Not compared with PyTorch: ${versions}`);
    return 2;
  }
  const engine = await loadEngine('wasm');
  console.log(`${engine.name} (${engine.description}) against ${versions.join(', ')}`);
  const folder = mkdtempSync(join(tmpdir(), 'bag-of-tricks-parity-'));
  try {
    const trainings = await compareTrainings(folder);
    const folders = await compareFolders(folder);
    const exports = await compareExports(folder);
    return trainings && folders && exports ? 0 : 1;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Returns the versions of the modules that the Python scripts import, or the reason why the import fails. */
function pythonVersions(): string[] | string {
  const imports = `import ${MODULES.join(', ')}; print(*(f"{m.__name__} {m.__version__}" for m in (${MODULES})), sep="\\n")`;
  const { status, stdout, stderr, error } = spawnSync(PYTHON, ['-c', imports], { encoding: 'utf8' });
  if (status === 0) return stdout.trimEnd().split('\n');
  const reason = error?.message ?? stderr.trimEnd().split('\n').at(-1);
  return `${PYTHON} cannot import ${MODULES.join(', ')} (${reason}). Name one that can: BAG_OF_TRICKS_PYTHON.`;
}

function runPython(script: string, folder: string): void {
  execFileSync(PYTHON, [join(scripts, script), join(scripts, 'cases.json'), folder], { stdio: 'inherit' });
}

function readJson<T>(path: string): T {
  return JSON.parse(readFileSync(path, 'utf8')) as T;
}

async function compareTrainings(folder: string): Promise<boolean> {
  runPython('train.py', folder);
  const expected = readJson<number[][]>(join(folder, 'losses.json'));
  let isWithin = true;
  for (const [index, { name, experiment }] of cases.trainings.entries()) {
    const losses = await lossesOf(recipeOf(experiment), join(folder, `${index}.safetensors`));
    const differences = losses.map((loss, step) => relative(loss, expected[index]?.[step]));
    isWithin = report(`losses of ${cases.steps} steps, ${name}`, differences, LOSS_LIMIT) && isWithin;
    console.log(`  from ${losses[0]?.toFixed(4)} to ${losses.at(-1)?.toFixed(4)}`);
  }
  return isWithin;
}

function relative(actual: number, expected: number | undefined): number {
  return Math.abs(actual - (expected ?? Number.NaN)) / Math.abs(expected ?? Number.NaN);
}

/** Prints the largest difference and returns whether it is within the limit. */
function report(what: string, differences: readonly number[], limit: number): boolean {
  const most = differences.length === 0 ? Number.NaN : Math.max(...differences);
  const isWithin = most <= limit;
  console.log(
    `${isWithin ? 'ok' : 'FAILED'}: ${what}: at most ${most.toExponential(1)} apart, limit ${limit}`,
  );
  return isWithin;
}

/** Makes an experiment reproducible in other systems: nothing random, a constant learning rate. */
function repeatable(experiment: Experiment): object {
  return {
    name: 'parity',
    schedule: { epochs: 1, decay: 'constant' },
    engine: 'wasm',
    ...experiment,
    data: { ...experiment.data, shuffle: false, augment: 'none' },
  };
}
interface Experiment {
  readonly data: object;
}

function recipeOf(experiment: Experiment): Recipe {
  const resolution = resolve(experimentSchema.parse(repeatable(experiment)));
  if (!resolution.ok) throw new Error(JSON.stringify(resolution.problems));
  return resolution.recipe;
}

/** Returns the losses of the first steps of a training that starts from the weights in a file. */
async function lossesOf(recipe: Recipe, path: string): Promise<number[]> {
  const graph = graphOf(recipe);
  const enough = new AbortController();
  const losses: number[] = [];
  const final = await train(recipe, {
    dataset: await openDataset(recipe.data.source),
    weights: await loadInitialValues(path, graph),
    emit: (event) => {
      if (event.type === 'step' && losses.length < cases.steps) losses.push(event.loss);
      if (losses.length === cases.steps) enough.abort();
    },
    save: async () => {},
    signal: enough.signal,
  });
  if (losses.length < cases.steps) throw new Error(`The training ended early: ${JSON.stringify(final)}`);
  return losses;
}

/** Trains torchvision's resnet18 on the files of test/fixtures/parity with `tricks run`, from one weights file. */
async function compareFolders(folder: string): Promise<boolean> {
  const out = join(folder, 'image-folder');
  mkdirSync(out);
  runPython('folder.py', out);
  const { results } = readJson<{ results: Losses[] }>(join(out, 'losses.json'));
  const path = join(root, 'test', 'fixtures', 'parity', 'images');
  const { experiment, cases: each } = cases.image_folder;
  let isWithin = true;
  for (const [index, { name, data }] of each.entries()) {
    const runs = join(out, `${index}`);
    const file = join(out, `${index}.experiment.json`);
    const complete = { ...experiment, data: { ...experiment.data, ...data, path }, engine: 'wasm' };
    writeFileSync(file, JSON.stringify(complete));
    tricksCommand('run', file, '--folder', runs);
    const expected = results[index]!;
    const { events } = await readAllEvents(metricsPath((await onlyRun(runs)).folder));
    const losses = events.flatMap((event) => (event.type === 'step' ? [event.loss] : []));
    const validation = events.flatMap((event) => (event.type === 'epoch' ? [event.validationLoss] : []));
    const differences = [
      ...expected.losses.map((loss, step) => relative(losses[step] ?? Number.NaN, loss)),
      ...expected.validationLosses.map((loss, epoch) => relative(validation[epoch] ?? Number.NaN, loss)),
    ];
    isWithin = report(`losses on an image folder, ${name}`, differences, LOSS_LIMIT) && isWithin;
    console.log(`  of the first step: ${differences[0]?.toExponential(1)} apart`);
  }
  return isWithin;
}

/** PyTorch's losses for a case. */
interface Losses {
  /** Per step. */
  readonly losses: readonly number[];
  /** Per epoch. */
  readonly validationLosses: readonly number[];
}

async function compareExports(folder: string): Promise<boolean> {
  runPython('calibrate.py', folder);
  const expected: Promise<number[][]>[] = [];
  for (const [index, { model, tricks }] of cases.exports.entries()) {
    const runs = join(folder, `${index}`);
    const file = join(folder, `export-${index}.safetensors`);
    const experiment = repeatable({ data: cases.export_data });
    const path = join(folder, `${index}.experiment.json`);
    const init = join(folder, `init-${index}.safetensors`);
    const optimizer = { base_lr: 0.0001 };
    writeFileSync(path, JSON.stringify({ ...experiment, model: { name: model }, optimizer, tricks, init }));
    tricksCommand('run', path, '--folder', runs);
    tricksCommand('export', 'last', '--weights', file, '--folder', runs);
    expected.push(ourLogits(runs));
  }
  runPython('logits.py', folder);
  const theirs = readJson<number[][][]>(join(folder, 'logits.json'));
  let isWithin = true;
  for (const [index, { torch }] of cases.exports.entries()) {
    const ours = (await expected[index])?.flat() ?? [];
    const differences = ours.map((logit, at) => Math.abs(logit - (theirs[index]?.flat()[at] ?? Number.NaN)));
    isWithin = report(`logits of exported weights, ${torch}`, differences, LOGITS_LIMIT) && isWithin;
    console.log(`  logits up to ${Math.max(...ours.map(Math.abs)).toFixed(2)}`);
  }
  return isWithin;
}

function tricksCommand(...args: string[]): void {
  execFileSync(process.execPath, [join(root, 'dist', 'tricks.js'), ...args], {
    stdio: ['ignore', 'ignore', 'inherit'],
    // One thread, because with more, each thread's batch norm would use the statistics of its own shard.
    env: { ...process.env, [FILES_OUTSIDE]: '1', [THREADS]: '1' },
  });
}

async function onlyRun(runs: string) {
  const [run] = await listRuns(runs);
  if (run?.kind !== 'run') throw new Error(`No run in ${runs}`);
  return run;
}

/** Returns the logits of a run's last checkpoint for all validation images. */
async function ourLogits(runs: string): Promise<number[][]> {
  const run = await onlyRun(runs);
  const { recipe } = networkRun(run).manifest;
  const dataset = await openDataset(recipe.data.source);
  const { tensors } = await readCheckpoint(lastCheckpointPath(run.folder));
  const graph = graphOf(recipe);
  const network = new Network(graph, new Map(tensors.map(({ name, values }) => [name, values])));
  const size = dataset.validation.count;
  const batches = new Batches(dataset.validation, dataset.facts, {
    batchSize: size,
    augment: 'none',
    rest: 'keep',
  });
  const none = () => 0;
  const { images } = batches.fill(inOrder(size), 0, none);
  const input = imagesTensor(images, size, dataset);
  const logits = network.predict(input);
  const values = await logits.array();
  input.dispose();
  logits.dispose();
  network.dispose();
  return values;
}

main().then(
  (code) => process.exit(code),
  (error: unknown) => {
    console.error(error);
    process.exit(1);
  },
);
