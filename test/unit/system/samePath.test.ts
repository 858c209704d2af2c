import { mkdir, mkdtemp, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { isSamePath, pathAsNamed } from '../../../src/system/samePath';

describe('isSamePath', () => {
  test.each([
    ['win32', 'c:\\work\\a.yaml', 'C:\\work\\a.yaml', true],
    ['win32', 'C:\\Work\\A.yaml', 'C:\\work\\a.yaml', true],
    ['win32', 'C:/work/a.yaml', 'C:\\work\\x\\..\\a.yaml', true],
    ['win32', 'C:\\work\\a.yaml', 'D:\\work\\a.yaml', false],
    // Windows treats Unicode normalization forms as different names.
    ['win32', 'C:\\\u00e9.yaml', 'C:\\e\u0301.yaml', false],
    ['darwin', '/Users/a/caf\u00e9.yaml', '/Users/a/cafe\u0301.yaml', true],
    ['darwin', '/Users/a/Caf\u00c9.yaml', '/users/A/cafe\u0301.yaml', true],
    ['darwin', '/Users/\u03c3.yaml', '/Users/\u03c2.yaml', true],
    ['darwin', '/Users/a.yaml', '/Users/b.yaml', false],
    ['linux', '/home/a/A.yaml', '/home/a/a.yaml', false],
    ['linux', '/home/caf\u00e9', '/home/cafe\u0301', false],
    ['linux', '/home/x/../a', '/home/a', true],
  ] as const)('on %s: %s and %s', (platform, a, b, same) => {
    expect(isSamePath(a, b, platform)).toBe(same);
  });
});

test('a path stays as written if it is a link, or does not exist', async () => {
  const folder = await realpath(await mkdtemp(join(tmpdir(), 'same-')));
  onTestFinished(() => rm(folder, { recursive: true }));
  await mkdir(join(folder, 'real'));
  await writeFile(join(folder, 'real', 'File'), '');
  await symlink(join(folder, 'real'), join(folder, 'link'));
  expect(await pathAsNamed(join(folder, 'link', 'File'))).toBe(join(folder, 'link', 'File'));
  expect(await pathAsNamed(join(folder, 'none', 'File'))).toBe(join(folder, 'none', 'File'));
});
