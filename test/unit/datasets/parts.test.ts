import { Worker } from 'node:worker_threads';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compareCodePoints } from '../../../src/datasets/codePoints';
import { LabelsBuilder, NameTableBuilder } from '../../../src/datasets/growing';
import { inOrder } from '../../../src/datasets/inOrder';
import { splitProblems } from '../../../src/datasets/listedSplits';
import { nameAt } from '../../../src/datasets/table';

const name = fc.string({ unit: 'binary', maxLength: 12 });

test('code points are in their order', () => {
  fc.assert(
    fc.property(name, name, (a, b) => {
      // UTF-8 bytes sort in code point order.
      const expected = Math.sign(Buffer.compare(Buffer.from(a), Buffer.from(b)));
      expect(Math.sign(compareCodePoints(a, b))).toBe(expected);
    }),
    {
      examples: [
        ['\ue000', '\u{1f600}'],
        ['a', 'ab'],
        ['', ''],
      ],
    },
  );
});

describe('growing tables', () => {
  test('contain what was added', () => {
    const names = fc.array(fc.string({ unit: 'binary', maxLength: 40 }), { maxLength: 50 });
    fc.assert(
      fc.property(names, (all) => {
        const builder = new NameTableBuilder();
        for (const each of all) builder.add(each);
        const table = builder.finish();
        expect(builder.count).toBe(all.length);
        expect(all.map((_, i) => nameAt(table, i))).toEqual(all);
        expect(table.starts).toHaveLength(all.length + 1);
      }),
    );
  });

  test('grow past their initial size, and are shared with a thread', async () => {
    const names = new NameTableBuilder();
    const labels = new LabelsBuilder();
    for (let i = 0; i < 100_000; i++) {
      names.add(`train/class ${i % 100}/image ${i}.jpg`);
      labels.add(i % 100);
    }
    const table = { names: names.finish(), labels: labels.finish() };
    expect(nameAt(table.names, 99_999)).toBe('train/class 99/image 99999.jpg');
    const thread = new Worker(
      `const { parentPort, workerData: { names: { text, starts }, labels } } = require('node:worker_threads');
       const last = Buffer.from(text.subarray(starts[99999], starts[100000])).toString();
       parentPort.postMessage({ last, label: labels[99999] });
       labels[0] = 7;`,
      { eval: true, workerData: table },
    );
    const [said] = await Promise.all([
      new Promise((resolve) => thread.once('message', resolve)),
      new Promise((resolve) => thread.once('exit', resolve)),
    ]);
    expect(said).toEqual({ last: 'train/class 99/image 99999.jpg', label: 99 });
    expect(table.labels[0]).toBe(7);
  });
});

describe('work in order', () => {
  test('yields by item, whichever ends first, with the given number in progress', async () => {
    const releases: (() => void)[] = [];
    let atWork = 0;
    let most = 0;
    const work = async (item: number) => {
      most = Math.max(most, ++atWork);
      await new Promise<void>((resolve) => releases.push(resolve));
      atWork--;
      return item * 10;
    };
    const results: number[] = [];
    const done = (async () => {
      for await (const { result } of inOrder([1, 2, 3, 4, 5], 3, work)) results.push(result);
    })();
    while (results.length < 5) {
      releases.pop()?.();
      await new Promise(setImmediate);
    }
    await done;
    expect(results).toEqual([10, 20, 30, 40, 50]);
    expect(most).toBe(3);
  });

  test('ends with the failure of the first item that fails', async () => {
    const work = (item: number) => (item > 2 ? Promise.reject(new Error(`${item}`)) : Promise.resolve(item));
    const results: number[] = [];
    const all = (async () => {
      for await (const { result } of inOrder([1, 2, 3, 4, 5], 3, work)) results.push(result);
    })();
    await expect(all).rejects.toThrow('3');
    expect(results).toEqual([1, 2]);
  });
});

test('a good split has no problems', () => {
  expect(splitProblems(['a', 'b'], Uint32Array.of(0, 1, 1), Uint32Array.of(1, 0))).toEqual([]);
});
