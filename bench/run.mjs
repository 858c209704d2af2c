// @ts-check
// `npm run bench`: trains ResNet-20 (28x28, batch 128) and ResNet-50-D (64x64, batch 32) in the trainer's own loop on
// every engine that works here, and on PyTorch where a Python (BENCH_PYTHON, or python3) has it. The contestants take
// turns, a few steps each, so that what else the machine does hits all alike; a contestant's time is the median of its
// steps. Prints a table, and writes it with all figures to dist/bench/results.json; `npm run bench:report` puts them
// into docs/performance.md.
//
//     npm run bench -- [--rounds 5] [--steps 3] [--models resnet20,resnet50-d] [--cores N] [--minutes 10]
//
// `--cores` leaves contestants that many processors (Linux): with one, nobody spins while waiting for another thread,
// and processor time compares engines on a busy machine too. Past `--minutes` no further round is begun.
//
// Engines come from the folder that BAG_OF_TRICKS_ENGINES names, otherwise from the user's, otherwise from the tests'.
import { execFileSync, spawn } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { availableParallelism, cpus, loadavg, totalmem } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import esbuild from 'esbuild';
import { benchEnginesEnvironment } from '../scripts/lib/benchEngines.mjs';
import { nodeBundle, programs } from '../scripts/lib/bundling.mjs';
import { root } from '../scripts/lib/processes.mjs';
import { quantile } from './quantile.mjs';
import { ONE_THREAD, tablesOf } from './tables.mjs';

const { values: options } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    steps: { type: 'string', default: '3' },
    models: { type: 'string', default: 'resnet20,resnet50-d' },
    cores: { type: 'string', default: String(availableParallelism()) },
    minutes: { type: 'string', default: '10' },
  },
});

/**
 * @typedef {{ wallMs: number, cpuMs: number }} Time by the clock, and of processor time on all threads
 * @typedef {Record<string, Time>} StepTimes by phase
 * @typedef {{ name: string, command: string, args: string[], env?: Record<string, string>, isTorch: boolean,
 *   isHalf: boolean }} Contestant
 * @typedef {{ name: string, description: string, threads: number | null, isTorch: boolean, isHalf: boolean,
 *   imagesPerSecond: number, stepMs: number, fastStepMs: number, spread: [number, number], cpuMs: number,
 *   peakBytes: number, steps: number, phases: StepTimes, versions: Record<string, string> }} Result
 */

const startedAt = performance.now();
const loadBefore = loadavg();
const python = process.env.BENCH_PYTHON || 'python3';
const worker = join(root, 'dist/bench/worker.js');
// All contestants use the huge pages that a trainer is started with (src/runs/trainerCommand.ts).
const environment = {
  GLIBC_TUNABLES: 'glibc.malloc.hugetlb=1',
  ...process.env,
  ...(await benchEnginesEnvironment()),
  TF_CPP_MIN_LOG_LEVEL: '3',
};

await esbuild.build({
  ...nodeBundle,
  entryPoints: { 'bench/worker': 'bench/worker.ts', 'bench/thread': programs.thread },
  outdir: 'dist',
});

/** @type {{ name: string, half: boolean }[]} */
const engines = JSON.parse(
  execFileSync(process.execPath, [worker, 'engines'], { env: environment, encoding: 'utf8' }),
);
/** @type {Contestant[]} */
const contestants = [
  ...engines.flatMap(({ name: engine, half }) =>
    [
      { name: `${engine} float32`, dtype: 'float32' },
      ...(half ? [{ name: `${engine} bfloat16`, dtype: 'bfloat16' }] : []),
      // Shows the speedup from threads: the engine itself uses every core.
      ...(engine === 'wasm'
        ? [{ name: ONE_THREAD, dtype: 'float32', env: { BAG_OF_TRICKS_THREADS: '1' } }]
        : []),
    ].map(({ name, dtype, env }) => ({
      name,
      command: process.execPath,
      args: [worker, engine, dtype],
      env,
      isTorch: false,
      isHalf: dtype !== 'float32',
    })),
  ),
  ...['contiguous', 'channels_last', 'bfloat16'].map((layout) => ({
    name: `pytorch ${layout}`,
    command: python,
    args: [join(root, 'bench/worker.py'), layout],
    isTorch: true,
    isHalf: layout === 'bfloat16',
  })),
];

/** @type {Record<string, Result[]>} */
const results = {};
const machine = {
  processor: cpus()[0]?.model,
  threads: availableParallelism(),
  memoryBytes: totalmem(),
  platform: `${process.platform} ${process.arch}`,
  node: process.versions.node,
  // Load average of the minute before the bench: other processes, which distort its figures.
  loadBefore: loadBefore[0],
};
const file = join(root, 'dist/bench/results.json');
await mkdir(join(root, 'dist/bench'), { recursive: true });
const models = options.models.split(',');
for (const [index, model] of models.entries()) {
  const deadline = startedAt + (Number(options.minutes) * 60_000 * (index + 1)) / models.length;
  results[model] = await compare(model, deadline);
  const report = { time: new Date().toISOString(), machine, options, results };
  await writeFile(file, `${JSON.stringify(report, null, 2)}\n`);
  if (index === models.length - 1) console.log(tablesOf(report));
}
console.log(`All figures: ${file}`);

/**
 * @param {string} model
 * @param {number} deadline
 * @returns {Promise<Result[]>}
 */
async function compare(model, deadline) {
  const starting = await Promise.all(contestants.map((contestant) => start(contestant, model)));
  const running = starting.filter((each) => each !== null);
  for (const each of running) await each.take(2);
  /** @type {Map<string, StepTimes[]>} */
  const times = new Map(running.map(({ name }) => [name, []]));
  for (let round = 0; round < Number(options.rounds); round++) {
    if (round > 0 && performance.now() > deadline) break;
    for (const each of running) times.get(each.name)?.push(...(await each.take(Number(options.steps))));
  }
  return running.map(({ stop, peakBytes, take, batchSize, ...contestant }) => {
    stop();
    const steps = times.get(contestant.name) ?? [];
    const totals = steps.map((step) => sum(Object.values(step)));
    const walls = totals.map(({ wallMs }) => wallMs);
    const stepMs = quantile(walls, 0.5);
    const cpuMs = quantile(
      totals.map((total) => total.cpuMs),
      0.5,
    );
    return {
      ...contestant,
      imagesPerSecond: (1000 * batchSize) / stepMs,
      stepMs,
      fastStepMs: quantile(walls, 0.1),
      spread: [quantile(walls, 0.25), quantile(walls, 0.75)],
      cpuMs,
      peakBytes: peakBytes(),
      steps: steps.length,
      phases: mediansOf(steps),
    };
  });
}

/**
 * @param {readonly StepTimes[]} steps
 * @returns {StepTimes}
 */
function mediansOf(steps) {
  const none = { wallMs: 0, cpuMs: 0 };
  const median = (/** @type {string} */ phase, /** @type {keyof Time} */ clock) =>
    quantile(
      steps.map((step) => (step[phase] ?? none)[clock]),
      0.5,
    );
  return Object.fromEntries(
    Object.keys(steps[0] ?? {}).map((phase) => [
      phase,
      { wallMs: median(phase, 'wallMs'), cpuMs: median(phase, 'cpuMs') },
    ]),
  );
}

/**
 * @param {readonly Time[]} times
 * @returns {Time}
 */
function sum(times) {
  return times.reduce(
    (all, { wallMs, cpuMs }) => ({ wallMs: all.wallMs + wallMs, cpuMs: all.cpuMs + cpuMs }),
    { wallMs: 0, cpuMs: 0 },
  );
}

/**
 * Starts a contestant, or returns null if it does not run here.
 * @param {Contestant} contestant
 * @param {string} model
 */
async function start({ name, command, args, env, isTorch, isHalf }, model) {
  const isPinned = Number(options.cores) < availableParallelism();
  const [program = '', ...before] = isPinned
    ? ['taskset', '-c', `0-${Number(options.cores) - 1}`, command]
    : [command];
  const child = spawn(program, [...before, ...args, model], {
    env: { ...environment, ...env },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  let errors = '';
  child.stderr.on('data', (data) => {
    errors += data;
  });
  child.on('error', (error) => {
    errors += error.message;
  });
  child.stdin.on('error', () => {});
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  const first = await lines.next();
  if (first.done) {
    console.log(`${name} is not here: ${reasonOf(errors)}`);
    return null;
  }
  const { description, versions, batchSize, threads = threadsOf(description) } = JSON.parse(first.value);
  let peakBytes = 0;
  return {
    name,
    isTorch,
    isHalf,
    threads,
    description,
    versions,
    batchSize,
    peakBytes: () => peakBytes,
    /** @param {number} count @returns {Promise<StepTimes[]>} */
    take: async (count) => {
      child.stdin.write(`${count}\n`);
      const { value, done } = await lines.next();
      if (done) throw new Error(`${name} ended: ${errors}`);
      const answer = JSON.parse(value);
      peakBytes = answer.peakBytes;
      return answer.times;
    },
    stop: () => child.stdin.end(),
  };
}

/**
 * Returns why a contestant did not start: the last line of its output that looks like an error.
 * @param {string} errors
 */
function reasonOf(errors) {
  const lines = errors.trim().split('\n');
  return lines.findLast((line) => /Error|rror:/.test(line)) ?? lines.at(-1);
}

/**
 * Returns the number of threads in an engine's description, null if it has none, as on a GPU.
 * @param {string} description
 */
function threadsOf(description) {
  const threads = /(\d+) threads?/.exec(description)?.[1];
  return threads === undefined ? null : Number(threads);
}
