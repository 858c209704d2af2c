import { mkdir, readdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { bestCheckpointPath, currentCheckpointPath } from '../../../src/runs/checkpoint';
import {
  attemptFolder,
  beginAttempt,
  currentAttempt,
  currentFolder,
  readCurrent,
} from '../../../src/runs/lease/attemptFolders';
import { removeDeadFiles } from '../../../src/runs/lease/deadFiles';
import { claimLease } from '../../../src/runs/lease/lease';
import { temporaryFolder } from './support';

async function filesIn(folder: string): Promise<Record<string, string>> {
  const entries = await readdir(folder, { withFileTypes: true, recursive: true });
  const paths = entries
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name));
  return Object.fromEntries(
    await Promise.all(
      paths.map(async (path) => [path.slice(folder.length + 1), await readFile(path, 'utf8')]),
    ),
  );
}

describe('an attempt', () => {
  it('takes over what the one before it left, also of an earlier release, and removes that', async () => {
    const parent = join(await temporaryFolder(), 'files');
    await mkdir(join(parent, 'best'), { recursive: true });
    await writeFile(join(parent, 'last'), 'L');
    await writeFile(join(parent, 'best', 'metrics'), 'M');
    await writeFile(join(parent, 'last.UUID.tmp'), 'cut');
    expect([currentAttempt(parent), currentFolder(parent)]).toEqual([0, parent]);
    await beginAttempt(parent, 3);
    expect([currentAttempt(parent), currentFolder(parent)]).toEqual([3, join(parent, '3')]);
    expect(await filesIn(parent)).toEqual({ '3/last': 'L', '3/best/metrics': 'M' });
    // No second copy of a potentially large file.
    const { ino } = await stat(join(parent, '3', 'last'));
    await mkdir(join(parent, '4.tmp'));
    await beginAttempt(parent, 5);
    expect(await filesIn(parent)).toEqual({ '5/last': 'L', '5/best/metrics': 'M' });
    expect(await readdir(parent)).toEqual(['5']);
    expect((await stat(join(parent, '5', 'last'))).ino).toBe(ino);
  });

  it('that comes late takes nothing from a higher one, and is not read', async () => {
    const parent = join(await temporaryFolder(), 'files');
    await beginAttempt(parent, 2);
    await writeFile(join(parent, '2', 'last'), '2');
    await beginAttempt(parent, 6);
    await writeFile(join(parent, '6', 'last'), '6');
    await beginAttempt(parent, 4);
    expect(await filesIn(currentFolder(parent))).toEqual({ last: '6' });
    // Its files were deleted with its folder.
    await expect(writeFile(join(attemptFolder(parent, 2), 'last'), '2')).rejects.toThrow('ENOENT');
  });

  it('loses no file to a writer that is about to be fenced', async () => {
    for (let round = 0; round < 10; round++) {
      const parent = join(await temporaryFolder(), 'files');
      await beginAttempt(parent, 1);
      const own = attemptFolder(parent, 1);
      await writeFile(join(own, 'last'), '0');
      let writes = 0;
      let hasBegun = false;
      const writing = (async () => {
        while (!hasBegun) {
          await writeFile(join(own, 'new.tmp'), `${writes + 1}`);
          await rename(join(own, 'last'), join(own, 'previous'));
          await rename(join(own, 'new.tmp'), join(own, 'last'));
          writes += 1;
          await delay(5);
        }
      })().catch(() => {});
      await beginAttempt(parent, 3);
      hasBegun = true;
      await writing;
      const { last, previous } = await filesIn(currentFolder(parent));
      expect(Number(last ?? previous)).toBeGreaterThanOrEqual(0);
      expect(Number(last ?? previous)).toBeLessThanOrEqual(writes + 1);
    }
  });

  it('is read again if a new one took over its files meanwhile', async () => {
    const parent = join(await temporaryFolder(), 'files');
    await beginAttempt(parent, 1);
    await writeFile(join(parent, '1', 'last'), 'L');
    const text = await readCurrent(parent, async (folder) => {
      if (folder.endsWith('1')) await beginAttempt(parent, 2);
      return readFile(join(folder, 'last'), 'utf8');
    });
    expect(text).toBe('L');
    await expect(readCurrent(parent, (folder) => readFile(join(folder, 'none')))).rejects.toThrow('ENOENT');
  });

  it('does not recreate a deleted folder', async () => {
    const gone = join(await temporaryFolder(), 'gone', 'files');
    await expect(beginAttempt(gone, 1)).rejects.toThrow('ENOENT');
  });
});

describe('a recorded checkpoint', () => {
  it('is that of the current attempt, and no other file', async () => {
    const run = await temporaryFolder();
    const parent = join(run, 'checkpoints');
    await beginAttempt(parent, 4);
    for (const path of ['best.safetensors', '2/best.safetensors', '4/best.safetensors']) {
      expect(currentCheckpointPath(join(parent, path))).toBe(bestCheckpointPath(run));
    }
    for (const path of [join(parent, 'mine.safetensors'), join(run, 'best.safetensors')]) {
      expect(currentCheckpointPath(path)).toBe(path);
    }
  });
});

describe('leftovers of dead attempts', () => {
  it('are removed, except what a later one writes, and what is too new to be dead', async () => {
    const folder = await temporaryFolder();
    await writeFile(join(folder, 'lease.3'), JSON.stringify({ version: 1, released: true }));
    const { lease } = await claimLease(folder, 'training');
    expect(lease.attempt).toBe(4);
    const [dead, alive] = [
      [
        ...['run.json.UUID.tmp', 'run.json.3.UUID.tmp', 'lease.2.UUID.tmp', 'lease.4.UUID.tmp'],
        ...['reserve', 'reserve.3'],
      ],
      [
        ...['lease.4', 'run.json', 'run.json.4.UUID.tmp', 'run.json.5.UUID.tmp', 'lease.5.UUID.tmp'],
        ...['reserve.4', 'reserve.5', 'queue.json.UUID.tmp', 'stop.UUID.tmp', 'notes.txt'],
      ],
    ];
    for (const name of [...dead, ...alive]) if (name !== 'lease.4') await writeFile(join(folder, name), '');
    await rm(join(folder, 'lease.3'));
    await removeDeadFiles(folder, lease);
    expect((await readdir(folder)).sort()).toEqual([...alive].sort());
    // According to the file system's clock.
    const old = (await stat(lease.path)).mtimeMs / 1000 - 61;
    await utimes(join(folder, 'queue.json.UUID.tmp'), old, old);
    await removeDeadFiles(folder, lease);
    expect((await readdir(folder)).sort()).toEqual(
      alive.filter((name) => name !== 'queue.json.UUID.tmp').sort(),
    );
  });
});
