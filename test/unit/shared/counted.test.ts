import { describe, expect, test } from 'vitest';
import { type Counted, counted } from '../../../src/shared/counted';

describe('a count with its noun', () => {
  test.each<[number, Counted, string]>([
    [1, 'epoch', '1 epoch'],
    [0, 'epoch', '0 epochs'],
    [2, 'epoch', '2 epochs'],
    [0.5, 'epoch', '0.5 epochs'],
    [12_000, 'image', '12,000 images'],
    [1, 'class', '1 class'],
    [1, 'row', '1 row'],
    [1, 'time', 'once'],
    [3, 'time', '3 times'],
  ])('%f %s is %s', (count, noun, text) => {
    expect(counted(count, noun)).toBe(text);
  });

  test('has a form of its own for one of each', () => {
    const nouns: Record<Counted, true> = {
      ...{
        epoch: true,
        step: true,
        batch: true,
        block: true,
        image: true,
        class: true,
        line: true,
      },
      ...{ row: true, sample: true, shard: true, path: true },
      ...{ run: true, trial: true, factor: true, setting: true, hour: true, tensor: true },
      ...{ value: true, parameter: true, thread: true, time: true },
    };
    for (const noun of Object.keys(nouns) as Counted[]) {
      expect(counted(1, noun)).not.toBe(counted(2, noun).replace('2', '1'));
    }
  });
});
