import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { enqueue } from '../../../src/runs/queue';
import { createRun } from '../../../src/runs/store';
import { takeOnStudy } from '../../../src/studies/origin';
import { experimentsOf } from '../../../src/studies/planning';
import type { StudyRecord } from '../../../src/studies/record';
import { findStudy, readStudy, studiesFolder, studyPath, writeStudy } from '../../../src/studies/store';
import { ACCURACY, standIn } from './standIn';
import { studyIn, studyTests } from './support';

const tests = studyTests();

type Change = (record: StudyRecord) => Partial<StudyRecord>;

test.each<[string, Change]>([
  ['a run outside of the store', ({ runs }) => ({ runs: runs.map((run) => ({ ...run, run: '../../etc' })) })],
  ['a run of no name', ({ runs }) => ({ runs: runs.map((run) => ({ ...run, run: '..' })) })],
  ['a setting of fewer factors', ({ factors }) => ({ factors: [...factors, ...factors] })],
  [
    'a level that no factor has',
    ({ factors }) => ({ factors: factors.map((each) => ({ ...each, levels: ['a'] })) }),
  ],
  ['a run that is not planned', ({ runs }) => ({ runs: runs.map((run) => ({ ...run, block: 7 })) })],
  ['fewer runs than planned', ({ runs }) => ({ runs: runs.slice(1) })],
  ['a seed too many', ({ seeds }) => ({ seeds: [...seeds, 9] })],
  [
    'an alias of no factor',
    ({ plan }) => ({ plan: { ...plan, aliases: [{ factor: 0, pair: [1, 9], share: 1 }] } }),
  ],
  [
    'the cost of no level',
    () => ({
      costs: [
        {
          ...{ factor: 9, level: 1, secondsPerEpoch: 1, secondsPerEpochWithout: 1 },
          ...{ memoryBytes: null, memoryBytesWithout: null },
        },
      ],
    }),
  ],
])('a record with %s is not a study, and is not changed', async (_, change) => {
  const { folder, record } = await studyIn(tests.root);
  const text = JSON.stringify({ ...record, ...change(record) });
  await writeFile(studyPath(folder), text);
  expect(await readStudy(folder)).toMatchObject({
    kind: 'broken',
    isNewer: false,
    reason: expect.stringContaining('Its study.json is not a study'),
  });
  await expect(tests.program(folder).worker.run()).rejects.toThrow('cannot be read');
  expect(await readFile(studyPath(folder), 'utf8')).toBe(text);
});

test('a study whose folder was renamed continues under its new name, with the run that waited under the old one', async () => {
  await tests.replaceTrainer(standIn(ACCURACY));
  const { folder, record } = await studyIn(tests.root);
  const { text, recipe } = experimentsOf(tests.root, record).experimentAt(
    record.runs[0]?.setting ?? [],
    record.seeds[0] ?? 0,
    0,
  );
  const made = await createRun(tests.root, {
    ...{ experimentFile: record.experiment.file, experimentText: text, recipe, versions: {} },
  });
  if (!made.ok) throw new Error(made.failure.what);
  await enqueue(tests.root, made.id, {}, { group: record.id });
  await writeStudy(folder, {
    ...record,
    runs: record.runs.map((run, index) => (index === 0 ? { ...run, run: made.id } : run)),
  });
  const renamed = join(studiesFolder(tests.root), 'renamed');
  await rename(folder, renamed);
  const study = await findStudy(tests.root, 'renamed');
  if (study.kind === 'broken') throw new Error(study.reason);
  expect(study.record.id).toBe('renamed');
  await expect(tests.program(renamed).worker.run()).rejects.toThrow('You did not create the study renamed');
  await takeOnStudy(study);
  expect(await tests.program(renamed, {}, 'renamed').worker.run()).toMatchObject({ status: 'done' });
  expect(JSON.parse(await readFile(studyPath(renamed), 'utf8'))).toMatchObject({
    id: 'renamed',
    runs: expect.arrayContaining([expect.objectContaining({ run: made.id })]),
  });
});
