import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rm, statfs, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { settledMetrics } from '../../../src/protocol/fold';
import { savePeriodVariables } from '../../../src/protocol/trainer';
import { RECIPE_VERSION, type Recipe } from '../../../src/recipe/recipe';
import {
  bestCheckpointPath,
  checkpointsFolder,
  lastCheckpointPath,
  readCheckpoint,
  readResumption,
} from '../../../src/runs/checkpoint';
import { evaluationFolder, readEvaluation } from '../../../src/runs/evaluationFiles';
import { currentFolder } from '../../../src/runs/lease/attemptFolders';
import { makeReady } from '../../../src/runs/queue';
import { manifestPath, metricsPath, readManifest, readRun, writeManifest } from '../../../src/runs/store';
import { startRun as startRunOf } from '../../../src/runs/supervisor';
import { decodeNpy } from '../../../src/shared/npy';
import { smallRecipe } from '../../support/smallTraining';
import { until } from '../runs/support';
import { canMount } from '../support/mounting';
import { frozenTrainer } from './frozenTrainer';
import { queueRun, type TrainerProcess, trainerTests } from './trainerProcess';

const tests = trainerTests();
const mounts: string[] = [];

// Unmounted before the store is deleted, because hooks run in reverse order. A killed process may hold files for a moment.
afterEach(() => {
  for (const mount of mounts.splice(0)) execFileSync('umount', ['-l', mount]);
});

async function startRun(recipe: Recipe, env: Readonly<Record<string, string>> = {}): Promise<TrainerProcess> {
  return tests.start(await queueRun(tests.store, recipe), env);
}

/** More epochs than any test waits for. */
const ENDLESS = smallRecipe({ schedule: { epochs: 100_000 } });

/** Mounts a disk of this size until the test ends. */
function mountDisk(folder: string, size: string): void {
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', folder], { stdio: 'pipe' });
  mounts.push(folder);
}

describe('an undisturbed trainer', () => {
  test('trains to the end, and records everything in its folder', async () => {
    const recipe = smallRecipe({ schedule: { epochs: 2 } });
    const trainer = await startRun(recipe);
    expect(await trainer.exited).toEqual({ code: 0, signal: null });
    const events = await trainer.events();
    const epoch = ['step', 'step', 'step', 'step', 'epoch'];
    expect(events.map(({ type }) => type)).toEqual(['started', 'preparing', ...epoch, ...epoch, 'done']);
    expect(events[0]).toMatchObject({ engine: { name: 'wasm' }, epochs: 2, stepsPerEpoch: 4, totalSteps: 8 });
    const manifest = await trainer.manifest();
    const last = events.at(-1);
    expect(manifest).toMatchObject({
      state: { status: 'done', result: last?.type === 'done' && last.result },
      endedAt: last?.time,
      engine: { name: 'wasm', description: expect.stringContaining('WebAssembly') },
      versions: { 'bag-of-tricks': '0.0.0', node: process.versions.node, tfjs: expect.any(String) },
      recipe,
    });
    const { metadata, tensors } = await readCheckpoint(lastCheckpointPath(trainer.folder));
    expect(metadata).toMatchObject({ epoch: '2', step: '8' });
    expect(tensors.map(({ name }) => name)).toContain('layer3.0.downsample.1.running_var');
    expect(existsSync(bestCheckpointPath(trainer.folder))).toBe(true);
    expect((await readdir(trainer.folder)).sort()).toEqual([
      ...['checkpoints', 'evaluation', 'lease.1', 'metrics.ndjson', 'origin', 'run.json'],
    ]);
    expect(trainer.output).toBe('');
  });

  test('stores its predictions for each validation image, at its last epoch and at its best', async () => {
    const recipe = smallRecipe({
      data: { classes: 6 },
      schedule: { epochs: 3 },
      optimizer: { base_lr: 0.3 },
      tricks: { ema: true },
    });
    const trainer = await startRun(recipe);
    await trainer.exited;
    const epochs = (await trainer.events()).filter((event) => event.type === 'epoch');
    const best = epochs.reduce((one, other) =>
      other.validationAccuracy! > one.validationAccuracy! ? other : one,
    );
    for (const [name, epoch] of [
      ['last', epochs.at(-1)!],
      ['best', best],
    ] as const) {
      const kept = await readEvaluation(trainer.folder, name);
      expect(kept).toMatchObject({
        ...{ epoch: epoch.epoch, step: epoch.step, images: 20, loss: epoch.validationLoss },
        ...{ accuracy: epoch.validationAccuracy, top5: epoch.validationTop5 },
        ...{ macroF1: epoch.macroF1, balancedAccuracy: epoch.balancedAccuracy },
      });
      // Labels alternate: four classes have three images, two have four.
      expect(kept?.byClass.map(({ support }) => support)).toEqual([4, 4, 3, 3, 3, 3]);
      const correct = await readFile(join(evaluationFolder(trainer.folder, name), 'correct.npy'));
      const right = [...decodeNpy(correct).values].map(Number);
      expect(right).toHaveLength(20);
      expect(right.reduce((sum, one) => sum + one, 0) / 20).toBe(epoch.validationAccuracy);
      const wrong = await readFile(join(evaluationFolder(trainer.folder, name), 'most_wrong.csv'), 'utf8');
      expect(wrong.split('\n')[1]).toMatch(/^#\d+,class \d,class \d,0\.\d+,\d/);
    }
    expect(await readEvaluation(trainer.folder, 'averaged')).toMatchObject({
      ...{ accuracy: epochs.at(-1)!.averagedAccuracy, loss: epochs.at(-1)!.averagedLoss },
    });
  });

  test('says hello, and reports how far its log has grown', async () => {
    const trainer = await startRun(smallRecipe());
    await trainer.exited;
    expect(trainer.messages[0]).toEqual({ type: 'hello', version: 1, pid: trainer.child.pid });
    const sizes = trainer.messages.flatMap((message) => (message.type === 'appended' ? [message.bytes] : []));
    expect(sizes).toEqual([...sizes].sort((a, b) => a - b));
    expect(sizes.at(-1)).toBe((await readFile(metricsPath(trainer.folder))).length);
  });

  test('keeps the manifest at the state of the last epoch while it runs', async () => {
    const trainer = await startRun(ENDLESS);
    // The first step after an epoch is logged after that epoch's state was written.
    await trainer.reachesStep(4);
    const { state, endedAt } = await trainer.manifest();
    expect(state).toMatchObject({ status: 'running', validationAccuracy: expect.any(Number) });
    expect(state.status === 'running' && state.step % 4).toBe(0);
    expect(endedAt).toBeNull();
    expect(await readRun(trainer.folder)).toMatchObject({
      kind: 'run',
      manifest: { state: { status: 'running' } },
    });
  });

  test('continues when the process that started it exits', async () => {
    const trainer = await startRun(smallRecipe({ schedule: { epochs: 20 } }));
    // It says hello before it trains.
    await until(() => trainer.messages.length > 0);
    trainer.child.disconnect();
    expect(await trainer.exited).toEqual({ code: 0, signal: null });
    expect((await trainer.manifest()).state.status).toBe('done');
  });
});

describe('a trainer that is asked to end', () => {
  test.each([
    ['a stop message', (trainer: TrainerProcess) => trainer.child.send({ type: 'stop' })],
    ['SIGTERM', (trainer: TrainerProcess) => trainer.child.kill('SIGTERM')],
    ['SIGINT', (trainer: TrainerProcess) => trainer.child.kill('SIGINT')],
  ])('stops after its step on %s', async (_, ask) => {
    const trainer = await startRun(ENDLESS);
    await trainer.reaches('epoch');
    ask(trainer);
    expect(await trainer.exited).toEqual({ code: 130, signal: null });
    const events = await trainer.events();
    const steps = events.filter(({ type }) => type === 'step').length;
    expect(events.at(-1)).toMatchObject({ type: 'stopped', step: steps });
    expect(await trainer.manifest()).toMatchObject({
      state: { status: 'stopped', step: steps },
      endedAt: events.at(-1)?.time,
    });
    await readCheckpoint(lastCheckpointPath(trainer.folder));
  });

  test('ignores an unknown message', async () => {
    const trainer = await startRun(smallRecipe({ schedule: { epochs: 10 } }));
    await until(() => trainer.messages.length > 0);
    // It may be done before.
    trainer.child.send({ type: 'explode' }, () => {});
    trainer.child.send('stop', () => {});
    expect(await trainer.exited).toEqual({ code: 0, signal: null });
  });

  test('killed at once, leaves a log and checkpoints that read, and a run that shows as interrupted', async () => {
    const trainer = await startRun(ENDLESS);
    // The first epoch is saved before the second begins.
    await trainer.reachesStep(4);
    trainer.child.kill('SIGKILL');
    expect(await trainer.exited).toEqual({ code: null, signal: 'SIGKILL' });
    expect((await trainer.events()).length).toBeGreaterThan(5);
    const { snapshot, damage } = await readResumption(trainer.folder);
    expect(snapshot?.state.step).toBeGreaterThanOrEqual(4);
    expect(damage).toEqual([]);
    await readCheckpoint(bestCheckpointPath(trainer.folder));
    expect(await readRun(trainer.folder)).toMatchObject({ manifest: { state: { status: 'interrupted' } } });
  });
});

describe('a trainer that cannot continue', () => {
  async function failureOf(trainer: TrainerProcess): Promise<{ what: string; remedy: string }> {
    expect(await trainer.exited).toEqual({ code: 1, signal: null });
    const last = (await trainer.events()).at(-1);
    if (last?.type !== 'failed') throw new Error(`The log ends with ${last?.type}: ${trainer.output}`);
    const { state, endedAt } = await trainer.manifest();
    expect(state).toEqual({ status: 'failed', failure: last.failure });
    expect(endedAt).toBe(last.time);
    return last.failure;
  }

  test('reports a loss that is not finite, and what may help', async () => {
    const trainer = await startRun(smallRecipe({ optimizer: { base_lr: 1e30 } }));
    const { what, remedy } = await failureOf(trainer);
    expect(what).toMatch(
      /^The loss became (NaN|Infinity) at step \d, in epoch 0, at learning rate 1e\+30\.$/,
    );
    expect(remedy).toBe('Lower optimizer.base_lr, or add a trick: warmup, gradient_clipping.');
    expect(existsSync(lastCheckpointPath(trainer.folder))).toBe(false);
  });

  test('reports which data are missing', async () => {
    const data = join(tests.store, 'no-data');
    await mkdir(data);
    const source = { dataset: 'fashion-mnist' } as const;
    const recipe = smallRecipe();
    const trainer = await startRun(
      { ...recipe, data: { ...recipe.data, source } },
      { BAG_OF_TRICKS_DATA: data },
    );
    const { what, remedy } = await failureOf(trainer);
    expect(what).toContain(data);
    expect(remedy).not.toBe('');
  });

  test('reports the reason of its own error, and the stack in its output', async () => {
    const trainer = await startRun({ ...smallRecipe(), parameterGroups: [] });
    expect((await failureOf(trainer)).what).toBe('conv1.weight is not in exactly one parameter group');
    expect(trainer.output).toMatch(/Error: conv1\.weight is not in exactly one parameter group\s+at /);
  });

  test.skipIf(!canMount)('reports a full disk, in an intact log and manifest', async () => {
    mountDisk(tests.store, '400k');
    const folder = await queueRun(tests.store, ENDLESS);
    const { bavail, bsize } = await statfs(tests.store);
    await writeFile(join(tests.store, 'other'), Buffer.alloc(bavail * bsize - 120 * 1024));
    const trainer = tests.start(folder);
    const { what, remedy } = await failureOf(trainer);
    expect(what).toMatch(/^The disk is full: .* could not be written\.$/);
    expect(what).toContain(folder);
    expect(remedy).not.toBe('');
    const checkpoints = currentFolder(checkpointsFolder(folder));
    for (const name of await readdir(checkpoints)) await readCheckpoint(join(checkpoints, name));
  });

  test.skipIf(!canMount)('reports it even if another program takes every free block', async () => {
    mountDisk(tests.store, '2m');
    const folder = await queueRun(tests.store, ENDLESS);
    const reading = await readManifest(folder);
    if (!reading.ok) throw new Error(reading.reason);
    const text = 'x'.repeat(200_000);
    await writeManifest(folder, { ...reading.manifest, experiment: { file: 'a.yaml', text } });
    const trainer = tests.start(folder, savePeriodVariables({ steps: 1 }));
    await trainer.reachesStep(6);
    const taking = `
      const { openSync, writeSync } = require('node:fs');
      const file = openSync(process.argv[1], 'a');
      for (;;) try { writeSync(file, Buffer.alloc(4096)); } catch {}`;
    const other = spawn(process.execPath, ['-e', taking, join(tests.store, 'other')]);
    try {
      expect(await trainer.exited).toEqual({ code: 1, signal: null });
    } finally {
      // Before the disk is unmounted.
      other.kill('SIGKILL');
      await once(other, 'close');
    }
    const after = await readManifest(folder);
    expect(after).toMatchObject({
      ok: true,
      manifest: { state: { status: 'failed' }, experiment: { text } },
    });
    expect(JSON.stringify(after)).toContain('The disk is full');
  });

  test.skipIf(!canMount)('that was killed on a full disk is recorded as failed', async () => {
    mountDisk(tests.store, '2m');
    const folder = await queueRun(tests.store, ENDLESS);
    const run = startRunOf(folder, { nodePath: process.execPath, trainerPath: tests.trainerPath });
    await once(run, 'state');
    const { bavail, bsize } = await statfs(tests.store);
    await writeFile(join(tests.store, 'other'), Buffer.alloc(bavail * bsize)).catch(() => {});
    process.kill(run.pid as number, 'SIGKILL');
    await run.exited;
    expect(await readManifest(folder)).toMatchObject({ ok: true, manifest: { state: { status: 'failed' } } });
    expect((await readdir(folder)).filter((name) => name.startsWith('reserve'))).toEqual([]);
  });

  test.skipIf(!canMount)(
    'without room on its disk, resumes once there is some, to the same end',
    async () => {
      const recipe = smallRecipe({ data: { augment: 'flip' }, schedule: { epochs: 24 } });
      mountDisk(tests.store, '3m');
      const whole = tests.start(await queueRun(tests.store, recipe));
      expect((await whole.exited).code).toBe(0);
      const folder = await queueRun(tests.store, recipe);
      const at = 'rename checkpoints/1/last.safetensors#5';
      const first = await frozenTrainer(tests, folder, at, savePeriodVariables({ steps: 1 }));
      const { bavail, bsize } = await statfs(tests.store);
      const other = join(tests.store, 'other');
      await writeFile(other, Buffer.alloc(bavail * bsize)).catch(() => {});
      first.child.kill('SIGCONT');
      expect((await failureOf(first)).what).toMatch(/^The disk is full/);
      await rm(other);
      expect(await makeReady(folder)).toBeNull();
      const second = tests.start(folder);
      expect((await second.exited).code).toBe(0);
      const measures = async (run: TrainerProcess) =>
        settledMetrics(await run.events()).map((event) => ({
          ...event,
          time: 0,
          attempt: 0,
          seconds: 0,
          imagesPerSecond: 0,
        }));
      expect(await measures(second)).toEqual(await measures(whole));
      const weights = async (run: TrainerProcess) =>
        (await readCheckpoint(lastCheckpointPath(run.folder))).tensors;
      expect(await weights(second)).toEqual(await weights(whole));
    },
  );

  test.skipIf(!canMount)('that may not write its folder, exits with the reason in its output', async () => {
    mountDisk(tests.store, '400k');
    const folder = await queueRun(tests.store, ENDLESS);
    execFileSync('mount', ['-o', 'remount,ro', tests.store]);
    const trainer = tests.start(folder);
    expect(await trainer.exited).toEqual({ code: 1, signal: null });
    expect(trainer.output).toContain('is not writable.');
  });

  test('does not change a recipe of another version, and says so', async () => {
    const folder = await queueRun(tests.store, { ...smallRecipe(), version: 1 as typeof RECIPE_VERSION });
    const trainer = tests.start(folder);
    expect(await trainer.exited).toEqual({ code: 2, signal: null });
    expect(trainer.output).toContain(
      `Its recipe has version 1, but this release trains version ${RECIPE_VERSION}.`,
    );
    expect(await readRun(folder)).toMatchObject({ manifest: { state: { status: 'queued' } } });
  });

  test.each([
    ['missing', async () => {}, 'It has no run.json.'],
    ['cut short', async (path: string) => writeFile(path, '{"version": 1,'), 'Its run.json is damaged.'],
  ])('refuses a folder whose manifest is %s', async (_, prepare, reason) => {
    await prepare(manifestPath(tests.store));
    const trainer = tests.start(tests.store);
    expect(await trainer.exited).toEqual({ code: 2, signal: null });
    expect(trainer.output).toBe(`${tests.store} is not a run: ${reason}\n`);
  });
});
