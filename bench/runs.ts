/**
 * Measures the cost of keeping runs: listing a store of 1,000 runs, opening a log of 1,000,000 events, and sending
 * 1,000 events per second from a trainer to a follower.
 *
 *     node bench/bundle.mjs runs && node dist/bench/runs.js
 *
 * Processor time is the cost of a part, wall time is how long a person waits. Memory is the growth of the process's
 * resident set.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { finished } from 'node:stream/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { resolve } from '../src/experiment/resolve';
import { experimentSchema } from '../src/experiment/schema';
import type { RunEvent } from '../src/protocol/events';
import { feeds } from '../src/runs/feed/feed';
import { readAllEvents, thinningStride } from '../src/runs/log';
import { LOG_START } from '../src/runs/logParser';
import { MetricsLog } from '../src/runs/metricsLog';
import { createRun, listRuns, metricsPath, writeManifest } from '../src/runs/store';

const RUNS = 1000;
const EVENTS = 1_000_000;
const SECONDS = 10;
const EVENTS_A_SECOND = 1000;

function stepEvent(step: number): RunEvent {
  return {
    type: 'step',
    time: 1_790_000_000_000 + 13 * step,
    step,
    epoch: Math.floor(step / 468),
    learningRate: 0.1 * Math.cos(step / EVENTS),
    loss: 2.3 * Math.exp(-step / EVENTS) + Math.sin(step) / 10,
    accuracy: (step % 128) / 128,
    imagesPerSecond: 480 + Math.cos(step),
  };
}

const processorMs = () => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
};

async function measure(work: () => Promise<void>): Promise<{ wallMs: number; processorMs: number }> {
  const [wall, processor] = [performance.now(), processorMs()];
  await work();
  return { wallMs: performance.now() - wall, processorMs: processorMs() - processor };
}

async function listing(root: string): Promise<void> {
  const resolution = resolve(
    experimentSchema.parse({
      name: 'bench',
      data: { dataset: 'fashion-mnist', batch_size: 128, augment: 'crop_flip' },
      model: { name: 'resnet20' },
      schedule: { epochs: 30, decay: 'cosine' },
      tricks: { warmup: true, linear_scaling: true, no_bias_decay: true, zero_gamma: true },
    }),
  );
  if (!resolution.ok) throw new Error('The experiment does not resolve');
  const { recipe } = resolution;
  const result = { epochs: 30, validationLoss: 0.2, validationAccuracy: 0.93, bestValidationAccuracy: 0.93 };
  for (let index = 0; index < RUNS; index++) {
    const creation = await createRun(root, {
      experimentFile: join(root, 'bench.experiment.yaml'),
      experimentText: 'name: bench\n'.repeat(40),
      recipe,
      versions: { bagOfTricks: '0.0.0' },
      createdAt: 1_790_000_000_000 + 1000 * index,
    });
    if (!creation.ok) throw new Error(creation.failure.what);
    const state = { status: 'done', result: { ...result, seconds: 100 } } as const;
    await writeManifest(creation.folder, { ...creation.manifest, state, endedAt: 1 });
  }
  const times: number[] = [];
  for (let round = 0; round < 5; round++) {
    times.push((await measure(async () => void (await listRuns(root)))).wallMs);
  }
  const [first = 0, ...others] = times;
  console.log(
    `listing ${RUNS} runs: ${first.toFixed(0)} ms the first time, then ${Math.min(...others).toFixed(0)} ms`,
  );
}

async function opening(folder: string): Promise<void> {
  const path = join(folder, 'long.ndjson');
  const file = createWriteStream(path);
  for (let step = 0; step < EVENTS; ) {
    let lines = '';
    for (const end = Math.min(step + 10_000, EVENTS); step < end; step++) {
      lines += `${JSON.stringify(stepEvent(step))}\n`;
    }
    if (!file.write(lines)) await once(file, 'drain');
  }
  file.end();
  await finished(file);
  globalThis.gc?.();
  const before = process.memoryUsage.rss();
  let events: readonly RunEvent[] = [];
  const cost = await measure(async () => {
    events = (await readAllEvents(path, thinningStride)).events;
  });
  const megabytes = (process.memoryUsage.rss() - before) / 1e6;
  console.log(
    `opening a log of ${EVENTS} events as a dashboard does, which shows ${events.length} of them: ${cost.wallMs.toFixed(0)} ms, ${megabytes.toFixed(0)} MB`,
  );
}

/** Writes events at the given rate. */
async function trainer(path: string): Promise<void> {
  const log = await MetricsLog.open(path, { attempt: 1 });
  await delay(500);
  const start = performance.now();
  for (let step = 0; step < SECONDS * EVENTS_A_SECOND; ) {
    const due = Math.min(((performance.now() - start) * EVENTS_A_SECOND) / 1000, SECONDS * EVENTS_A_SECOND);
    for (; step < due; step++) log.append(stepEvent(step));
    await delay(1);
  }
  log.close();
}

/** Measures the trainer's side: one second of events at a time, in ten writes, as its log does. */
async function logging(folder: string): Promise<void> {
  const log = await MetricsLog.open(join(folder, 'burst.ndjson'), { attempt: 1 });
  const events = Array.from({ length: EVENTS_A_SECOND }, (_, step) => stepEvent(step));
  const second = async () => {
    for (const [index, event] of events.entries()) {
      log.append(event);
      if ((index + 1) % (EVENTS_A_SECOND / 10) === 0) log.flush();
    }
  };
  await second();
  const cost = await measure(async () => {
    for (let time = 0; time < SECONDS; time++) await second();
  });
  log.close();
  const share = cost.processorMs / SECONDS / 10;
  console.log(`${EVENTS_A_SECOND} events a second cost the trainer ${share.toFixed(1)}% of a core`);
}

async function following(folder: string): Promise<void> {
  const path = metricsPath(join(folder, 'live'));
  await mkdir(dirname(path));
  const child = fork(process.argv[1] as string, ['trainer', path], { stdio: 'inherit' });
  const exited = once(child, 'exit');
  let events = 0;
  const subscription = feeds.subscribeRaw(dirname(path), LOG_START, (batch) => {
    events += batch.events.length;
  });
  await delay(400);
  const cost = await measure(() => delay(1000 * SECONDS));
  console.log(
    `${EVENTS_A_SECOND} events a second cost the follower ${((100 * cost.processorMs) / cost.wallMs).toFixed(1)}% of a core (${events} seen)`,
  );
  await exited;
  subscription.close();
}

async function main(): Promise<void> {
  const [part, path] = process.argv.slice(2);
  if (part === 'trainer' && path) return trainer(path);
  const folder = await mkdtemp(join(tmpdir(), 'bench-runs-'));
  try {
    await listing(folder);
    await opening(folder);
    await logging(folder);
    await following(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

void main();
