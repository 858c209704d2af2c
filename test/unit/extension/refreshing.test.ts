import { expect, test } from 'vitest';
import { Refreshing } from '../../../src/extension/runs/refreshing';

/** Readings that end on request, with a count of those that have begun. */
function readings() {
  const ends: (() => void)[] = [];
  const refreshing = new Refreshing(() => new Promise((resolve) => ends.push(resolve)));
  return { refreshing, ends };
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

test('requests during a read wait for one more read, however many there are', async () => {
  const { refreshing, ends } = readings();
  const asked = [refreshing.run(), refreshing.run(), refreshing.run()];
  let isDone = false;
  const all = Promise.all(asked).then(() => {
    isDone = true;
  });
  expect(ends).toHaveLength(1);
  ends[0]?.();
  await turn();
  expect(ends).toHaveLength(2);
  expect({ isDone, isUnderWay: refreshing.isUnderWay }).toEqual({ isDone: false, isUnderWay: true });
  ends[1]?.();
  await all;
  expect(ends).toHaveLength(2);
  expect(refreshing.isUnderWay).toBe(false);
});

test('a failed read is reported, and does not prevent the next', async () => {
  let count = 0;
  const refreshing = new Refreshing(async () => {
    if (++count === 1) throw new Error('unreadable');
  });
  await expect(refreshing.run()).rejects.toThrow('unreadable');
  await refreshing.run();
  expect(count).toBe(2);
});
