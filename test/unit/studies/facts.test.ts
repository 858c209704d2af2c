import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { KnownStudy, StudyFacts } from '../../../src/protocol/studyView';
import { manifestPath, metricsPath, readRun, runFolder } from '../../../src/runs/store';
import { analysisOf } from '../../../src/studies/analyzing';
import { confirmationOf } from '../../../src/studies/confirming';
import { StudyReader, studyFacts } from '../../../src/studies/facts';
import { StudyLock } from '../../../src/studies/lock';
import { readOutcome } from '../../../src/studies/outcomes';
import type { StudyRecord } from '../../../src/studies/record';
import {
  createStudy,
  deleteStudy,
  listStudies,
  readStudy,
  studyFolder,
  studyPath,
  writeStudy,
} from '../../../src/studies/store';
import { ACCURACY, standIn } from './standIn';
import { studyIn, studyTests } from './support';

const tests = studyTests();

function read(known: KnownStudy): StudyFacts {
  if (known.kind === 'damaged') throw new Error(known.failure.what);
  return known.facts;
}

const factsOf = async (folder: string) => read(await studyFacts(tests.root, await readStudy(folder)));

/** Returns the outcome of each run of a finished study. */
function outcomesOf({ runs, seeds, metric }: StudyRecord) {
  return Promise.all(
    runs.map(async ({ block, setting, run }) => {
      const entry = await readRun(runFolder(tests.root, run ?? ''));
      if (entry.kind === 'broken') throw new Error(entry.reason);
      return { block, setting, seed: seeds[block] ?? 0, outcome: await readOutcome(entry, metric.name) };
    }),
  );
}

describe('the facts of a study', () => {
  test('are its plan and the values of its levels, before anything of it runs', async () => {
    const { folder, record } = await studyIn(tests.root);
    const facts = await factsOf(folder);
    expect(facts).toMatchObject({
      name: 'which',
      experimentFile: join(tests.root, 'tiny.experiment.yaml'),
      studyFile: join(tests.root, 'which.study.yaml'),
      metric: { name: 'validation_accuracy', higherIsBetter: true, unit: 'points' },
      levelValues: [
        [false, true],
        [false, true],
      ],
      state: { status: 'stopped', because: null },
      images: 'shared',
      epochs: 3,
      analysis: null,
      secondsLeft: null,
      confirmation: null,
    });
    expect(facts.runs.map(({ setting }) => setting)).toEqual(record.runs.map(({ setting }) => setting));
    for (const run of facts.runs) {
      expect(run).toMatchObject({ id: null, folder: null, status: 'planned', value: null, fold: null });
    }
    expect(new Set(facts.runs.map(({ seed }) => seed))).toEqual(new Set(record.seeds));
  });

  test('are the analysis of its runs and their results, once it is done', async () => {
    const { folder } = await studyIn(tests.root);
    await tests.program(folder).worker.run();
    const entry = await readStudy(folder);
    if (entry.kind === 'broken') throw new Error(entry.reason);
    const facts = await factsOf(folder);
    expect(facts.state).toEqual({ status: 'done', because: 'full' });
    expect(facts.secondsLeft).toBeNull();
    expect(facts.analysis).toEqual(analysisOf(entry.record, await outcomesOf(entry.record), () => true));
    for (const { id, folder: ofRun, status, value, seconds } of facts.runs) {
      const { state } = JSON.parse(await readFile(manifestPath(runFolder(tests.root, id ?? '')), 'utf8'));
      expect(ofRun).toBe(runFolder(tests.root, id ?? ''));
      expect(seconds).toBe(state.result.seconds);
      if (status === 'finished') expect(value).toBeCloseTo(100 * state.result.validationAccuracy, 9);
      else expect([status, value]).toEqual(['diverged', null]);
    }

    // The outcome of a finished run is not read again. Discarded parts of it are read again when needed.
    const reader = new StudyReader(tests.root);
    const known = read(await reader.facts(entry, [entry]));
    const first = facts.runs[0]?.folder ?? '';
    const log = await readFile(metricsPath(first));
    await rm(metricsPath(first));
    expect(read(await reader.facts(entry, [entry]))).toEqual(known);
    await writeFile(metricsPath(first), log);
    const extended = { ...entry, record: { ...entry.record, isExtended: true } };
    const again = read(await reader.facts(extended, [extended]));
    expect(again.analysis?.effects).toEqual(known.analysis?.effects);
    expect(known.analysis?.effects[0]?.estimates?.onNewImages).not.toBeNull();
    expect(again.analysis?.isExtended).toBe(true);

    // A deleted run counts as planned, and its block is not done.
    await rm(first, { recursive: true });
    const less = read(await reader.facts(entry, [entry]));
    expect(less.runs[0]).toMatchObject({ status: 'planned', value: null });
    expect(less.analysis?.runsUsed).toBe((known.analysis?.runsUsed ?? 0) - 1);
  });

  test('have its confirmation: the chosen set against the baseline, seed by seed', async () => {
    await tests.replaceTrainer(standIn(ACCURACY));
    const { folder } = await studyIn(tests.root);
    await tests.program(folder).worker.run();
    const entry = await readStudy(folder);
    const { analysis } = await factsOf(folder);
    if (entry.kind === 'broken' || !analysis?.chosen) throw new Error('It is done.');
    expect(analysis.chosen.setting[0]).toBe(1);
    const confirming = await createStudy(tests.root, confirmationOf(tests.root, entry.record, analysis, 4));
    expect((await factsOf(folder)).confirmation).toBeNull();
    await tests.program(confirming.folder).worker.run();

    const { confirmation } = await factsOf(folder);
    expect(confirmation).toMatchObject({
      ...{ setting: analysis.chosen.setting, seeds: 4, split: 'validation' },
      // The fake trainer does not record correctness per image.
      onNewImages: null,
    });
    const { runs, levelValues } = await factsOf(confirming.folder);
    const sum = (arm: number) =>
      runs.reduce((total, { setting, value }) => total + (setting[0] === arm ? (value ?? 0) : 0), 0);
    expect(confirmation?.onTheseImages.value).toBeCloseTo((sum(1) - sum(0)) / 4, 9);
    expect(levelValues).toBeNull();
  });

  test('tell who runs it: nobody any more, someone who has not started, or nobody yet', async () => {
    const { folder, record } = await studyIn(tests.root);
    const lock = await StudyLock.take(folder, () => {});
    expect((await factsOf(folder)).state).toEqual({ status: 'waiting' });
    await writeStudy(folder, { ...record, state: { status: 'running' } });
    expect((await factsOf(folder)).state).toEqual({ status: 'running' });
    expect(await deleteStudy(tests.root, record.id)).not.toBeNull();
    await lock.release();
    expect((await factsOf(folder)).state).toEqual({ status: 'interrupted' });
    expect(await deleteStudy(tests.root, record.id)).toBeNull();
    expect(await listStudies(tests.root)).toEqual([]);
  });

  test('estimate the time left by the duration of a run and how many train at a time', async () => {
    const { folder, record } = await studyIn(tests.root);
    const scheduling = {
      ...({ engine: 'wasm', description: 'wasm', threads: 1, execution: null } as const),
      ...{ atOnce: 2, measured: [], secondsPerRun: 30 },
    };
    await writeStudy(folder, { ...record, scheduling });
    expect((await factsOf(folder)).secondsLeft).toBe((record.runs.length * 30) / 2);
  });

  test('have the fold of each block, and the measured costs', async () => {
    const { folder, record } = await studyIn(tests.root);
    const cost = { factor: 0, level: 1, secondsPerEpoch: 3, secondsPerEpochWithout: 2 };
    await writeStudy(folder, {
      ...{ ...record, blocks: 'folds', folds: 3 },
      costs: [
        { ...cost, memoryBytes: 5, memoryBytesWithout: 4 },
        { ...cost, factor: 1, memoryBytes: null, memoryBytesWithout: 4 },
      ],
    });
    const facts = await factsOf(folder);
    expect(facts.images).toBe('folds');
    for (const { block, fold } of facts.runs) expect(fold).toBe(block % 3);
    expect(facts.costs).toEqual([
      {
        ...{ factor: 0, level: 1, secondsPerEpoch: { with: 3, without: 2 } },
        memoryBytes: { with: 5, without: 4 },
      },
      { factor: 1, level: 1, secondsPerEpoch: { with: 3, without: 2 }, memoryBytes: null },
    ]);
  });

  test('are a failure with its place and what to do, if its record is damaged or newer', async () => {
    const folder = studyFolder(tests.root, 'some');
    await mkdir(folder, { recursive: true });
    for (const [text, remedy] of [
      ['{ "version": 1', /Restore .*study\.json/],
      ['{ "version": 99 }', /Update Bag of Tricks/],
      ['{ "version": 1 }', /Restore .*study\.json/],
    ] as const) {
      await writeFile(studyPath(folder), text);
      const known = await studyFacts(tests.root, await readStudy(folder));
      expect(known).toMatchObject({ kind: 'damaged', folder, id: 'some' });
      if (known.kind === 'damaged') expect(known.failure.remedy).toMatch(remedy);
    }
  });
});
