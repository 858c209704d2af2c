import { execFileSync } from 'node:child_process';
import { closeSync } from 'node:fs';
import { mkdtemp, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { UserError } from '../../../src/shared/userError';
import { openRegular, openRegularSync, readRegular, readRegularSync } from '../../../src/system/regularFiles';

async function folder(): Promise<string> {
  const made = await mkdtemp(join(tmpdir(), 'bag-of-tricks-regular-'));
  onTestFinished(() => rm(made, { recursive: true, force: true }));
  return made;
}

test('reads a file, through links as well', async () => {
  const path = join(await folder(), 'file');
  await writeFile(path, 'text');
  await symlink(path, `${path}-link`);
  for (const name of [path, `${path}-link`]) {
    expect(await readRegular(name, 'utf8')).toBe('text');
    expect((await readRegular(name)).toString()).toBe('text');
    expect(readRegularSync(name)).toBe('text');
    closeSync(openRegularSync(name));
    await (await openRegular(name)).close();
  }
});

test('refuses a file that is too large before it is read', async () => {
  const path = join(await folder(), 'file');
  await writeFile(path, '');
  await truncate(path, 2 ** 40);
  await expect(readRegular(path, 'utf8', 1 << 20)).rejects.toThrow(UserError);
  expect(() => readRegularSync(path, 1 << 20)).toThrow(UserError);
});

test('fails like the file system if there is nothing, or a folder', async () => {
  const path = await folder();
  await expect(readRegular(path)).rejects.toMatchObject({ code: 'EISDIR' });
  await expect(readRegular(join(path, 'none'))).rejects.toMatchObject({ code: 'ENOENT' });
  expect(() => readRegularSync(path)).toThrow(expect.objectContaining({ code: 'EISDIR' }));
});

describe.skipIf(process.platform === 'win32')('an endless file', () => {
  test.each(['pipe', 'device'])('a %s is refused at once', async (kind) => {
    const path = kind === 'device' ? '/dev/zero' : join(await folder(), 'pipe');
    if (kind === 'pipe') execFileSync('mkfifo', [path]);
    await expect(readRegular(path)).rejects.toThrow(UserError);
    expect(() => readRegularSync(path)).toThrow(UserError);
  });
});
