import { mkdir, rm } from 'node:fs/promises';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { watchStore } from '../../../src/runs/feed/storeWatch';
import { notifyWatchers, runFolder, runsFolder } from '../../../src/runs/store';
import { temporaryFolder, until } from './support';

function watched(root: string) {
  const looks: boolean[] = [];
  const end = watchStore(root, (hasChanged) => looks.push(hasChanged));
  onTestFinished(end);
  return {
    looks,
    end,
    /** Returns how often the store was reported as changed. */
    changes: () => looks.filter(Boolean).length,
  };
}

describe('a watched store', () => {
  it('reports its creation, a new run, a changed state, and its deletion', async () => {
    const root = await temporaryFolder();
    const { changes } = watched(root);
    await mkdir(runsFolder(root), { recursive: true });
    await until(() => changes() === 1);
    await mkdir(runFolder(root, 'one'));
    await until(() => changes() === 2);
    await notifyWatchers(runFolder(root, 'one'));
    await until(() => changes() === 3);
    await rm(runsFolder(root), { recursive: true });
    await until(() => changes() === 4);
  });

  it('reports no change if there was none', async () => {
    const root = await temporaryFolder();
    await mkdir(runFolder(root, 'one'), { recursive: true });
    const { looks } = watched(root);
    await until(() => looks.length === 3);
    expect(looks).toEqual([false, false, false]);
  });

  it('is polled once for all watchers, until the last of them ends', async () => {
    const root = await temporaryFolder();
    const polls = vi.spyOn(globalThis, 'setInterval');
    onTestFinished(() => polls.mockRestore());
    const [first, second] = [watched(root), watched(`${root}/.`)];
    expect(polls).toHaveBeenCalledTimes(1);
    first.end();
    first.end();
    await mkdir(runFolder(root, 'one'), { recursive: true });
    await until(() => second.changes() === 1);
    expect(first.looks.filter(Boolean)).toEqual([]);
    second.end();
    const { length } = second.looks;
    await mkdir(runFolder(root, 'two'));
    const other = watched(await temporaryFolder());
    await until(() => other.looks.length === 2);
    expect(second.looks).toHaveLength(length);
  });
});
