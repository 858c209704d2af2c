import { mkdir, readFile, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { runDescription, runFacts, stateIcon, statusText } from '../../../src/extension/views/runText';
import { isFromDashboard, isToDashboard } from '../../../src/protocol/dashboard';
import { fromTrainerSchema, toTrainerSchema } from '../../../src/protocol/trainer';
import { learningRateAt } from '../../../src/recipe/schedule';
import { NO_ACTIVITY } from '../../../src/runs/feed/followedRun';
import { HeartbeatWatch } from '../../../src/runs/lease/heartbeats';
import { claimLease, leasePath, readLease } from '../../../src/runs/lease/lease';
import { readAllEvents } from '../../../src/runs/log';
import { networkRun } from '../../../src/runs/networkRun';
import { enqueue, readQueue } from '../../../src/runs/queue';
import {
  createRun,
  listRuns,
  manifestPath,
  metricsPath,
  runFolder,
  runsFolder,
} from '../../../src/runs/store';
import { exampleRecipe, exampleRun, newRun, temporaryFolder } from './support';

/** Returns every location in a value as a path of keys. */
function placesIn(value: unknown): (string | number)[][] {
  if (typeof value !== 'object' || value === null) return [[]];
  return [
    [],
    ...Object.entries(value).flatMap(([key, part]) => placesIn(part).map((place) => [key, ...place])),
  ];
}

/** Returns a copy with another value at a path, or without the path if the value is undefined. */
function changed(value: unknown, [key, ...rest]: readonly (string | number)[], other: unknown): unknown {
  if (key === undefined) return other;
  const entries = Object.entries(value as object).flatMap(([name, part]) => {
    if (name !== key) return [[name, part]];
    const after = changed(part, rest, other);
    return after === undefined ? [] : [[name, after]];
  });
  return Array.isArray(value) ? entries.map(([, part]) => part) : Object.fromEntries(entries);
}

const otherValue = fc.oneof(
  fc.constant(undefined),
  fc.constantFrom(null, true, -1, 0, 0.5, 1e308, '', 'queued', [], {}),
  fc.jsonValue({ maxDepth: 2 }),
);

describe('with any content of a run.json', () => {
  it('that was changed anywhere, the run is listed as broken or can be shown', async () => {
    const { root, folder } = await exampleRun();
    const good = JSON.parse(await readFile(manifestPath(folder), 'utf8'));
    const result = {
      epochs: 1,
      validationLoss: 1,
      validationAccuracy: 1,
      bestValidationAccuracy: 1,
      seconds: 1,
    };
    const state = fc.constantFrom(
      { status: 'queued' },
      { status: 'running', step: 3, validationAccuracy: 0.5 },
      { status: 'done', result },
      { status: 'stopped', step: 1 },
      { status: 'failed', failure: { what: 'a', remedy: 'b' } },
      { status: 'interrupted' },
    );
    const damage = fc.array(fc.tuple(fc.constantFrom(...placesIn(good)), otherValue), {
      minLength: 1,
      maxLength: 2,
    });
    await fc.assert(
      fc.asyncProperty(state, damage, async (state, damage) => {
        let manifest: unknown = { ...good, state };
        for (const [place, other] of damage) {
          if (placesIn(manifest).some((own) => own.join('/') === place.join('/'))) {
            manifest = changed(manifest, place, other);
          }
        }
        await writeFile(manifestPath(folder), JSON.stringify(manifest) ?? '');
        for (const run of await listRuns(root)) {
          if (run.kind === 'broken') {
            expect(run.reason).not.toBe('');
            continue;
          }
          const shown = { ...run, root, activity: NO_ACTIVITY };
          expect(runDescription(shown)).toEqual(expect.any(String));
          expect(statusText(shown)).toEqual(expect.any(String));
          expect(stateIcon(run.manifest.state).id).not.toBe('');
          for (const { value } of runFacts(run.manifest)) expect(value).toEqual(expect.any(String));
          const { schedule } = networkRun(run).manifest.recipe;
          expect(learningRateAt(schedule, 0)).toEqual(expect.any(Number));
          expect(learningRateAt(schedule, schedule.totalSteps - 1)).toEqual(expect.any(Number));
        }
        await readQueue(root);
      }),
      { numRuns: 500 },
    );
  });
});

describe('with any content of the other files of a run', () => {
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 200 }).map((array) => Buffer.from(array)),
    fc.json().map((text) => Buffer.from(text)),
    fc.json().map((text) => Buffer.from(text).subarray(0, text.length / 2)),
  );

  it('its lease is read, and can be taken once it is old', async () => {
    const { root, folder } = await exampleRun();
    await fc.assert(
      fc.asyncProperty(bytes, async (content) => {
        await writeFile(leasePath(folder, 1), content);
        await utimes(leasePath(folder, 1), 0, 0);
        expect((await readLease(folder))?.attempt).toBe(1);
        expect(await listRuns(root)).toHaveLength(1);
      }),
      { numRuns: 50 },
    );
    let now = 0;
    const watch = new HeartbeatWatch(30_000, () => now);
    const claim = () => claimLease(folder, 'training', process.pid, watch);
    for (; now < 30_000; now += 5000) expect((await claim()).ok).toBe(false);
    expect((await claim()).ok).toBe(true);
  });

  it('its place in the queue is read or skipped', async () => {
    const { root, id, folder } = await exampleRun();
    await fc.assert(
      fc.asyncProperty(bytes, async (content) => {
        await writeFile(join(folder, 'queue.json'), content);
        expect(await readQueue(root)).toEqual([]);
      }),
      { numRuns: 50 },
    );
    expect(await enqueue(root, id)).toBeNull();
    expect(await readQueue(root)).toHaveLength(1);
  });

  it('its log is read', async () => {
    const { folder } = await exampleRun();
    await fc.assert(
      fc.asyncProperty(fc.array(bytes, { maxLength: 5 }), async (parts) => {
        await writeFile(
          metricsPath(folder),
          Buffer.concat(parts.flatMap((part) => [part, Buffer.from('\n')])),
        );
        const { events, skipped } = await readAllEvents(metricsPath(folder));
        expect(events).toEqual([]);
        expect(skipped).toBeGreaterThanOrEqual(0);
      }),
      { numRuns: 50 },
    );
  });
});

describe('arbitrary data on a channel', () => {
  it('is distinguished from messages', () => {
    fc.assert(
      fc.property(fc.anything(), (message) => {
        for (const schema of [fromTrainerSchema, toTrainerSchema]) schema.safeParse(message);
        expect(isFromDashboard(message)).toEqual(expect.any(Boolean));
        expect(isToDashboard(message)).toEqual(expect.any(Boolean));
      }),
    );
  });
});

describe('damaged runs among 100 good ones', () => {
  it('do not affect the good ones', async () => {
    const root = await temporaryFolder();
    const ids: string[] = [];
    for (let index = 0; index < 100; index++) {
      const creation = await createRun(root, newRun(root, { recipe: exampleRecipe(`good ${index}`) }));
      if (!creation.ok) throw new Error(creation.failure.what);
      ids.push(creation.id);
    }
    const damage: Record<string, (folder: string) => Promise<void>> = {
      'no-manifest': async () => {},
      'cut-manifest': (folder) => writeFile(manifestPath(folder), '{"version":1,'),
      'no-recipe': async (folder) => {
        const good = JSON.parse(await readFile(manifestPath(runFolder(root, ids[0] as string)), 'utf8'));
        await writeFile(manifestPath(folder), JSON.stringify({ ...good, recipe: {} }));
      },
      'folder-for-a-file': async (folder) => {
        await mkdir(manifestPath(folder));
      },
      'binary-manifest': (folder) => writeFile(manifestPath(folder), Buffer.alloc(1 << 20, 0xff)),
    };
    for (const [name, harm] of Object.entries(damage)) {
      await mkdir(join(runsFolder(root), name));
      await harm(join(runsFolder(root), name));
    }
    const [log, checkpoint] = [runFolder(root, ids[1] as string), runFolder(root, ids[2] as string)];
    await writeFile(metricsPath(log), '\u0000\u0001 garbage');
    await mkdir(join(checkpoint, 'checkpoints'));
    await writeFile(join(checkpoint, 'checkpoints', 'last.safetensors'), 'garbage');

    const runs = await listRuns(root);
    expect(
      runs
        .filter(({ kind }) => kind === 'broken')
        .map(({ id }) => id)
        .sort(),
    ).toEqual(Object.keys(damage).sort());
    expect(
      runs
        .filter(({ kind }) => kind === 'run')
        .map(({ id }) => id)
        .sort(),
    ).toEqual([...ids].sort());
    for (const id of ids) expect(await enqueue(root, id)).toBeNull();
    expect((await readQueue(root)).map(({ id }) => id)).toEqual(ids);
  });
});
