/**
 * One contestant of bench/run.mjs: the trainer's own loop on an engine, including its log on disk and its input
 * pipeline. Reads a number of steps per line of input and answers each with one line of JSON: the wall-clock and
 * processor milliseconds of each phase of each step.
 *
 *     node dist/bench/worker.js <engine> <float32 | bfloat16 | float16> <model>
 *     node dist/bench/worker.js engines     prints the engines that work here, and whether each supports half precision
 */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { loadEngine } from '../src/backends/index';
import { type Precision, precisionSupport } from '../src/backends/precision/formats';
import { engineStates } from '../src/engines/choice';
import type { RunEvent } from '../src/protocol/events';
import { type EngineRequest, HALF_PRECISION } from '../src/recipe/engineNames';
import { MetricsLog } from '../src/runs/metricsLog';
import { Batches } from '../src/training/data/batches';
import { openDataset } from '../src/training/data/open';
import { CompiledBatchPass } from '../src/training/loop/batchPass';
import { train } from '../src/training/loop/loop';
import { LocalStepPasses } from '../src/training/loop/passes';
import { Network } from '../src/training/network/network';
import { Optimizer } from '../src/training/optimizers/optimizer';
import { ShardedPasses } from '../src/training/parallel/shardedPasses';
import { threadsHere } from '../src/training/parallel/workerPool';
import { type ModelName, recipeOf } from './models';

/** The data set holds one epoch of images. The epochs are more than a bench trains, so nothing is validated. */
const STEPS_PER_EPOCH = 64;
const EPOCHS = 1000;

/** Wall-clock milliseconds, and processor milliseconds over all threads of the process. */
interface Time {
  readonly wallMs: number;
  readonly cpuMs: number;
}

/**
 * `input` draws and augments the batch. `pass` is forward and backward together, if the engine compiles them.
 * `exchange` sends the weights to other threads, waits for them and adds up their gradients. `rest` moves the batch to
 * the engine, and computes, reads back and logs the metrics of the step.
 */
const PHASES = ['input', 'forward', 'backward', 'pass', 'exchange', 'update', 'rest'] as const;
type Phase = (typeof PHASES)[number];
type StepTimes = Record<Phase, Time>;

async function main(engineName: EngineRequest, dtype: Precision, name: ModelName): Promise<void> {
  const recipe = recipeOf(name, { steps: STEPS_PER_EPOCH, epochs: EPOCHS, dtype });
  const loaded = await loadEngine(engineName);
  if (precisionSupport(loaded, dtype) === 'emulated') throw new Error(`${dtype} is emulated here`);
  const { batchSize } = recipe.data;
  const count = loaded.onThreads ? threadsHere(batchSize) : 1;
  const engine = { ...loaded, ...loaded.onThreads?.(count) };
  const dataset = await openDataset(recipe.data.source);
  const phases = new PhaseTimes();
  phases.follow(Batches.prototype, 'fill', 'input');
  phases.follow(Optimizer.prototype, 'step', 'update');
  phases.follow(CompiledBatchPass.prototype, 'run', 'pass');
  phases.follow(Network.prototype, 'forward', 'forward', (pass) =>
    phases.follow(pass, 'backward', 'backward'),
  );
  phases.followExchange();
  const folder = mkdtempSync(join(tmpdir(), 'bench-'));
  const log = await MetricsLog.open(join(folder, 'metrics.ndjson'), { attempt: 1 });
  const stop = new AbortController();
  const say = (value: unknown) => process.stdout.write(`${JSON.stringify(value)}\n`);
  const orders = createInterface(process.stdin)[Symbol.asyncIterator]();
  let ordered = 0;
  let times: StepTimes[] = [];
  /** Waits for the next request for steps. */
  const nextOrder = async () => {
    const order = await orders.next();
    if (order.done) stop.abort();
    ordered = Number(order.value);
    times = [];
    phases.lap();
  };
  const emit = async (event: RunEvent) => {
    log.append(event);
    if (event.type !== 'step') return;
    times.push(phases.lap());
    if (times.length < ordered) return;
    say({ times, peakBytes: process.resourceUsage().maxRSS * 1024 });
    await nextOrder();
  };
  say({ description: engine.description, versions: engine.versions, batchSize });
  await nextOrder();
  const threads = { count, engine: engine.name };
  const end = await train(recipe, { dataset, threads, emit, save: async () => {}, signal: stop.signal });
  if (end.type !== 'stopped') throw new Error(`The training ended by itself: ${JSON.stringify(end)}`);
  log.close();
  rmSync(folder, { recursive: true });
}

// biome-ignore lint/suspicious/noExplicitAny: any method at all
type Method = (this: unknown, ...parameters: any[]) => any;

/** Sums the time of each phase between laps. */
class PhaseTimes {
  #start = now();
  #phases = noTimes();

  /** Times the calls of a method as a phase, if one is given. `also` receives each result and its time. */
  follow<Owner, Name extends keyof Owner>(
    owner: Owner,
    method: Name,
    phase: Phase | null,
    also: (result: ReturnType<Extract<Owner[Name], Method>>, time: Time) => void = () => {},
  ): void {
    const original = owner[method] as Method;
    const { add } = this;
    const timed: Method = function (this: unknown, ...parameters) {
      const start = now();
      const result = original.apply(this, parameters);
      const time = since(start);
      if (phase) add(phase, time);
      also(result, time);
      return result;
    };
    owner[method] = timed as Owner[Name];
  }

  /** Times the overhead of passing in shards over this thread's own shard, which it passes in one go. */
  followExchange(): void {
    let own: Time = { wallMs: 0, cpuMs: 0 };
    this.follow(LocalStepPasses.prototype, 'pass', null, (_passed, time) => {
      own = time;
    });
    this.follow(ShardedPasses.prototype, 'begin', null, (step) => {
      const { pass } = step;
      step.pass = async (lossScale) => {
        const start = now();
        const passed = await pass(lossScale);
        const { wallMs, cpuMs } = since(start);
        this.add('exchange', { wallMs: wallMs - own.wallMs, cpuMs: cpuMs - own.cpuMs });
        return passed;
      };
    });
  }

  /** Returns the phases' times since the last lap. `rest` is the remaining time. */
  lap(): StepTimes {
    const whole = since(this.#start);
    const phases = this.#phases;
    const rest = Object.values(phases).reduce(
      (left, { wallMs, cpuMs }) => ({ wallMs: left.wallMs - wallMs, cpuMs: left.cpuMs - cpuMs }),
      whole,
    );
    this.#phases = noTimes();
    this.#start = now();
    return { ...phases, rest };
  }

  private readonly add = (phase: Phase, { wallMs, cpuMs }: Time): void => {
    const before = this.#phases[phase];
    this.#phases[phase] = { wallMs: before.wallMs + wallMs, cpuMs: before.cpuMs + cpuMs };
  };
}

function noTimes(): StepTimes {
  return Object.fromEntries(PHASES.map((phase) => [phase, { wallMs: 0, cpuMs: 0 }])) as StepTimes;
}

function now(): Time {
  const { user, system } = process.cpuUsage();
  return { wallMs: performance.now(), cpuMs: (user + system) / 1000 };
}

function since(start: Time): Time {
  const { wallMs, cpuMs } = now();
  return { wallMs: wallMs - start.wallMs, cpuMs: cpuMs - start.cpuMs };
}

async function listEngines(): Promise<void> {
  const states = await engineStates();
  const working = states.filter(({ status }) => status === 'works');
  console.log(
    JSON.stringify(working.map(({ name }) => ({ name, half: HALF_PRECISION[name] !== 'emulated' }))),
  );
}

const [, , engine = 'auto', dtype = 'float32', model = 'resnet20'] = process.argv;
const work =
  engine === 'engines'
    ? listEngines()
    : main(engine as EngineRequest, dtype as Precision, model as ModelName);
work.catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
