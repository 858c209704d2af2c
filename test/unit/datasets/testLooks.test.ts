import { appendFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { indexesFolder } from '../../../src/datasets/index/store';
import { countLooks, readLooks, recordLook, testLooksPath } from '../../../src/datasets/testLooks';
import { testFolder } from './photos';

test('evaluations of a test split are counted by data set, whoever records them', async () => {
  const root = await testFolder();
  expect(await countLooks(root, 'a')).toBe(0);
  const looks = Array.from({ length: 20 }, (_, n) => ({ runId: `run-${n}`, time: n }));
  await Promise.all(looks.map((look) => recordLook(root, 'a', look)));
  await recordLook(root, 'b', { runId: 'other', time: 1 });
  expect((await readLooks(root, 'a')).sort((one, other) => one.time - other.time)).toEqual(looks);
  expect(await countLooks(root, 'a')).toBe(20);
  expect(await countLooks(root, 'b')).toBe(1);
  expect(await readdir(join(root, '.bag-of-tricks'))).toContain('.gitignore');
});

test('a truncated line counts no evaluation, and damages none after it', async () => {
  const root = await testFolder();
  await recordLook(root, 'a', { runId: 'one', time: 1 });
  await appendFile(testLooksPath(root, 'a'), '\n{"runId":"cu');
  await recordLook(root, 'a', { runId: 'two', time: 2 });
  expect(await readLooks(root, 'a')).toEqual([
    { runId: 'one', time: 1 },
    { runId: 'two', time: 2 },
  ]);
  expect((await readdir(indexesFolder(root))).sort()).toEqual(['a.test-looks.json']);
});
