import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { findStudy, listStudies, studyFolder } from '../../../src/studies/store';
import { EXPERIMENT, STUDY, studyIn } from './support';

test('a search in the same folder is not a study, and a later one is not the last study', async () => {
  const root = await mkdtemp(join(tmpdir(), 'studies-'));
  onTestFinished(() => rm(root, { recursive: true }));
  await writeFile(join(root, 'tiny.experiment.yaml'), EXPERIMENT);
  await writeFile(join(root, 'which.study.yaml'), STUDY);
  const { id } = await studyIn(root);
  for (const [name, file] of [
    ['99990101-000000-search', 'search.json'],
    ['99990101-000000-empty', null],
  ] as const) {
    await mkdir(studyFolder(root, name));
    if (file) await writeFile(join(studyFolder(root, name), file), '{}');
  }
  const listed = (await listStudies(root)).map((entry) => [entry.kind, entry.id]);
  expect(listed).toEqual([
    ['broken', '99990101-000000-empty'],
    ['study', id],
  ]);
  await rm(studyFolder(root, '99990101-000000-empty'), { recursive: true });
  expect(await findStudy(root, 'last')).toMatchObject({ kind: 'study', id });
});
