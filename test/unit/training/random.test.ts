import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Random } from '../../../src/training/random';

const seed = fc.integer({ min: 0, max: 2 ** 32 - 1 });
const STREAMS = ['initialization', 'dataOrder', 'augmentation'];

function draws(random: Random, count: number, draw = () => random.uniform()): number[] {
  return Array.from({ length: count }, draw);
}

function moments(values: readonly number[]): { mean: number; variance: number } {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;
  return { mean, variance };
}

describe('Random', () => {
  test('one seed and stream give one sequence, others another', () => {
    fc.assert(
      fc.property(seed, seed, (one, other) => {
        fc.pre(one !== other);
        const first = draws(Random.seeded(one, 'dataOrder'), 8);
        expect(draws(Random.seeded(one, 'dataOrder'), 8)).toEqual(first);
        expect(draws(Random.seeded(other, 'dataOrder'), 8)).not.toEqual(first);
        expect(draws(Random.seeded(one, 'augmentation'), 8)).not.toEqual(first);
      }),
    );
  });

  test('neighboring seeds are uncorrelated from the first number on', () => {
    const firsts = Array.from({ length: 4000 }, (_, index) =>
      Random.seeded(index, 'initialization').uniform(),
    );
    const { mean, variance } = moments(firsts);
    expect(mean).toBeCloseTo(1 / 2, 1);
    expect(variance).toBeCloseTo(1 / 12, 2);
    const products = firsts
      .slice(1)
      .map((value, index) => (value - mean) * ((firsts[index] as number) - mean));
    expect(Math.abs(moments(products).mean / variance)).toBeLessThan(0.06);
  });

  test('continues from a saved state that went through JSON, whatever was drawn before', () => {
    fc.assert(
      fc.property(seed, fc.constantFrom(...STREAMS), fc.nat(50), (value, stream, before) => {
        const random = Random.seeded(value, stream);
        draws(random, before);
        draws(random, before, () => random.normal());
        const restored = Random.restored(JSON.parse(JSON.stringify(random.state)));
        expect(draws(restored, 5, () => restored.normal())).toEqual(draws(random, 5, () => random.normal()));
      }),
    );
  });

  test('normal numbers have the normal distribution', () => {
    const random = Random.seeded(7, 'initialization');
    const values = draws(random, 100_000, () => random.normal());
    const { mean, variance } = moments(values);
    expect(Math.abs(mean)).toBeLessThan(0.02);
    expect(Math.abs(variance - 1)).toBeLessThan(0.02);
    for (const [limit, share] of [
      [0.5, 0.382925],
      [1, 0.682689],
      [2, 0.9545],
      [3, 0.9973],
    ] as const) {
      const within = values.filter((value) => Math.abs(value) < limit).length / values.length;
      expect(Math.abs(within - share)).toBeLessThan(0.007);
    }
  });

  test('whole numbers stay below their limit and reach all of it', () => {
    const random = Random.seeded(3, 'augmentation');
    const counts = [0, 0, 0, 0, 0];
    for (const value of draws(random, 10_000, () => random.below(5))) counts[value]!++;
    expect(counts).toHaveLength(5);
    for (const count of counts) expect(Math.abs(count - 2000)).toBeLessThan(200);
  });

  test('a shuffle is a permutation, and every permutation is as likely', () => {
    const random = Random.seeded(5, 'dataOrder');
    const counts = new Map<string, number>();
    for (let round = 0; round < 6000; round++) {
      const values = Uint32Array.of(0, 1, 2);
      random.shuffle(values);
      counts.set(values.join(), (counts.get(values.join()) ?? 0) + 1);
    }
    expect([...counts.keys()].sort()).toEqual(['0,1,2', '0,2,1', '1,0,2', '1,2,0', '2,0,1', '2,1,0']);
    for (const count of counts.values()) expect(Math.abs(count - 1000)).toBeLessThan(150);
  });
});
