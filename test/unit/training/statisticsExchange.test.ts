import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type BatchShards, wholeMoments, wholeSums } from '../../../src/backends/batchShards';
import { graphOf } from '../../../src/recipe/draft';
import {
  allocateExchange,
  breakExchange,
  ExchangeBrokenError,
  StatisticsExchange,
} from '../../../src/training/parallel/statisticsExchange';
import { smallRecipe } from '../../support/smallTraining';

/** Returns each shard's values as every shard receives them. */
function exchanged(images: readonly number[], parts: readonly Float64Array[]): BatchShards {
  return { images, exchange: () => parts };
}

function momentsOf(values: readonly number[]): { mean: number; variance: number } {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return { mean, variance: values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length };
}

describe('the moments of a batch', () => {
  const shard = fc.array(fc.double({ min: -1, max: 1, noNaN: true }), { minLength: 1, maxLength: 9 });

  test('follow from those of its shards, of any sizes, also if the mean is large', () => {
    fc.assert(
      fc.property(
        fc.array(shard, { minLength: 1, maxLength: 8 }),
        fc.constantFrom(0, 1e5),
        (shards, offset) => {
          const values = shards.map((each) => each.map((value) => value + offset));
          const parts = values.map((each) => {
            const { mean, variance } = momentsOf(each);
            return Float64Array.of(mean, variance);
          });
          const images = values.map(({ length }) => length);
          const [first] = parts as [Float64Array];
          const own = { mean: first.subarray(0, 1), variance: first.subarray(1) };
          const whole = wholeMoments(exchanged(images, parts), own);
          const expected = momentsOf(values.flat());
          expect(whole.mean[0]).toBeCloseTo(expected.mean, 9);
          expect(whole.variance[0]).toBeCloseTo(expected.variance, 9);
        },
      ),
    );
  });

  test('are sums in the order of the shards', () => {
    const parts = [Float64Array.of(2 ** 53, 1), Float64Array.of(1, 2), Float64Array.of(1, 4)];
    // Each 1 alone is lost when added to 2^53, but 1 + 1 would not be.
    expect([...wholeSums(exchanged([1, 1, 1], parts), Float64Array.of(1, 2))]).toEqual([2 ** 53, 7]);
  });
});

describe('a thread that waits for others', () => {
  const memory = () => allocateExchange(graphOf(smallRecipe()), 2);
  const values = Float64Array.of(1, 2);

  test('gives up if one of them is lost, before or while it waits', () => {
    const broken = memory();
    breakExchange(broken);
    const late = new StatisticsExchange(broken, 0, [1, 1]);
    expect(() => late.exchange(values)).toThrow(ExchangeBrokenError);
    const gone = new StatisticsExchange(memory(), 0, [1, 1], () => true);
    expect(() => gone.exchange(values)).toThrow(ExchangeBrokenError);
  });

  test('reports in the end that none answers', () => {
    const alone = new StatisticsExchange(memory(), 0, [1, 1], () => false, 200);
    expect(() => alone.exchange(values)).toThrow('A training thread does not respond.');
  });
});
