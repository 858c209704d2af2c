import { appendFile, mkdir, readdir, readFile, rename, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { RunEvent } from '../../../src/protocol/events';
import { eventFold, type RunFold, settledMetrics } from '../../../src/protocol/fold';
import type { RunState } from '../../../src/protocol/manifest';
import { type FeedOptions, RunFeeds } from '../../../src/runs/feed/feed';
import type { Detail, FeedSubscription, RunUpdate } from '../../../src/runs/feed/feedSubscription';
import { claimLease, type Lease } from '../../../src/runs/lease/lease';
import { LOG_START } from '../../../src/runs/logParser';
import { metricsPath, readManifest, writeManifest } from '../../../src/runs/store';
import { processorClock } from '../../support/processorTime';
import { exampleRun, temporaryFolder, until } from './support';

const step = (index: number, attempt = 1, loss = 1): RunEvent => ({
  ...{ type: 'step', time: index, step: index, epoch: 0, learningRate: 0.1, loss, accuracy: 0.5 },
  ...{ imagesPerSecond: 1, attempt },
});
const steps = (from: number, to: number, attempt = 1) =>
  Array.from({ length: to - from }, (_, index) => step(from + index, attempt));
const started = (attempt: number): RunEvent => ({
  ...{ type: 'started', version: 1, time: 0, attempt, engine: { name: 'wasm', description: 'WebAssembly' } },
  ...{ precision: { compute: 'float32', execution: 'native' }, epochs: 1, stepsPerEpoch: 10, totalSteps: 10 },
  parameters: 1,
});
const stopped = (step: number, attempt = 1): RunEvent => ({ type: 'stopped', time: 0, step, attempt });
const linesOf = (events: readonly RunEvent[]) => events.map((event) => `${JSON.stringify(event)}\n`).join('');

/** A run that this process trains according to its files. */
async function trainedRun() {
  const run = await exampleRun();
  const claim = await claimLease(run.folder, 'training');
  if (!claim.ok) throw new Error('The run is taken.');
  const { lease } = claim;
  const log = metricsPath(run.folder);
  const put = async (state: RunState, attempt = lease.attempt) => {
    const reading = await readManifest(run.folder);
    if (!reading.ok) throw new Error(reading.reason);
    await writeManifest(run.folder, { ...reading.manifest, attempt, state });
  };
  await put({ status: 'running', step: 0, validationAccuracy: null });
  return {
    ...run,
    lease: lease as Lease,
    log,
    put,
    append: (...events: RunEvent[]) => appendFile(log, linesOf(events)),
  };
}

/** Follows a run and folds its events as a page does. */
function follow(
  folder: string,
  detail: Detail = 'all',
  options: FeedOptions = {},
  feeds = new RunFeeds(options),
) {
  const updates: RunUpdate[] = [];
  let fold: RunFold = eventFold();
  const subscription: FeedSubscription = feeds.subscribe(folder, detail, (update) => {
    updates.push(update);
    if (update.type === 'snapshot') fold = eventFold();
    for (const event of update.events) fold.take(event);
  });
  onTestFinished(() => subscription.close());
  const stateOf = ({ run }: RunUpdate) => (run.kind === 'run' ? run.manifest.state : null);
  return {
    feeds,
    subscription,
    updates,
    steps: () => fold.steps.map(({ step }) => step),
    fold: () => fold,
    state: () => (updates.length > 0 ? stateOf(updates.at(-1) as RunUpdate) : null),
    seen: (holds: () => boolean) => until(holds),
  };
}

const range = (to: number) => Array.from({ length: to }, (_, index) => index);

describe('a feed', () => {
  it('sends a snapshot, then what follows, without being notified', async () => {
    const run = await trainedRun();
    await run.append(started(1), ...steps(0, 5));
    const { updates, steps: seen, state } = follow(run.folder);
    await until(() => seen().length === 5);
    expect(updates.map(({ type }) => type)).toEqual(['snapshot']);
    expect(updates[0]?.run).toMatchObject({ kind: 'run', activity: { loss: 1, preparing: null } });
    await run.append(...steps(5, 9));
    await until(() => seen().length === 9);
    expect(updates.at(-1)).toMatchObject({ type: 'delta', events: steps(5, 9) });
    expect(state()).toEqual({ status: 'running', step: 9, validationAccuracy: null });
  });

  it('sends together what comes within 50 ms', async () => {
    const run = await trainedRun();
    const { updates, steps: seen, subscription } = follow(run.folder);
    await subscription.refresh();
    const begun = performance.now();
    for (const event of steps(0, 400)) await run.append(event);
    await until(() => seen().length === 400);
    // Timers may be early by a few milliseconds.
    expect(updates.length).toBeLessThan(3 + (performance.now() - begun) / 40);
  });

  it('exists once per folder, however many follow it, and closes with the last of them', async () => {
    const run = await trainedRun();
    const feeds = new RunFeeds();
    const before = await watchesOfThisProcess();
    const all = Array.from({ length: 20 }, () => follow(run.folder, 'state', {}, feeds));
    await Promise.all(all.map(({ updates }) => until(() => updates.length > 0)));
    expect(feeds.size).toBe(1);
    if (process.platform === 'linux') expect(await watchesOfThisProcess()).toBe(before + 1);
    for (const { subscription } of all) subscription.close();
    for (const { subscription } of all) subscription.close();
    expect(feeds.size).toBe(0);
    if (process.platform === 'linux') expect(await watchesOfThisProcess()).toBe(before);
  });

  it.each([true, false])(
    'rereads a log that was replaced by another file (events of the file system: %s)',
    async (isWatching) => {
      const run = await trainedRun();
      await run.append(...steps(0, 50));
      const { updates, steps: seen, fold } = follow(run.folder, 'all', { isWatching, pollMs: 20 });
      await until(() => seen().length === 50);
      // At least as long as the previous log, so that its length does not reveal the replacement.
      const other = steps(0, 80).map((event) => ({ ...event, loss: 7 }));
      await writeFile(`${run.log}.new`, linesOf(other));
      await rename(`${run.log}.new`, run.log);
      await until(() => seen().length === 80);
      expect(updates.at(-1)?.type).toBe('snapshot');
      expect(fold().steps).toEqual(other);
    },
  );

  it('rereads a log that was rewritten in place', async () => {
    const run = await trainedRun();
    await run.append(...steps(0, 50));
    const {
      steps: seen,
      fold,
      subscription,
    } = follow(run.folder, 'all', { isWatching: false, pollMs: 3_600_000 });
    await until(() => seen().length === 50);
    const other = steps(0, 80).map((event) => ({ ...event, loss: 7 }));
    await writeFile(run.log, linesOf(other));
    await subscription.refresh();
    expect(fold().steps).toEqual(other);
  });

  it('rereads a log that became shorter, and continues with it', async () => {
    const run = await trainedRun();
    await run.append(...steps(0, 50));
    const { updates, steps: seen } = follow(run.folder);
    await until(() => seen().length === 50);
    await truncate(run.log, Buffer.byteLength(linesOf(steps(0, 20))));
    await until(() => seen().length === 20);
    expect(updates.at(-1)?.type).toBe('snapshot');
    await run.append(...steps(20, 30));
    await until(() => seen().length === 30);
    await rm(run.log);
    await until(() => seen().length === 0);
    await run.append(...steps(0, 3));
    await until(() => seen().length === 3);
  });

  it('follows a run whose file system reports no changes', async () => {
    const run = await trainedRun();
    const { steps: seen, state } = follow(run.folder, 'all', { isWatching: false, pollMs: 20 });
    const before = await watchesOfThisProcess();
    for (let count = 1; count <= 5; count++) {
      await run.append(step(count - 1));
      await until(() => seen().length === count);
    }
    await run.append(stopped(5));
    await run.put({ status: 'stopped', step: 5 });
    await until(() => state()?.status === 'stopped');
    if (process.platform === 'linux') expect(await watchesOfThisProcess()).toBe(before);
  });

  it('rewinds in time linear in the log, over 20,000 rewinds', async () => {
    const run = await trainedRun();
    const lives = range(20_000).flatMap((life) => [...steps(20_000 - (life % 5) - 1, 20_000)]);
    const events = [...steps(0, 20_000), ...lives];
    await writeFile(run.log, linesOf(events));
    const { subscription, fold } = follow(run.folder);
    const usedMs = processorClock();
    await subscription.refresh();
    expect(usedMs()).toBeLessThan(20_000);
    expect(fold().steps).toEqual(settledMetrics(events));
  });

  it("announces a rewind so that a subscriber's fold rewinds too", async () => {
    const run = await trainedRun();
    await run.append(started(1), ...steps(0, 30));
    const { steps: seen, fold } = follow(run.folder);
    await until(() => seen().length === 30);
    await run.append(stopped(30), started(2), ...steps(10, 14, 2));
    await until(() => seen().length === 14);
    expect(fold().steps).toEqual([...steps(0, 10), ...steps(10, 14, 2)]);
    expect(fold().firstOfTrainer).toBe(10);
  });

  it('discards what a trainer writes that was presumed dead, in whatever order two write', async () => {
    const run = await trainedRun();
    await run.append(started(1), ...steps(0, 8));
    const [whole, short] = [follow(run.folder), follow(run.folder, 'state')];
    await until(() => whole.steps().length === 8 && short.updates.length > 0);
    await run.put({ status: 'running', step: 4, validationAccuracy: null }, 2);
    for (let index = 4; index < 20; index++) await run.append(step(index, 2), step(index + 40, 1));
    await run.append(stopped(60, 1));
    await until(() => whole.steps().length === 20);
    expect(whole.fold().steps).toEqual([...steps(0, 4), ...steps(4, 20, 2)]);
    await short.subscription.refresh();
    expect(short.state()).toEqual({ status: 'running', step: 20, validationAccuracy: null });
  });

  it.each<[string, (run: Awaited<ReturnType<typeof trainedRun>>) => Promise<void>, string]>([
    ['the end in its log, before its manifest has it', async (run) => run.append(stopped(3)), 'stopped'],
    [
      'that it waits again, whatever an earlier attempt left in the log',
      async (run) => {
        await run.append(stopped(3));
        await run.put({ status: 'queued' }, 2);
        await rm(run.lease.path);
      },
      'queued',
    ],
    ['that its trainer is gone', async (run) => rm(run.lease.path), 'interrupted'],
    [
      'the end in its log where its trainer is gone',
      async (run) => {
        await run.append(stopped(3));
        await rm(run.lease.path);
      },
      'stopped',
    ],
    ['the end in its manifest', async (run) => run.put({ status: 'paused', step: 3 }, 2), 'paused'],
  ])('says of a run %s', async (_, change, status) => {
    const run = await trainedRun();
    await run.append(started(1), ...steps(0, 3));
    for (const detail of ['state', 'all'] as const) {
      const late = await trainedRun();
      await late.append(started(1), ...steps(0, 3));
      await change(late);
      const { state } = follow(late.folder, detail);
      await until(() => state()?.status === status);
    }
    const watching = follow(run.folder, 'state', { pollMs: 20 });
    await until(() => watching.state()?.status === 'running');
    await change(run);
    await until(() => watching.state()?.status === status);
  });

  it('tells the state of a log of any length from its end, and reads no more for it', async () => {
    const run = await trainedRun();
    await run.append(...steps(0, 100_000), {
      type: 'preparing',
      time: 0,
      attempt: 1,
      what: 'x'.repeat(300_000),
      share: null,
    });
    const { subscription, state, feeds } = follow(run.folder, 'state');
    await subscription.refresh();
    expect(state()).toEqual({ status: 'running', step: 100_000, validationAccuracy: null });
    const all = follow(run.folder, 'all', {}, feeds);
    await until(() => all.steps().length === 100_000);
    all.subscription.close();
    await run.append(step(100_000));
    await until(() => state()?.status === 'running' && JSON.stringify(state()).includes('100001'));
  });

  it('thins a long log to about the wanted number of points, with its end and its extremes', async () => {
    const run = await trainedRun();
    const events = steps(0, 60_000).map((event, index) =>
      index === 12_345 ? { ...event, loss: 99 } : event,
    );
    await writeFile(run.log, linesOf(events));
    const { subscription, fold } = follow(run.folder, { points: 10_000 });
    await subscription.refresh();
    expect(fold().steps.length).toBeLessThan(25_000);
    expect(fold().steps.length).toBeGreaterThan(4000);
    expect(Math.max(...fold().steps.map(({ loss }) => loss ?? 0))).toBe(99);
    expect(fold().steps.at(-1)?.step).toBe(59_999);
    await run.append(...steps(60_000, 60_003));
    await until(() => fold().steps.at(-1)?.step === 60_002);
  });

  it('keeps only the position of a slow subscriber, and sends it all that came as one', async () => {
    const run = await trainedRun();
    const feeds = new RunFeeds();
    const updates: RunUpdate[] = [];
    let take = () => {};
    const slow = feeds.subscribe(run.folder, 'all', (update) => {
      updates.push(update);
      return new Promise<void>((resolve) => (take = resolve));
    });
    onTestFinished(() => slow.close());
    const quick = follow(run.folder, 'all', {}, feeds);
    await until(() => updates.length === 1);
    for (let at = 0; at < 20_000; at += 1000) {
      await run.append(...steps(at, at + 1000));
      await until(() => quick.steps().length === at + 1000);
    }
    await run.append(started(2), ...steps(5000, 7000, 2));
    await until(() => quick.steps().length === 7000);
    expect(updates).toHaveLength(1);
    take();
    await until(() => updates.length === 2);
    expect(updates[1]?.type).toBe('delta');
    const fold = eventFold();
    for (const event of updates.flatMap(({ events }) => events)) fold.take(event);
    expect(fold.steps).toEqual([...steps(0, 5000), ...steps(5000, 7000, 2)]);
  });

  it('sends a hidden page nothing, and on its return a snapshot', async () => {
    const run = await trainedRun();
    await run.append(...steps(0, 5));
    const feeds = new RunFeeds();
    const [page, other] = [follow(run.folder, 'all', {}, feeds), follow(run.folder, 'all', {}, feeds)];
    await until(() => page.steps().length === 5 && other.steps().length === 5);
    page.subscription.pause();
    await run.append(...steps(5, 9));
    await until(() => other.steps().length === 9);
    expect(page.updates).toHaveLength(1);
    page.subscription.resume();
    expect(page.updates.at(-1)).toMatchObject({ type: 'snapshot', events: steps(0, 9) });
  });

  it('reports that a run is gone, and follows it again if it comes back', async () => {
    const run = await trainedRun();
    await run.append(...steps(0, 5));
    const manifest = await readFile(join(run.folder, 'run.json'), 'utf8');
    const { updates, subscription } = follow(run.folder, 'all', { pollMs: 20 });
    const kind = () => updates.at(-1)?.run.kind;
    await until(() => kind() === 'run');
    await rm(run.folder, { recursive: true });
    await until(() => kind() === 'broken');
    await mkdir(run.folder);
    await writeFile(join(run.folder, 'run.json'), manifest);
    await until(() => kind() === 'run');
    expect((await subscription.refresh())?.kind).toBe('run');
  });

  it('tells how a run ended if no disk recorded it, until it changes again', async () => {
    const run = await trainedRun();
    const { subscription, state } = follow(run.folder, 'state');
    await until(() => state()?.status === 'running');
    const failure = { what: 'The disk is full.', remedy: 'Make room.' };
    subscription.tell({ status: 'failed', failure });
    expect(state()).toEqual({ status: 'failed', failure });
    await rm(run.lease.path);
    await subscription.refresh();
    expect(state()?.status).toBe('failed');
    await run.put({ status: 'queued' }, 2);
    await subscription.refresh();
    expect(state()?.status).toBe('queued');
  });

  it('holds no handle of 2,000 ended runs, and notices when one of them resumes', async () => {
    const root = await temporaryFolder();
    const template = await trainedRun();
    await template.put({ status: 'stopped', step: 3 });
    const manifest = await readFile(join(template.folder, 'run.json'), 'utf8');
    const folders = range(2000).map((index) => join(root, `run-${index}`));
    for (const folder of folders) {
      await mkdir(folder);
      await writeFile(join(folder, 'run.json'), manifest);
      await writeFile(metricsPath(folder), linesOf([...steps(0, 3), stopped(3)]));
    }
    const feeds = new RunFeeds({ pollMs: 100 });
    const [handles, resources] = [await openFiles(), process.getActiveResourcesInfo().length];
    const all = folders.map((folder) => follow(folder, 'state', {}, feeds));
    await Promise.all(all.map(({ subscription }) => subscription.refresh()));
    expect(new Set(all.map(({ state }) => JSON.stringify(state())))).toEqual(
      new Set([JSON.stringify({ status: 'stopped', step: 3 })]),
    );
    await until(async () => (await openFiles()) <= handles + 1);
    expect(process.getActiveResourcesInfo().filter((name) => name === 'FSEventWrap')).toEqual([]);
    expect(process.getActiveResourcesInfo().length).toBeLessThan(resources + 50);
    const paused = manifest.replace('"stopped"', '"paused"').replace('"attempt": 1', '"attempt": 2');
    await writeFile(join(folders[1234] as string, 'run.json'), paused);
    await until(() => all[1234]?.state()?.status === 'paused');
  });
});

describe('the events of a run as they are written', () => {
  it('come in the order of the file, including repeated ones, from the position that was given', async () => {
    const run = await trainedRun();
    await run.append(...steps(0, 3));
    const feeds = new RunFeeds();
    const events: RunEvent[] = [];
    const raw = feeds.subscribeRaw(run.folder, LOG_START, (batch) => void events.push(...batch.events));
    onTestFinished(() => raw.close());
    await until(() => events.length === 3);
    await run.append(started(2), ...steps(1, 4, 2), step(9, 1), stopped(4, 2));
    await raw.drain();
    expect(events).toEqual([...steps(0, 3), started(2), ...steps(1, 4, 2), stopped(4, 2)]);
    raw.close();
    expect(feeds.size).toBe(0);
  });

  it('are read no faster than they are consumed', async () => {
    const run = await trainedRun();
    await writeFile(run.log, linesOf(steps(0, 40_000)));
    const feeds = new RunFeeds();
    const sizes: number[] = [];
    let take = () => {};
    const raw = feeds.subscribeRaw(run.folder, LOG_START, ({ events }) => {
      sizes.push(events.length);
      return new Promise<void>((resolve) => (take = resolve));
    });
    onTestFinished(() => raw.close());
    await until(() => sizes.length === 1);
    await run.append(...steps(40_000, 40_010));
    const state = follow(run.folder, 'state', {}, feeds);
    await until(() => JSON.stringify(state.state()).includes('40010'));
    expect(sizes).toHaveLength(1);
    expect(sizes[0]).toBeLessThan(20_000);
    const drained = raw.drain();
    const total = () => sizes.reduce((sum, size) => sum + size, 0);
    await until(() => {
      take();
      return total() === 40_010;
    });
    take();
    await drained;
  });

  it('start over if the log is another file', async () => {
    const run = await trainedRun();
    await run.append(...steps(0, 5, 2));
    const feeds = new RunFeeds();
    const events: RunEvent[] = [];
    const raw = feeds.subscribeRaw(run.folder, LOG_START, (batch) => void events.push(...batch.events));
    onTestFinished(() => raw.close());
    await until(() => events.length === 5);
    await writeFile(`${run.log}.new`, linesOf(steps(0, 9)));
    await rename(`${run.log}.new`, run.log);
    await raw.drain();
    expect(events).toEqual([...steps(0, 5, 2), ...steps(0, 9)]);
  });
});

describe('a log that is followed before its run exists', () => {
  async function followLog(folder?: string) {
    const at = folder ?? (await temporaryFolder());
    const seen: RunEvent[] = [];
    let skipped = 0;
    const raw = new RunFeeds().subscribeRaw(at, LOG_START, (batch) => {
      seen.push(...batch.events);
      skipped += batch.skipped;
    });
    onTestFinished(() => raw.close());
    return { path: metricsPath(at), raw, seen, skipped: () => skipped };
  }

  it('is read once it exists, and as it grows, without notification', async () => {
    const { path, raw, seen } = await followLog();
    await raw.drain();
    for (let index = 0; index < 5; index++) {
      await appendFile(path, linesOf([step(index)]));
      await until(() => seen.length === index + 1);
    }
    expect(seen).toEqual(steps(0, 5));
  });

  it('yields a line that arrives in pieces once, when it is complete', async () => {
    const { path, raw, seen } = await followLog();
    const line = linesOf([step(7)]);
    for (const piece of [line.slice(0, 10), line.slice(10, -1)]) {
      await appendFile(path, piece);
      await raw.drain();
      expect(seen).toEqual([]);
    }
    await appendFile(path, '\n');
    await raw.drain();
    expect(seen).toEqual([step(7)]);
  });

  it('is read correctly after a cut last line is removed and rewritten', async () => {
    const { path, raw, seen, skipped } = await followLog();
    await writeFile(path, `${linesOf([step(0)])}{"type":"st`);
    await raw.drain();
    await writeFile(path, linesOf(steps(0, 3)));
    await raw.drain();
    expect(seen).toEqual(steps(0, 3));
    expect(skipped()).toBe(0);
  });

  it('yields every event once, however often it is notified while it grows', async () => {
    const { path, raw, seen } = await followLog();
    for (const event of steps(0, 300)) {
      await appendFile(path, linesOf([event]));
      raw.poke();
    }
    await raw.drain();
    expect(seen).toEqual(steps(0, 300));
  });

  it('yields nothing once closed', async () => {
    const { path, raw, seen } = await followLog();
    raw.close();
    await writeFile(path, linesOf(steps(0, 1)));
    await raw.drain();
    expect(seen).toEqual([]);
  });

  it('may disappear with its folder', async () => {
    const folder = join(await temporaryFolder(), 'run');
    await mkdir(folder);
    const { path, raw, seen } = await followLog(folder);
    await writeFile(path, linesOf(steps(0, 1)));
    await raw.drain();
    await rm(folder, { recursive: true });
    await raw.drain();
    expect(seen).toEqual(steps(0, 1));
  });
});

/** Returns the number of files and folders that this process watches with inotify. */
async function watchesOfThisProcess(): Promise<number> {
  if (process.platform !== 'linux') return 0;
  const infos = await Promise.all(
    (await readdir('/proc/self/fdinfo')).map((fd) =>
      readFile(`/proc/self/fdinfo/${fd}`, 'utf8').catch(() => ''),
    ),
  );
  return infos.join('\n').match(/^inotify /gm)?.length ?? 0;
}

async function openFiles(): Promise<number> {
  return process.platform === 'linux' ? (await readdir('/proc/self/fd')).length : 0;
}
