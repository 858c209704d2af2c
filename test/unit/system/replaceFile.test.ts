import { execFileSync } from 'node:child_process';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, statfs, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { replaceFile } from '../../../src/system/replaceFile';
import { canMount } from '../support/mounting';
import { unprivileged } from '../support/unprivileged';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'replace-'));
});
afterEach(async () => {
  await rm(folder, { recursive: true });
});

describe('replaceFile', () => {
  test('writes a new file and replaces an old one, leaving nothing else', async () => {
    const path = join(folder, 'file');
    await replaceFile(path, 'one');
    await replaceFile(path, Buffer.from('two'));
    expect(await readFile(path, 'utf8')).toBe('two');
    expect(await readdir(folder)).toEqual(['file']);
  });

  test('many at once leave one complete file', async () => {
    const path = join(folder, 'file');
    const contents = Array.from({ length: 20 }, (_, index) => `${index}`.repeat(10_000));
    await Promise.all(contents.map((content) => replaceFile(path, content)));
    expect(contents).toContain(await readFile(path, 'utf8'));
    expect(await readdir(folder)).toEqual(['file']);
  });

  test('names the file that it could not write', async () => {
    const path = join(folder, 'no', 'file');
    await expect(replaceFile(path, '')).rejects.toMatchObject({ code: 'ENOENT', path });
    const taken = join(folder, 'folder');
    await mkdir(join(taken, 'content'), { recursive: true });
    await expect(replaceFile(taken, '')).rejects.toMatchObject({ path: taken });
    expect(await readdir(folder)).toEqual(['folder']);
  });

  test.skipIf(process.platform === 'win32')('does not change a folder that is not writable', async () => {
    await writeFile(join(folder, 'file'), 'old');
    await chmod(folder, 0o500);
    await unprivileged(folder, async () => {
      await expect(replaceFile(join(folder, 'file'), 'new')).rejects.toMatchObject({ code: 'EACCES' });
    });
    await chmod(folder, 0o700);
    expect(await readFile(join(folder, 'file'), 'utf8')).toBe('old');
  });

  test.skipIf(!canMount)('keeps the old content if a full disk takes only a part of the new', async () => {
    const disk = join(folder, 'disk');
    await mkdir(disk);
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', disk]);
    try {
      const path = join(disk, 'file');
      await writeFile(path, 'old');
      const { bavail, bsize } = await statfs(disk);
      const content = Buffer.alloc((bavail * bsize * 3) / 2);
      await expect(replaceFile(path, content)).rejects.toMatchObject({ code: 'ENOSPC', path });
      expect(await readFile(path, 'utf8')).toBe('old');
      expect(await readdir(disk)).toEqual(['file']);
    } finally {
      execFileSync('umount', ['-l', disk]);
    }
  });
});
