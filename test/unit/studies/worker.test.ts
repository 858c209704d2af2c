import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { StudyAnalysis } from '../../../src/protocol/study';
import { claimLease, releaseLease } from '../../../src/runs/lease/lease';
import { networkRun } from '../../../src/runs/networkRun';
import { readQueue } from '../../../src/runs/queue';
import { listRuns, readManifest, runFolder } from '../../../src/runs/store';
import { extendStudy } from '../../../src/studies/extending';
import { askToStop } from '../../../src/studies/lock';
import type { StudyRecord } from '../../../src/studies/record';
import { readStudy, studyPath } from '../../../src/studies/store';
import { until } from '../runs/support';
import { ACCURACY, standIn } from './standIn';
import { STUDY, studyIn, studyTests } from './support';

const tests = studyTests();

async function recordOf(folder: string): Promise<StudyRecord> {
  const study = await readStudy(folder);
  if (study.kind === 'broken') throw new Error(study.reason);
  return study.record;
}

/** Returns the settings of a study's runs in training order. */
async function trainedOrder(record: StudyRecord): Promise<string[]> {
  const ids = (await listRuns(tests.root)).map(({ id }) => id).reverse();
  const planned = new Map(record.runs.map((run) => [run.run, `${run.block} ${run.setting}`]));
  return ids.flatMap((id) => planned.get(id) ?? []);
}

describe('a running study', () => {
  test('trains every run of its plan by the queue, block by block, and reports what they show', async () => {
    const { folder, record: before } = await studyIn(tests.root);
    const { worker } = tests.program(folder);
    const told: StudyAnalysis[] = [];
    worker.on('analysis', (analysis) => told.push(analysis));
    expect(await worker.run()).toEqual({ status: 'done', how: 'full' });
    const record = await recordOf(folder);
    expect(record.state).toEqual({ status: 'done', how: 'full' });
    expect(record.scheduling).toMatchObject({ engine: 'wasm', threads: 1, atOnce: 1 });
    expect(await trainedOrder(record)).toEqual(before.runs.map((run) => `${run.block} ${run.setting}`));
    for (const { run, block, setting } of record.runs) {
      const reading = await readManifest(runFolder(tests.root, run ?? ''));
      if (!reading.ok) throw new Error(reading.reason);
      const { recipe, experiment, state, engine } = networkRun({ id: run ?? '', ...reading }).manifest;
      expect(recipe.seed).toBe(record.seeds[block]);
      expect(recipe.initialization.zeroGamma).toBe(setting[0] === 1);
      expect(experiment.text).toContain(`seed: ${recipe.seed}`);
      expect(state.status).toBe('done');
      expect(engine?.threads).toBe(1);
    }
    expect(told.map(({ blocksDone }) => blocksDone)).toEqual([1, 2]);
    // The per-image results that the runs saved go into the second interval.
    expect(told[1]?.effects[0]?.estimates?.onNewImages).not.toBeNull();
    // Trials leave no files behind.
    expect(await readdir(join(tests.root, '.bag-of-tricks/probes'))).toEqual([]);
    expect(await listRuns(tests.root)).toHaveLength(8);
  });

  test('reuses existing runs, but none of another seed, recipe or number of threads', async () => {
    await tests.replaceTrainer(standIn(ACCURACY));
    const first = await studyIn(tests.root);
    await tests.program(first.folder).worker.run();
    const again = await studyIn(tests.root, { study: STUDY.replace('runs: 8', 'runs: 12') });
    const { worker } = tests.program(again.folder);
    expect(await worker.run()).toMatchObject({ status: 'done' });
    const { runs } = await recordOf(again.folder);
    expect(runs.filter(({ isReused }) => isReused)).toHaveLength(8);
    expect(await listRuns(tests.root)).toHaveLength(12);
    expect(new Set(runs.map(({ run }) => run)).size).toBe(12);

    const threads = await studyIn(tests.root);
    const scheduling = (await recordOf(first.folder)).scheduling;
    const elsewhere = await studyIn(
      tests.root,
      {},
      { scheduling: scheduling && { ...scheduling, threads: 2 } },
    );
    await tests.program(threads.folder).worker.run();
    await tests.program(elsewhere.folder).worker.run();
    expect((await recordOf(threads.folder)).runs.every(({ isReused }) => isReused)).toBe(true);
    expect((await recordOf(elsewhere.folder)).runs.some(({ isReused }) => isReused)).toBe(false);
  });

  test('stops with its runs paused, and another process continues with the same runs', async () => {
    const endless = `if (!fs.existsSync(join(folder, '../../../go'))) { setTimeout(finish, 20); return; }`;
    await tests.replaceTrainer(standIn(ACCURACY, endless));
    const { folder } = await studyIn(tests.root);
    const first = tests.program(folder);
    const running = first.worker.run();
    await until(async () =>
      (await listRuns(tests.root)).some(
        (run) => run.kind === 'run' && run.manifest.state.status === 'queued',
      ),
    );
    await until(() => first.queue.handles.size > 0);
    // One that trains and one that waits.
    const created = async () => (await recordOf(folder)).runs.filter(({ run }) => run !== null).length;
    await until(async () => (await created()) === 2);
    expect(await askToStop(folder)).toBe(true);
    expect(await running).toEqual({ status: 'stopped', because: null });
    first.queue.close();
    expect(await readQueue(tests.root)).toEqual([]);
    const ids = (await recordOf(folder)).runs.map(({ run }) => run);
    expect(ids.filter((id) => id !== null)).toHaveLength(2);

    await writeFile(join(tests.root, 'go'), '');
    expect(await tests.program(folder).worker.run()).toMatchObject({ status: 'done' });
    const after = (await recordOf(folder)).runs.map(({ run }) => run);
    expect(after.slice(0, 2)).toEqual(ids.slice(0, 2));
    expect(await listRuns(tests.root)).toHaveLength(8);
  });

  test('continues after a process was killed between creating a run and queueing it', async () => {
    await tests.replaceTrainer(standIn(ACCURACY));
    const { folder } = await studyIn(tests.root);
    const first = tests.program(folder);
    await first.worker.run();
    // The state that a process leaves if it dies between the two: still marked as running.
    const record = await recordOf(folder);
    const [run] = record.runs;
    const id = run?.run ?? '';
    const manifest = join(runFolder(tests.root, id), 'run.json');
    const kept = JSON.parse(await readFile(manifest, 'utf8'));
    await rm(runFolder(tests.root, id), { recursive: true });
    await writeFile(studyPath(folder), JSON.stringify({ ...record, state: { status: 'running' } }));
    expect(await readStudy(folder)).toMatchObject({ isInterrupted: true });
    expect(kept.id).toBe(id);
    expect(await tests.program(folder).worker.run()).toMatchObject({ status: 'done' });
    expect(await listRuns(tests.root)).toHaveLength(8);
  });

  test('is run by one process at a time', async () => {
    const { folder } = await studyIn(tests.root);
    const { lease } = await claimLease(folder, 'training', process.ppid);
    await expect(tests.program(folder).worker.run()).rejects.toThrow('is running');
    await releaseLease(folder, lease);
  });
});

describe('a run of a study', () => {
  test('that crashes is retried with its seed', async () => {
    await tests.replaceTrainer(
      standIn(ACCURACY, 'if (tries < 3 && recipe.seed === 2) process.kill(process.pid, "SIGKILL");'),
    );
    const { folder } = await studyIn(tests.root);
    const { worker } = tests.program(folder);
    const retried: number[] = [];
    worker.on('retried', ({ failures }) => retried.push(failures));
    expect(await worker.run()).toMatchObject({ status: 'done' });
    const { runs } = await recordOf(folder);
    expect(runs.map(({ crashes }) => crashes)).toEqual([0, 0, 0, 0, 2, 2, 2, 2]);
    expect(retried).toHaveLength(8);
    expect(await listRuns(tests.root)).toHaveLength(8);
  });

  test('that fails three times stops the study, which says why and continues once that is fixed', async () => {
    const broken = `if (!fs.existsSync(join(folder, '../../../go'))) {
      end({ type: 'failed', failure: { what: 'No images.', remedy: 'Bring them back.' } });
    }`;
    await tests.replaceTrainer(standIn(ACCURACY, broken));
    const { folder, id } = await studyIn(tests.root);
    const state = await tests.program(folder).worker.run();
    expect(state).toMatchObject({
      status: 'failed',
      failure: {
        what: expect.stringMatching(/^The run \S+ of the study failed 3 times\. Last failure: No images\.$/),
        remedy: expect.stringContaining(`Bring them back. Then resume the study: tricks study resume ${id}`),
      },
    });
    expect((await recordOf(folder)).state).toEqual(state);
    expect(await readQueue(tests.root)).toEqual([]);
    await writeFile(join(tests.root, 'go'), '');
    expect(await tests.program(folder).worker.run()).toMatchObject({ status: 'done' });
  });

  test('that diverged, by its loss or by chance accuracy, is not retried', async () => {
    await tests.replaceTrainer(
      standIn(
        `recipe.loss.labelSmoothing ? 0.3 : ${ACCURACY}`,
        `if (recipe.initialization.zeroGamma) end({ type: 'failed', failure: { kind: 'diverged', what: 'NaN', remedy: '' } });`,
      ),
    );
    const { folder } = await studyIn(tests.root);
    const { worker } = tests.program(folder);
    let last: StudyAnalysis | null = null;
    worker.on('analysis', (analysis) => {
      last = analysis;
    });
    expect(await worker.run()).toMatchObject({ status: 'done' });
    expect((await recordOf(folder)).runs.every(({ crashes }) => crashes === 0)).toBe(true);
    expect(last).toMatchObject({ runsDiverged: 6, runsUsed: 2 });
  });

  test('that gives the same digits for every seed stops the study: its trainer ignores the seed', async () => {
    await tests.replaceTrainer(standIn(ACCURACY.replaceAll('recipe.seed', '1')));
    const { folder } = await studyIn(tests.root);
    expect(await tests.program(folder).worker.run()).toMatchObject({
      status: 'failed',
      failure: { what: expect.stringContaining('the trainer ignores its seed') },
    });
  });

  test('with all images right for every seed, but other losses, shows no noise and no fault either', async () => {
    await tests.replaceTrainer(standIn('1', '', 'recipe.seed / 100'));
    const { folder } = await studyIn(tests.root);
    const { worker } = tests.program(folder);
    let last: StudyAnalysis | null = null;
    worker.on('analysis', (analysis) => {
      last = analysis;
    });
    expect(await worker.run()).toEqual({ status: 'done', how: 'full' });
    expect(last).toMatchObject({ seedsIgnored: false, withheld: 'no_noise' });
  });

  test('that a person stops, stops its study, which resumes it', async () => {
    const endless = `if (!fs.existsSync(join(folder, '../../../go'))) { setTimeout(finish, 20); return; }`;
    await tests.replaceTrainer(standIn(ACCURACY, endless));
    const { folder } = await studyIn(tests.root);
    const { queue, worker } = tests.program(folder);
    const running = worker.run();
    await until(() => queue.handles.size > 0);
    const [handle] = queue.handles.values();
    await handle?.stop();
    expect(await running).toMatchObject({
      status: 'stopped',
      because: { what: expect.stringMatching(/^Its run \S+ was stopped or paused\.$/) },
    });
    await writeFile(join(tests.root, 'go'), '');
    expect(await tests.program(folder).worker.run()).toMatchObject({ status: 'done' });
    expect(await listRuns(tests.root)).toHaveLength(8);
  });
});

describe('a study', () => {
  test('ends early if it says so and more runs can decide nothing', async () => {
    await tests.replaceTrainer(standIn(ACCURACY));
    const text = STUDY.replace('runs: 8', 'runs: 40').replace(
      'stop: never',
      'stop: when_decided\nsmallest_effect: 4',
    );
    const { folder } = await studyIn(tests.root, { study: text });
    const state = await tests.program(folder).worker.run();
    expect(state).toMatchObject({ status: 'done', how: 'all_decided' });
    const { runs } = await recordOf(folder);
    expect(runs.filter(({ run }) => run !== null).length).toBeLessThan(20);
  });

  test('that is done continues with more blocks, and says that its error is not controlled', async () => {
    await tests.replaceTrainer(standIn(ACCURACY));
    const { folder } = await studyIn(tests.root);
    expect(await tests.program(folder).worker.run()).toEqual({ status: 'done', how: 'full' });
    const before = await recordOf(folder);
    await extendStudy(tests.root, folder, 1);
    expect(await tests.program(folder).worker.run()).toEqual({ status: 'done', how: 'full' });
    const after = await recordOf(folder);
    expect(after).toMatchObject({ isExtended: true, seeds: [1, 2, 3] });
    expect(after.runs.slice(0, 8)).toEqual(before.runs);
    expect(after.plan.blocks.slice(0, 2)).toEqual(before.plan.blocks);
    expect(await listRuns(tests.root)).toHaveLength(12);
  });

  test('whose experiment has changed is not mixed with its earlier runs', async () => {
    const { folder, record } = await studyIn(tests.root);
    await writeFile(studyPath(folder), JSON.stringify({ ...record, baselineHash: 'other' }));
    await expect(tests.program(folder).worker.run()).rejects.toThrow('no longer trains the same');
  });

  test.each([
    ['damaged', '{ "version": 1,', 'Its study.json is damaged'],
    ['newer', '{ "version": 2 }', 'A newer release of Bag of Tricks wrote it'],
    ['of nothing', '{ "version": 1 }', 'Its study.json is not a study'],
  ])('whose folder is %s is not changed', async (_, text, reason) => {
    const { folder } = await studyIn(tests.root);
    await writeFile(studyPath(folder), text);
    await expect(tests.program(folder).worker.run()).rejects.toThrow(reason);
    expect(await readFile(studyPath(folder), 'utf8')).toBe(text);
  });
});
