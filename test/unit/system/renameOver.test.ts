import { mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { renameOver } from '../../../src/system/renameOver';

let folder: string;
let from: string;
let to: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rename-'));
  [from, to] = [join(folder, 'new'), join(folder, 'old')];
  await writeFile(from, 'new');
  await writeFile(to, 'old');
});
afterEach(async () => {
  await rm(folder, { recursive: true });
});

/** Renames as Windows does while a reader has the file open: refuses `times` times, then succeeds. */
function refusing(code: string, times: number) {
  const asked = { count: 0 };
  const refused = async (a: string, b: string) => {
    if (asked.count++ < times) throw Object.assign(new Error(`${code}: rename`), { code });
    await rename(a, b);
  };
  return { rename: refused, asked };
}

describe('renameOver', () => {
  test('replaces a file', async () => {
    await renameOver(from, to);
    expect(await readFile(to, 'utf8')).toBe('new');
    expect(await readdir(folder)).toEqual(['old']);
  });

  test.each(['EPERM', 'EACCES', 'EBUSY'])('is retried on Windows after %s', async (code) => {
    const { rename: refused, asked } = refusing(code, 3);
    await renameOver(from, to, { platform: 'win32', rename: refused, pausesMs: [0, 0, 0] });
    expect(asked.count).toBe(4);
    expect(await readFile(to, 'utf8')).toBe('new');
  });

  test('gives up after the last pause, and keeps both files', async () => {
    const { rename: refused } = refusing('EPERM', Number.POSITIVE_INFINITY);
    const renamed = renameOver(from, to, { platform: 'win32', rename: refused, pausesMs: [0, 0] });
    await expect(renamed).rejects.toMatchObject({ code: 'EPERM' });
    expect((await readdir(folder)).sort()).toEqual(['new', 'old']);
  });

  test.each([
    ['elsewhere', 'linux', 'EPERM'],
    ['for another reason', 'win32', 'ENOSPC'],
  ] as const)('is not retried %s', async (_, platform, code) => {
    const { rename: refused, asked } = refusing(code, 1);
    const renamed = renameOver(from, to, { platform, rename: refused, pausesMs: [0, 0] });
    await expect(renamed).rejects.toMatchObject({ code });
    expect(asked.count).toBe(1);
  });
});
