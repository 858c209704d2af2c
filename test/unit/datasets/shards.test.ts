import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { expandBraces, shardFiles } from '../../../src/datasets/formats/shards';
import { datasetErrorOf, temporaryFolder } from '../data/files';

describe('expandBraces', () => {
  // Expands like `echo` in bash.
  it.each([
    ['train-{000..003}.tar', ['train-000.tar', 'train-001.tar', 'train-002.tar', 'train-003.tar']],
    ['{8..11}', ['8', '9', '10', '11']],
    ['{08..11}', ['08', '09', '10', '11']],
    ['{2..0}', ['2', '1', '0']],
    ['{a,b}/{0..1}', ['a/0', 'a/1', 'b/0', 'b/1']],
    ['x{a,b{1,2}}', ['xa', 'xb1', 'xb2']],
    ['x{,y}', ['x', 'xy']],
    ['{one}', ['{one}']],
    ['{one}{1,2}', ['{one}1', '{one}2']],
    ['{open', ['{open']],
    ['none.tar', ['none.tar']],
  ])('expands %s', (pattern, texts) => {
    expect(expandBraces(pattern)).toEqual(texts);
  });

  it.each(['{0..999999}', '{0..999}{0..999}'])('refuses %s, which is a typo', (pattern) => {
    expect(() => expandBraces(pattern)).toThrow(RangeError);
  });
});

describe('shardFiles', () => {
  async function folderOf(...names: string[]): Promise<string> {
    const folder = await temporaryFolder();
    for (const name of names) {
      await mkdir(join(folder, name, '..'), { recursive: true });
      await writeFile(join(folder, name), '');
    }
    return folder;
  }

  it('finds files by braces and wildcards, in order', async () => {
    const folder = await folderOf(
      'b/t-1.tar',
      'b/t-0.tar',
      'a/t-0.tar',
      'b/other.txt',
      'b/.t-9.tar',
      'b/t-x.tar/file',
    );
    const below = (...names: string[]) => names.map((name) => join(folder, name));
    expect(await shardFiles('b/t-{0..1}.tar', folder)).toEqual(below('b/t-0.tar', 'b/t-1.tar'));
    expect(await shardFiles('b/*.tar', folder)).toEqual(below('b/t-0.tar', 'b/t-1.tar'));
    expect(await shardFiles('*/t-?.tar', folder)).toEqual(below('a/t-0.tar', 'b/t-0.tar', 'b/t-1.tar'));
    expect(await shardFiles('{b,a}/t-*.tar', folder)).toEqual(below('b/t-0.tar', 'b/t-1.tar', 'a/t-0.tar'));
    expect(await shardFiles(join(folder, 'a/*.tar'), '/')).toEqual(below('a/t-0.tar'));
  });

  it('takes a file with exactly that name, and each file once', async () => {
    const folder = await folderOf('a{1,2}.tar', 'b.tar', 'c (1) [x].tar');
    expect(await shardFiles('a{1,2}.tar', folder)).toEqual([join(folder, 'a{1,2}.tar')]);
    expect(await shardFiles('{b,*}.tar', folder)).toHaveLength(3);
    expect(await shardFiles('c (1) [x]*', folder)).toEqual([join(folder, 'c (1) [x].tar')]);
  });

  it.each([
    ['a missing shard', 't-{0..2}.tar', 'The shard is missing.'],
    ['a wildcard that nothing fits', '*.tgz', 'No shard matches this pattern.'],
    ['too many', 't-{0..100000}.tar', 'The pattern expands to more than 100000 files.'],
    ['addresses', 'https://example.org/{0..9}.tar', 'Only local files can be read.'],
    ['commands', 'pipe:cat a.tar', 'Only local files can be read.'],
  ])('explains %s', async (_, pattern, what) => {
    const folder = await folderOf('t-0.tar', 't-2.tar');
    const work = shardFiles(pattern, folder);
    await expect(work).rejects.toThrow(what);
    await expect(work).rejects.toHaveProperty('name', 'UserError');
  });

  it('names the missing shard', async () => {
    const folder = await folderOf('t-0.tar', 't-2.tar');
    expect((await datasetErrorOf(shardFiles('t-{0..2}.tar', folder))).where).toBe(join(folder, 't-1.tar'));
  });
});
