import { copyFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it, onTestFinished } from 'vitest';
import { claimLease, readLease, releaseLease } from '../../../src/runs/lease/lease';
import { isOwnRun, takeOn } from '../../../src/runs/origin';
import {
  cancelQueued,
  enqueue,
  moveInQueue,
  placeBetween,
  readQueue,
  requeueCrashed,
} from '../../../src/runs/queue';
import { type QueueOptions, QueueWorker } from '../../../src/runs/queueWorker';
import { changeState, createRun, listRuns, readRun } from '../../../src/runs/store';
import { startRun } from '../../../src/runs/supervisor';
import { doneEvent, standInPrelude } from './standIn';
import { exampleRecipe, newRun, temporaryFolder, until } from './support';

/** A store with a queue of runs named a, b, c and so on. */
async function storeOf(count: number, root?: string) {
  const place = root ?? (await temporaryFolder());
  const folders = new Map<string, string>();
  const ids = new Map<string, string>();
  for (const name of 'abcdefghij'.slice(0, count)) {
    const creation = await createRun(place, newRun(place, { recipe: exampleRecipe(name) }));
    if (!creation.ok) throw new Error(creation.failure.what);
    expect(await enqueue(place, creation.id)).toBeNull();
    folders.set(name, creation.folder);
    ids.set(name, creation.id);
  }
  const known = (map: Map<string, string>) => (name: string) => map.get(name) ?? name;
  const names = async () => (await readQueue(place)).map(({ manifest }) => manifest.name);
  return { root: place, folder: known(folders), id: known(ids), names };
}

/** Works through a queue with a Node script instead of the trainer. */
async function work(root: string, script: string, options: Partial<QueueOptions> = {}) {
  const trainerPath = join(root, 'trainer.js');
  await writeFile(
    trainerPath,
    `${standInPrelude} const mark = (what) => fs.appendFileSync(join(folder, '../../../marks'), what + '\\n'); ${script}`,
  );
  const worker = new QueueWorker(
    root,
    () => ({ atOnce: 1, retries: 0, ...options }),
    (folder, changes) => startRun(folder, { nodePath: process.execPath, trainerPath, ...changes }),
  );
  worker.on('error', (error) => {
    throw error;
  });
  onTestFinished(async () => {
    worker.close();
    await Promise.all([...worker.handles.values()].map((handle) => handle.kill()));
  });
  const marks = async () =>
    (await readFile(join(root, 'marks'), 'utf8').catch(() => '')).split('\n').slice(0, -1);
  return { worker, marks };
}

const manifest = "JSON.parse(fs.readFileSync(join(folder, 'run.json'), 'utf8'))";
const name = `${manifest}.name`;
/** Script that trains after this process has acquired the queued run, and reports it as running, like the trainer. */
const trainFor = (ms: number) =>
  `const isOurs = () => fs.readdirSync(folder).some((name) => /^lease\\.\\d+$/.test(name) &&
    JSON.parse(fs.readFileSync(join(folder, name), 'utf8')).pid === process.pid);
  const train = () => {
    if (!isOurs()) return setTimeout(train, 5);
    const manifest = ${manifest};
    if (manifest.state.status !== 'queued') process.exit(75);
    manifest.state = { status: 'running', step: 0, validationAccuracy: null };
    fs.writeFileSync(join(folder, 'run.json.own'), JSON.stringify(manifest));
    fs.renameSync(join(folder, 'run.json.own'), join(folder, 'run.json'));
    ${pretendFor(ms)}
  };
  train();`;
const pretendFor = (ms: number) =>
  `mark('+' + ${name}); setTimeout(() => { mark('-' + ${name}); append(${doneEvent}); process.disconnect(); }, ${ms});`;

describe('the queue', () => {
  it('has the runs that were added to it, in order, and no others', async () => {
    const { root, names } = await storeOf(3);
    await createRun(root, newRun(root, { recipe: exampleRecipe('started at once') }));
    expect(await names()).toEqual(['a', 'b', 'c']);
  });

  it('puts a paused run back at its place, and any other at its end', async () => {
    const { root, id, folder, names } = await storeOf(4);
    await changeState(folder('a'), () => ({ status: 'paused', step: 3 }));
    await changeState(folder('b'), () => ({ status: 'stopped', step: 3 }));
    for (const name of ['b', 'a']) expect(await enqueue(root, id(name))).toBeNull();
    expect(await names()).toEqual(['a', 'c', 'd', 'b']);
  });

  it('accepts a run that a worker starts as soon as it is queued', async () => {
    const root = await temporaryFolder();
    const [one, other] = [await createRun(root, newRun(root)), await createRun(root, newRun(root))];
    if (!one.ok || !other.ok) throw new Error('No runs');
    await claimLease(other.folder, 'training', process.ppid);
    // Called before each step. As soon as the queue entry is written, the worker has the lease.
    const start = () => {
      if (existsSync(join(one.folder, 'queue.json')))
        copyFileSync(join(other.folder, 'lease.1'), join(one.folder, 'lease.1'));
    };
    const signal = Object.assign(new AbortController().signal, { throwIfAborted: start });
    expect(await enqueue(root, one.id, { signal })).toBeNull();
    expect(await readLease(one.folder)).not.toBeNull();
    expect((await enqueue(root, other.id))?.what).toContain('is running');
  });

  it('accepts a run that a worker has trained to its end before it was reported as queued', async () => {
    const root = await temporaryFolder();
    const one = await createRun(root, newRun(root));
    if (!one.ok) throw new Error('No run');
    const path = join(one.folder, 'run.json');
    const result = {
      epochs: 1,
      validationLoss: 1,
      validationAccuracy: 1,
      bestValidationAccuracy: 1,
      seconds: 1,
    };
    const train = () => {
      if (!existsSync(join(one.folder, 'queue.json'))) return;
      const manifest = JSON.parse(readFileSync(path, 'utf8'));
      writeFileSync(path, JSON.stringify({ ...manifest, state: { status: 'done', result } }));
    };
    const signal = Object.assign(new AbortController().signal, { throwIfAborted: train });
    expect(await enqueue(root, one.id, { signal })).toBeNull();
    expect((await enqueue(root, one.id))?.what).toContain('is done');
  });

  it('is in the order that any moves lead to', async () => {
    const moves = fc.array(fc.tuple(fc.nat(4), fc.integer({ min: -1, max: 7 })), { maxLength: 12 });
    await fc.assert(
      fc.asyncProperty(moves, async (moves) => {
        const { root, id, names } = await storeOf(5);
        let expected = [...'abcde'];
        for (const [which, position] of moves) {
          const moved = 'abcde'[which] as string;
          expected = expected.filter((name) => name !== moved);
          expected.splice(Math.min(Math.max(position, 0), expected.length), 0, moved);
          await moveInQueue(root, id(moved), position);
        }
        expect(await names()).toEqual(expected);
        await rm(root, { recursive: true });
      }),
      { numRuns: 8 },
    );
  });

  it('has room between two runs however often it is used up', async () => {
    const { root, id, names } = await storeOf(3);
    for (let index = 0; index < 70; index++) await moveInQueue(root, id(index % 2 === 0 ? 'c' : 'b'), 1);
    expect(await names()).toEqual(['a', 'b', 'c']);
  });

  it('finds a place between two others unless no number fits', () => {
    const place = fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e15, max: 1e15 });
    fc.assert(
      fc.property(place, place, (a, b) => {
        const [low, high] = [Math.min(a, b), Math.max(a, b)];
        const between = placeBetween(low, high);
        if (between === null) expect(high - low).toBeLessThan(1e-15 * Math.max(1, Math.abs(high)) * 4);
        else expect(low < between && between < high).toBe(true);
        expect(placeBetween(undefined, high)).toBe(high - 1);
        expect(placeBetween(low, undefined)).toBe(low + 1);
      }),
    );
  });

  it('removes a cancelled run, which records that, and accepts it again', async () => {
    const { root, folder, id, names } = await storeOf(3);
    await cancelQueued(folder('b'));
    expect(await names()).toEqual(['a', 'c']);
    expect(await readRun(folder('b'))).toMatchObject({
      manifest: { state: { status: 'stopped', step: 0, wasQueued: true } },
    });
    expect(await enqueue(root, id('b'))).toBeNull();
    expect(await names()).toEqual(['a', 'c', 'b']);
  });

  it('refuses a run that is being trained', async () => {
    const { root, folder, id } = await storeOf(1);
    const lease = (await claimLease(folder('a'), 'training', process.ppid)).lease;
    expect(await enqueue(root, id('a'))).toMatchObject({ remedy: 'Stop it first.' });
    await releaseLease(folder('a'), lease);
  });

  it('takes back a run whose trainer crashed, at its old place, as often as it is told to', async () => {
    const { folder, names } = await storeOf(2);
    for (const taken of [true, true, false]) expect(await requeueCrashed(folder('a'), 2)).toBe(taken);
    expect(await names()).toEqual(['a', 'b']);
  });
});

describe('working through a queue', () => {
  it('trains the runs in turn, one at a time', async () => {
    const { root, id, names } = await storeOf(3);
    await moveInQueue(root, id('c'), 0);
    const { worker, marks } = await work(root, trainFor(50));
    await worker.drained();
    expect(await marks()).toEqual(['+c', '-c', '+a', '-a', '+b', '-b']);
    expect(await names()).toEqual([]);
    for (const run of await listRuns(root))
      expect(run).toMatchObject({ manifest: { state: { status: 'done' } } });
  });

  it('trains a run with the settings that it was queued with: its threads, its retries, and how many train at once', async () => {
    const { root, id, folder } = await storeOf(3);
    expect(await enqueue(root, id('a'), {}, { threads: 2, atOnce: 1, retries: 2 })).toBeNull();
    expect((await readQueue(root)).map(({ terms }) => terms)).toContainEqual({
      ...{ threads: 2, atOnce: 1, retries: 2 },
    });
    // Queued again by a caller without terms.
    expect(await enqueue(root, id('a'))).toBeNull();
    await moveInQueue(root, id('a'), 0);
    for (const taken of [true, true, false]) expect(await requeueCrashed(folder('a'), 0)).toBe(taken);
    const { worker, marks } = await work(
      root,
      `mark('threads ' + process.env.BAG_OF_TRICKS_THREADS); ${trainFor(50)}`,
      { atOnce: 3 },
    );
    await worker.drained();
    const seen = await marks();
    expect(seen.slice(0, 3)).toEqual(['threads 2', '+a', '-a']);
    expect(seen.filter((mark) => mark === 'threads undefined')).toHaveLength(2);
  });

  it('starts only runs that are its own to start', async () => {
    const { root, names } = await storeOf(3);
    const { worker, marks } = await work(root, trainFor(1), {
      takes: ({ manifest }) => manifest.name === 'b',
    });
    await worker.drained();
    expect(await marks()).toEqual(['+b', '-b']);
    expect(await names()).toEqual(['a', 'c']);
  });

  it('trains as many at once as it may, counting those that another process trains', async () => {
    const { root, folder } = await storeOf(5);
    const other = await createRun(root, newRun(root));
    if (!other.ok) throw new Error(other.failure.what);
    await claimLease(other.folder, 'training', process.ppid);
    // Each trains until it is released.
    const { worker, marks } = await work(
      root,
      `mark('+' + ${name}); setInterval(() => {
        if (!fs.existsSync(join(folder, 'go'))) return;
        mark('-' + ${name}); append(${doneEvent}); process.exit();
      }, 10);`,
      { atOnce: 3 },
    );
    const training = (seen: readonly string[]) =>
      seen.filter((mark) => mark.startsWith('+') && !seen.includes(mark.replace('+', '-')));
    for (const [index, name] of ['a', 'b', 'c', 'd', 'e'].entries()) {
      await until(async () => training(await marks()).length === Math.min(2, 5 - index));
      await writeFile(join(folder(name), 'go'), '');
    }
    await worker.drained();
    const seen = await marks();
    for (const [index] of seen.entries()) {
      expect(training(seen.slice(0, index + 1)).length).toBeLessThanOrEqual(2);
    }
    expect(await readLease(folder('e'))).toBeNull();
  });

  it('in two processes at once trains each run once, and no more than allowed at a time', async () => {
    const { root } = await storeOf(5);
    const { worker, marks } = await work(root, trainFor(60));
    const other = await work(root, trainFor(60));
    await Promise.all([worker.drained(), other.worker.drained()]);
    const seen = await marks();
    expect(seen.filter((mark) => mark.startsWith('+'))).toHaveLength(5);
    for (let index = 0; index < seen.length; index += 2) {
      expect(seen[index + 1]).toBe(seen[index]?.replace('+', '-'));
    }
  });

  it('continues in another process after the first is gone, without touching running runs', async () => {
    const { root, names } = await storeOf(3);
    const first = await work(root, trainFor(700));
    await until(async () => (await first.marks()).includes('+a'));
    first.worker.close();
    const { worker, marks } = await work(root, trainFor(50));
    await worker.drained();
    await until(async () => (await names()).length === 0);
    expect(await marks()).toEqual(['+a', '-a', '+b', '-b', '+c', '-c']);
  });

  it('retries a run whose trainer crashed, but not one that failed with a reason', async () => {
    const { root } = await storeOf(2);
    const failed = "{ type: 'failed', failure: { what: 'No data.', remedy: 'Find them.' } }";
    const { worker, marks } = await work(
      root,
      `mark(${name}); if (${name} === 'b') { append(${failed}); process.exit(1); }
       const crashed = join(folder, 'crashed');
       if (!fs.existsSync(crashed)) { fs.writeFileSync(crashed, ''); process.kill(process.pid, 'SIGKILL'); }
       append(${doneEvent}); process.disconnect();`,
      { retries: 1 },
    );
    const ends: string[] = [];
    worker.on('ended', ({ end }) => ends.push(end.status));
    await worker.drained();
    expect(await marks()).toEqual(['a', 'a', 'b']);
    expect(ends).toEqual(['queued', 'done', 'failed']);
  });

  it('gives up a run that crashes too often, with the reason', async () => {
    const { root, folder } = await storeOf(1);
    const { worker, marks } = await work(root, `mark('x'); process.kill(process.pid, 'SIGKILL');`, {
      retries: 2,
    });
    await worker.drained();
    expect(await marks()).toHaveLength(3);
    expect(await readRun(folder('a'))).toMatchObject({
      manifest: { state: { status: 'failed', failure: { what: 'The trainer was killed by SIGKILL.' } } },
    });
  });

  it('does not retry a run that was stopped', async () => {
    const { root } = await storeOf(1);
    const { worker, marks } = await work(root, "mark('x'); stayAlive();", { retries: 5 });
    await until(async () => (await marks()).length > 0);
    const [handle] = worker.handles.values();
    await handle?.kill();
    await worker.drained();
    expect(await marks()).toEqual(['x']);
  });
});

describe('a run that came with its folder', () => {
  it('is reported and skipped, while others start, until it is accepted', async () => {
    const { root, folder, id } = await storeOf(2);
    await rm(join(folder('a'), 'origin'));
    const { worker, marks } = await work(root, trainFor(0));
    const told: string[] = [];
    worker.on('foreign', (run) => told.push(run.id));
    await worker.drained();
    worker.wake();
    await worker.drained();
    expect(told).toEqual([id('a')]);
    expect(await marks()).toEqual(['+b', '-b']);
    const run = await readRun(folder('a'));
    if (run.kind !== 'run') throw new Error(run.reason);
    expect(run.manifest.state).toEqual({ status: 'queued' });
    await takeOn(run);
    await worker.drained();
    expect(await marks()).toEqual(['+b', '-b', '+a', '-a']);
  });

  it('counts as own only with its own recipe, experiment and place', async () => {
    const { folder } = await storeOf(1);
    const run = await readRun(folder('a'));
    if (run.kind !== 'run') throw new Error(run.reason);
    expect(await isOwnRun(run)).toBe(true);
    const { manifest: own } = run;
    const others = [
      { ...own, recipe: { ...own.recipe, seed: own.recipe.seed + 1 } },
      { ...own, experiment: { ...own.experiment, file: '../other.yaml' } },
      { ...own, id: `${own.id}-2` },
    ];
    for (const other of others) expect(await isOwnRun({ folder: folder('a'), manifest: other })).toBe(false);
  });
});
