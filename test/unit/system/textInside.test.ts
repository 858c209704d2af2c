import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { textInside } from '../../../src/system/textInside';

const root = mkdtempSync(join(tmpdir(), 'inside-'));
const folder = join(root, 'workspace');
mkdirSync(join(folder, 'configs'), { recursive: true });
writeFileSync(join(folder, 'configs/base.py'), 'a = 1\n');
writeFileSync(join(root, 'secret.py'), 'b = 2\n');
afterAll(() => rmSync(root, { recursive: true, force: true }));

const read = (path: string) => textInside(path, folder, 100);

describe('a text inside of a folder', () => {
  test('is read, whatever route its path takes', () => {
    expect(read(join(folder, 'configs/base.py'))).toBe('a = 1\n');
    expect(read(`${folder}/configs/../configs/./base.py`)).toBe('a = 1\n');
  });

  test('is none outside of it, missing, or a folder', () => {
    expect(read(join(root, 'secret.py'))).toBeNull();
    expect(read(`${folder}/../secret.py`)).toBeNull();
    expect(read(join(folder, 'configs/other.py'))).toBeNull();
    expect(read(join(folder, 'configs'))).toBeNull();
  });

  test('is none if it is longer than allowed', () => {
    writeFileSync(join(folder, 'long.py'), '#'.repeat(101));
    expect(read(join(folder, 'long.py'))).toBeNull();
  });

  test.skipIf(process.platform === 'win32')(
    'is read through a link within, and through none that leads out',
    () => {
      symlinkSync(join(folder, 'configs/base.py'), join(folder, 'within.py'));
      symlinkSync(join(root, 'secret.py'), join(folder, 'out.py'));
      symlinkSync(root, join(folder, 'up'));
      expect(read(join(folder, 'within.py'))).toBe('a = 1\n');
      expect(read(join(folder, 'out.py'))).toBeNull();
      expect(read(join(folder, 'up/secret.py'))).toBeNull();
    },
  );

  test.skipIf(process.platform === 'win32')('is none for a pipe, without waiting', () => {
    expect(spawnSync('mkfifo', [join(folder, 'pipe.py')]).status).toBe(0);
    expect(read(join(folder, 'pipe.py'))).toBeNull();
  });
});
