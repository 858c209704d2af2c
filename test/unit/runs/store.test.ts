import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { appendFile, chmod, mkdir, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { Manifest, RunState } from '../../../src/protocol/manifest';
import { HeartbeatWatch } from '../../../src/runs/lease/heartbeats';
import { claimLease, leasePath, livenessOf, readLease, releaseLease } from '../../../src/runs/lease/lease';
import { makeReady } from '../../../src/runs/queue';
import { markInterrupted } from '../../../src/runs/stopping';
import {
  changeState,
  createRun,
  deleteRun,
  findStore,
  listRuns,
  manifestPath,
  metricsPath,
  readManifest,
  readRun,
  runFolder,
  runsFolder,
  writeManifest,
} from '../../../src/runs/store';
import { failureOf } from '../../../src/system/errors';
import { unprivileged } from '../support/unprivileged';
import { exampleRecipe, exampleRun, newRun, temporaryFolder } from './support';

const at = Date.UTC(2026, 10, 25, 4, 12, 33);

async function manifestOf(folder: string): Promise<Manifest> {
  const reading = await readManifest(folder);
  if (!reading.ok) throw new Error(reading.reason);
  return reading.manifest;
}

/** Starts a process that sleeps until the test ends or it is killed. */
async function sleeper() {
  const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'ignore' });
  const exited = once(child, 'exit');
  const end = async () => {
    child.kill('SIGKILL');
    await exited;
  };
  onTestFinished(end);
  await once(child, 'spawn');
  return { pid: child.pid as number, end };
}

describe('creating a run', () => {
  it('names it by its time and its experiment, and keeps the experiment as written', async () => {
    const root = await temporaryFolder();
    const recipe = exampleRecipe('Fashion ResNet');
    const creation = await createRun(root, newRun(root, { recipe, createdAt: at }));
    if (!creation.ok) throw new Error(creation.failure.what);
    expect(creation.id).toBe('20261125-041233-fashion-resnet');
    const manifest = await manifestOf(runFolder(root, creation.id));
    expect(manifest).toEqual(creation.manifest);
    expect(manifest).toMatchObject({
      name: 'Fashion ResNet',
      createdAt: at,
      endedAt: null,
      experiment: { file: 'example.experiment.yaml', text: 'name: example\n' },
      recipe,
      state: { status: 'queued' },
    });
  });

  it('gives each of many runs of the same second its own folder', async () => {
    const root = await temporaryFolder();
    const run = newRun(root, { createdAt: at });
    const creations = await Promise.all(Array.from({ length: 12 }, () => createRun(root, run)));
    const ids = creations.map((creation) => (creation.ok ? creation.id : creation.failure.what));
    expect(new Set(ids).size).toBe(12);
    expect((await readdir(runsFolder(root))).sort()).toEqual(ids.sort());
  });

  it('makes a folder name of any experiment name', async () => {
    const root = await temporaryFolder();
    await fc.assert(
      fc.asyncProperty(fc.string({ minLength: 1, maxLength: 200, unit: 'grapheme' }), async (name) => {
        const recipe = { ...exampleRecipe(), name };
        const creation = await createRun(root, newRun(root, { recipe, createdAt: at }));
        if (!creation.ok) throw new Error(creation.failure.what);
        expect(creation.id).toMatch(/^20261125-041233-[a-z0-9-]{1,46}$/);
        expect((await manifestOf(creation.folder)).name).toBe(name);
      }),
      { numRuns: 50 },
    );
  });

  it('keeps the store out of version control, and a person may change that', async () => {
    const { root } = await exampleRun();
    const ignoreFile = join(root, '.bag-of-tricks/.gitignore');
    expect(await readFile(ignoreFile, 'utf8')).toBe('*\n');
    await writeFile(ignoreFile, '');
    await createRun(root, newRun(root));
    expect(await readFile(ignoreFile, 'utf8')).toBe('');
  });

  it('names an experiment outside the folder by its whole path', async () => {
    const root = await temporaryFolder();
    const outside = join(await temporaryFolder(), 'other.experiment.yaml');
    const creation = await createRun(root, newRun(root, { experimentFile: outside }));
    expect(creation.ok && creation.manifest.experiment.file).toBe(outside);
  });

  it("names the experiment relative to the runs' folder, whichever of them is reached by a link", async () => {
    const root = await temporaryFolder();
    const link = `${root}-link`;
    await symlink(root, link);
    onTestFinished(() => rm(link));
    const file = join(root, 'a.experiment.yaml');
    await writeFile(file, '');
    for (const [folder, experimentFile] of [
      [link, file],
      [root, join(link, 'a.experiment.yaml')],
    ] as const) {
      const creation = await createRun(folder, newRun(folder, { experimentFile }));
      expect(creation.ok && creation.manifest.experiment.file).toBe('a.experiment.yaml');
    }
  });

  it('says what to do if the store cannot be created, and leaves nothing', async () => {
    const root = await temporaryFolder();
    await writeFile(join(root, '.bag-of-tricks'), 'a file in the way');
    const creation = await createRun(root, newRun(root));
    expect(creation.ok).toBe(false);
    expect(await readdir(root)).toEqual(['.bag-of-tricks']);
  });

  it.runIf(process.platform === 'linux')('says that the disk is full', async () => {
    const error = await writeFile('/dev/full', 'x').catch((reason: unknown) => reason);
    expect(failureOf(error).what).toContain('The disk is full');
  });

  it.each([
    ['a typed array', () => new Float32Array(2 ** 53 - 1)],
    ['a buffer', () => new ArrayBuffer(2 ** 53 - 1)],
  ])('says what takes less memory if %s is too large', (_, allocate) => {
    let reason: unknown;
    try {
      allocate();
    } catch (error) {
      reason = error;
    }
    expect(failureOf(reason).remedy).toContain('smaller data.batch_size');
  });

  it('says that a folder is read-only', async () => {
    const root = await temporaryFolder();
    await chmod(root, 0o500);
    const creation = await unprivileged(root, () => createRun(root, newRun(root)));
    expect(creation).toMatchObject({
      ok: false,
      failure: { what: expect.stringContaining('is not writable') },
    });
  });
});

describe('replacing a manifest', () => {
  it('shows a reader the old one or the new one, never a part', async () => {
    const { folder } = await exampleRun();
    const manifest = await manifestOf(folder);
    const text = 'x'.repeat(200_000);
    let writing = true;
    const writer = (async () => {
      for (let step = 0; step < 20; step++) {
        const state = { status: 'running', step, validationAccuracy: null } as const;
        await writeManifest(folder, { ...manifest, experiment: { file: 'e', text }, state });
      }
      writing = false;
    })();
    while (writing) expect(await readManifest(folder)).toMatchObject({ ok: true });
    await writer;
    expect((await manifestOf(folder)).state).toEqual({
      status: 'running',
      step: 19,
      validationAccuracy: null,
    });
    expect(await readdir(folder)).toEqual(['origin', 'run.json']);
  });

  it('never takes a truncated manifest for a complete one', async () => {
    const { folder } = await exampleRun();
    const whole = await readFile(manifestPath(folder));
    for (const length of [0, 1, Math.floor(whole.length / 2), whole.length - 2]) {
      await writeFile(manifestPath(folder), whole.subarray(0, length));
      expect(await readManifest(folder)).toEqual({ ok: false, reason: 'Its run.json is damaged.' });
    }
  });

  it('never accepts a recipe that nests too deep to be walked', async () => {
    const { folder } = await exampleRun();
    const text = await readFile(manifestPath(folder), 'utf8');
    const nested = '['.repeat(100_000) + ']'.repeat(100_000);
    await writeFile(
      manifestPath(folder),
      text.replace(/"recipe":\s*\{/, (start) => `${start}"x":${nested},`),
    );
    expect(await readManifest(folder)).toEqual({ ok: false, reason: 'Its run.json is damaged.' });
  });
});

describe('listing runs', () => {
  it('is empty if there is no store', async () => {
    expect(await listRuns(await temporaryFolder())).toEqual([]);
  });

  it('puts the newest first', async () => {
    const root = await temporaryFolder();
    for (const createdAt of [at + 1000, at + 3000, at, at + 2000]) {
      await createRun(root, newRun(root, { createdAt }));
    }
    const times = (await listRuns(root)).map((run) => (run.kind === 'run' ? run.manifest.createdAt : null));
    expect(times).toEqual([at + 3000, at + 2000, at + 1000, at]);
  });

  it('lists broken folders with a reason among the good ones, whatever they contain', async () => {
    const { root, id, folder } = await exampleRun();
    const runs = runsFolder(root);
    await mkdir(join(runs, 'empty'));
    await mkdir(join(runs, 'a-folder', 'run.json'), { recursive: true });
    await mkdir(join(runs, 'future'));
    await writeFile(
      manifestPath(join(runs, 'future')),
      JSON.stringify({ ...(await manifestOf(folder)), version: 2 }),
    );
    await writeFile(join(runs, 'a stray file'), '');
    const listed = await listRuns(root);
    expect(listed.map((run) => run.id).sort()).toEqual([id, 'a-folder', 'empty', 'future'].sort());
    expect(listed.find((run) => run.id === 'empty')).toMatchObject({ reason: 'It has no run.json.' });
    expect(listed.find((run) => run.id === 'future')).toMatchObject({
      reason:
        'A newer release of Bag of Tricks wrote it: its run.json has version 2, but this release reads only up to version 1.',
    });
  });

  it('survives any content of a run.json', async () => {
    const { root, folder } = await exampleRun();
    const content = fc.oneof(fc.string(), fc.json(), fc.constant('{"version":1}'));
    await fc.assert(
      fc.asyncProperty(content, async (text) => {
        await writeFile(manifestPath(folder), text);
        expect(await listRuns(root)).toMatchObject([{ kind: 'broken', reason: expect.stringMatching(/./) }]);
      }),
      { numRuns: 50 },
    );
  });

  it('lists 1,000 runs', async () => {
    const { root, folder } = await exampleRun();
    const text = await readFile(manifestPath(folder), 'utf8');
    for (let index = 1; index < 1000; index++) {
      await mkdir(runFolder(root, `run-${index}`));
      await writeFile(manifestPath(runFolder(root, `run-${index}`)), text);
    }
    expect((await listRuns(root)).filter((run) => run.kind === 'run')).toHaveLength(1000);
  });
});

describe("changing a run's state", () => {
  it('from many places of one process at once loses no change, and leaves no lease', async () => {
    const { folder } = await exampleRun();
    const count = ({ state }: Manifest) => ({
      status: 'stopped' as const,
      step: state.status === 'stopped' ? state.step + 1 : 1,
    });
    const told = await Promise.all(Array.from({ length: 20 }, () => changeState(folder, count)));
    expect(told).toEqual(Array.from({ length: 20 }, (_, index) => ({ status: 'stopped', step: index + 1 })));
    expect((await manifestOf(folder)).state).toEqual({ status: 'stopped', step: 20 });
    expect(await readLease(folder)).toBeNull();
  });

  it('continues after a failed one', async () => {
    const { folder } = await exampleRun();
    const failing = changeState(folder, () => {
      throw new Error('no state');
    });
    const next = changeState(folder, () => ({ status: 'interrupted' }));
    await expect(failing).rejects.toThrow('no state');
    expect(await next).toEqual({ status: 'interrupted' });
  });

  it('waits a moment for another process that changes it, and leaves it to one that trains it', async () => {
    const { folder } = await exampleRun();
    const { pid, end } = await sleeper();
    const changing = await claimLease(folder, 'change', pid);
    setTimeout(() => releaseLease(folder, changing.lease), 200);
    expect(await changeState(folder, () => ({ status: 'interrupted' }))).toEqual({ status: 'interrupted' });
    await claimLease(folder, 'training', pid);
    expect(await changeState(folder, () => ({ status: 'stopped', step: 0 }))).toBeNull();
    await end();
  });
});

describe('a run without an end', () => {
  const running = { status: 'running', step: 3, validationAccuracy: null } as const;

  it('is running while the process of its lease is, and interrupted afterwards', async () => {
    const { folder } = await exampleRun();
    await writeManifest(folder, { ...(await manifestOf(folder)), state: running });
    const { pid, end } = await sleeper();
    await claimLease(folder, 'training', pid);
    expect(await readRun(folder)).toMatchObject({ manifest: { state: running } });
    await end();
    expect(await readRun(folder)).toMatchObject({ manifest: { state: { status: 'interrupted' } } });
  });

  it('is interrupted while a process that does not train it changes its state', async () => {
    const { folder } = await exampleRun();
    await writeManifest(folder, { ...(await manifestOf(folder)), state: running });
    const { pid, end } = await sleeper();
    await claimLease(folder, 'change', pid);
    expect(await readRun(folder)).toMatchObject({ manifest: { state: { status: 'interrupted' } } });
    await end();
  });

  it('has ended if its log says so, even if its trainer exited before it updated the manifest', async () => {
    const { root, folder } = await exampleRun();
    const manifest = await manifestOf(folder);
    await writeManifest(folder, {
      ...manifest,
      attempt: 1,
      state: { status: 'running', step: 4, validationAccuracy: null },
    });
    const result = {
      epochs: 1,
      validationLoss: 1,
      validationAccuracy: 0.5,
      bestValidationAccuracy: 0.5,
      seconds: 1,
    };
    const log = (attempt: number) => `${JSON.stringify({ type: 'done', time: 1, attempt, result })}\n`;
    await writeFile(metricsPath(folder), log(0));
    expect(await readRun(folder)).toMatchObject({ manifest: { state: { status: 'interrupted' } } });
    await appendFile(metricsPath(folder), log(1));
    const [run] = await listRuns(root);
    expect(run).toMatchObject({ manifest: { state: { status: 'done', result } } });
    expect((await manifestOf(folder)).state.status).toBe('running');

    await markInterrupted(folder);
    const { state, endedAt } = await manifestOf(folder);
    expect(state).toEqual({ status: 'done', result });
    expect(endedAt).toBeGreaterThan(0);
    expect(await makeReady(folder)).toMatchObject({ what: expect.stringContaining('is done') });
  });

  it('has its engine whenever it has ended, however its trainer writes between the reads of a reader', async () => {
    const engine = { name: 'wasm', description: 'WebAssembly' } as const;
    const failure = { what: 'The disk is full.', remedy: 'Free some space.' };
    const end = { type: 'failed', time: 1, attempt: 1, failure };
    let ended = 0;
    for (let turns = 0; turns < 60; turns++) {
      const { folder } = await exampleRun();
      const manifest = await manifestOf(folder);
      const reading = readRun(folder);
      for (let turn = 0; turn < turns; turn++) await new Promise((resolve) => setImmediate(resolve));
      writeFileSync(
        manifestPath(folder),
        JSON.stringify({ ...manifest, attempt: 1, engine, state: running }),
      );
      writeFileSync(metricsPath(folder), `${JSON.stringify(end)}\n`);
      const run = await reading;
      if (run.kind !== 'run' || run.manifest.state.status !== 'failed') continue;
      ended += 1;
      expect(run.manifest.engine, `after ${turns} turns`).toEqual(engine);
    }
    expect(ended).toBeGreaterThan(0);
  });

  it('has ended where its log has the end of a trainer that never said in the manifest that it runs', async () => {
    const { folder } = await exampleRun();
    await writeManifest(folder, { ...(await manifestOf(folder)), attempt: 2 });
    const failure = { what: 'The trainer was killed by SIGKILL.', remedy: 'Free some memory.' };
    const log = (attempt: number) => `${JSON.stringify({ type: 'failed', time: 1, attempt, failure })}\n`;
    const stateIs = async (state: RunState) =>
      expect(await readRun(folder)).toMatchObject({ manifest: { state } });
    await writeFile(metricsPath(folder), log(1));
    await stateIs({ status: 'queued' });

    const failed = { status: 'failed', failure } as const;
    const trainer = await sleeper();
    expect(await claimLease(folder, 'training', trainer.pid)).toMatchObject({ lease: { attempt: 3 } });
    await trainer.end();
    await appendFile(metricsPath(folder), log(3));
    await stateIs(failed);
    const changer = await sleeper();
    await claimLease(folder, 'change', changer.pid);
    await stateIs(failed);
    await changer.end();
    expect(await changeState(folder, () => null)).toEqual(failed);
    expect(await readLease(folder)).toBeNull();
    await stateIs(failed);

    await markInterrupted(folder);
    const { state, endedAt } = JSON.parse(await readFile(manifestPath(folder), 'utf8'));
    expect(state).toEqual(failed);
    expect(endedAt).toBeGreaterThan(0);
    expect(await makeReady(folder)).toBeNull();
    await stateIs({ status: 'queued' });
  });

  it('is interrupted if it has no lease, or a damaged one', async () => {
    const { folder } = await exampleRun();
    await writeManifest(folder, { ...(await manifestOf(folder)), state: running });
    expect(await readRun(folder)).toMatchObject({ manifest: { state: { status: 'interrupted' } } });
    await writeFile(leasePath(folder, 1), '{"version":1,"pid":');
    let now = 0;
    const watch = new HeartbeatWatch(30_000, () => now);
    for (; now < 30_000; now += 5000) {
      expect(await readRun(folder, watch)).toMatchObject({ manifest: { state: running }, isUncertain: true });
    }
    expect(await readRun(folder, watch)).toMatchObject({ manifest: { state: { status: 'interrupted' } } });
  });

  it('is queued until a process takes its lease to train it', async () => {
    const { folder } = await exampleRun();
    expect(await readRun(folder)).toMatchObject({ manifest: { state: { status: 'queued' } } });
    const changer = await sleeper();
    await claimLease(folder, 'change', changer.pid);
    await changer.end();
    expect(await readRun(folder)).toMatchObject({ manifest: { state: { status: 'queued' } } });
    const { pid, end } = await sleeper();
    await claimLease(folder, 'training', pid);
    await end();
    expect(await readRun(folder)).toMatchObject({ manifest: { state: { status: 'interrupted' } } });
  });

  it.runIf(process.platform === 'linux')('is not kept alive by another process of the same id', async () => {
    const { folder } = await exampleRun();
    const { pid } = await sleeper();
    const { lease } = await claimLease(folder, 'training', pid);
    if (!lease.holder) throw new Error('The lease has no holder.');
    expect(await livenessOf(lease)).toBe('held');
    const before = { ...lease.holder, start: `${Number(lease.holder.start) - 1}` };
    expect(await livenessOf({ ...lease, holder: before })).toBe('gone');
  });
});

describe('deleting a run', () => {
  it('removes its folder', async () => {
    const { root, id } = await exampleRun();
    expect(await deleteRun(root, id)).toBeNull();
    expect(await listRuns(root)).toEqual([]);
  });

  it('spares one that is being trained', async () => {
    const { root, id, folder } = await exampleRun();
    const { pid } = await sleeper();
    await claimLease(folder, 'training', pid);
    expect(await deleteRun(root, id)).toMatchObject({ remedy: 'Stop it, then delete it.' });
    expect(await listRuns(root)).toHaveLength(1);
  });

  it('never leaves the store', async () => {
    const { root } = await exampleRun();
    for (const id of ['..', '.', '', '../..', 'a/b']) await expect(deleteRun(root, id)).rejects.toThrow();
    expect(await listRuns(root)).toHaveLength(1);
  });
});

describe('finding the store', () => {
  it('takes the nearest folder above that has one, else the folder itself', async () => {
    const { root } = await exampleRun();
    const inner = join(root, 'a', 'b');
    await mkdir(inner, { recursive: true });
    expect(await findStore(inner)).toBe(root);
    await mkdir(join(root, 'a', '.bag-of-tricks'));
    expect(await findStore(inner)).toBe(join(root, 'a'));
    const alone = await temporaryFolder();
    expect(await findStore(alone)).toBe(alone);
  });
});
