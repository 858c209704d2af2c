import { describe, expect, test } from 'vitest';
import { inTurn } from '../../../src/training/loop/pipeline';

const noStop = new AbortController().signal;

describe('inTurn', () => {
  test('passes each result on while the next work is in progress', async () => {
    const log: string[] = [];
    const start = async (index: number) => {
      log.push(`start ${index}`);
      return index * index;
    };
    await inTurn(3, noStop, start, (result, index) => {
      log.push(`${index}: ${result}`);
    });
    expect(log).toEqual(['start 0', 'start 1', '0: 0', 'start 2', '1: 1', '2: 4']);
  });

  test('does nothing without work', async () => {
    await inTurn(
      0,
      noStop,
      () => Promise.reject(new Error('no')),
      () => {},
    );
  });

  test('when stopped, passes on the started work and then ends with the reason', async () => {
    const stop = new AbortController();
    const finished: number[] = [];
    const works = inTurn(
      10,
      stop.signal,
      async (index) => {
        if (index === 4) stop.abort('enough');
        return index;
      },
      (index) => {
        finished.push(index);
      },
    );
    await expect(works).rejects.toBe('enough');
    expect(finished).toEqual([0, 1, 2, 3, 4]);
  });

  test('lets timers, signals and messages through between works', async () => {
    let ticks = 0;
    const timer = setInterval(() => ticks++, 0);
    await inTurn(
      50,
      noStop,
      async () => {
        for (const start = performance.now(); performance.now() - start < 2; );
      },
      () => {},
    );
    clearInterval(timer);
    expect(ticks).toBeGreaterThan(10);
  });

  test.each([
    ['a work', 'start'],
    ['handing on a result', 'finish'],
  ] as const)('an error of %s ends it', async (_, place) => {
    let startedWorks = 0;
    const fail = (at: string, index: number) => {
      if (at === place && index === 2) throw new Error('broken');
    };
    const works = inTurn(
      10,
      noStop,
      async (index) => {
        startedWorks++;
        fail('start', index);
      },
      (_result, index) => fail('finish', index),
    );
    await expect(works).rejects.toThrow('broken');
    expect(startedWorks).toBe(place === 'start' ? 3 : 4);
  });
});
