import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { shardedOrder } from '../../../src/datasets/order';
import { nameTable, type SplitTable } from '../../../src/datasets/table';
import { Random } from '../../../src/training/random';

/** A table in which image i is in file `file[i]`. */
function tableOf(file: readonly number[]): Extract<SplitTable, { kind: 'ranges' }> {
  const files = Array.from({ length: Math.max(0, ...file) + 1 }, (_, index) => `${index}.tar`);
  return {
    kind: 'ranges',
    files,
    file: Uint32Array.from(file),
    offset: Float64Array.from(file.keys()),
    length: new Uint32Array(file.length),
    names: nameTable(file.map(String)),
    labels: new Uint32Array(file.length),
  };
}

const uniformOf = (seed: number) => {
  const random = Random.seeded(seed, 'shuffle');
  return () => random.uniform();
};

const shards = fc.array(fc.nat(6), { maxLength: 300 });

describe('shardedOrder', () => {
  it('has each image once, in the same order for the same random numbers', () => {
    fc.assert(
      fc.property(shards, fc.nat(), fc.integer({ min: 1, max: 40 }), (file, seed, buffer) => {
        const order = shardedOrder(tableOf(file), uniformOf(seed), buffer);
        expect([...order].sort((a, b) => a - b)).toEqual([...file.keys()]);
        expect(shardedOrder(tableOf(file), uniformOf(seed), buffer)).toEqual(order);
      }),
    );
  });

  it('reads ahead of its output by no more than the buffer', () => {
    fc.assert(
      fc.property(shards, fc.nat(), fc.integer({ min: 1, max: 40 }), (file, seed, buffer) => {
        const table = tableOf(file);
        const order = shardedOrder(table, uniformOf(seed), buffer);
        // With a buffer of one image, the same random numbers give only the files' order.
        const inShards = fileOrder(table, uniformOf(seed));
        const place = new Map(inShards.map((image, index) => [image, index]));
        for (const [index, image] of order.entries())
          expect(index).toBeGreaterThanOrEqual(place.get(image)! - buffer);
      }),
    );
  });

  it('keeps images near the position of their shard', () => {
    const images = 20_000;
    const table = tableOf(Array.from({ length: images }, (_, index) => Math.floor(index / 1000)));
    const order = shardedOrder(table, uniformOf(1), 500);
    const inShards = fileOrder(table, uniformOf(1));
    const place = new Map(inShards.map((image, index) => [image, index]));
    const delays = [...order].map((image, index) => index - place.get(image)!);
    const far = delays.filter((delay) => Math.abs(delay) > 5 * 500);
    // Each slot of the buffer is drawn with probability 1/500 per step: after 2,500 steps 0.7% remain.
    expect(far.length / images).toBeLessThan(0.02);
  });

  it('mixes within the buffer, and takes files in another order each time', () => {
    const one = tableOf(Array<number>(1000).fill(0));
    const order = shardedOrder(one, uniformOf(2));
    const fixed = [...order].filter((image, index) => image === index).length;
    expect(fixed).toBeLessThan(20);
    const many = tableOf(Array.from({ length: 400 }, (_, index) => Math.floor(index / 4)));
    const firsts = [1, 2, 3, 4].map((seed) => many.file[shardedOrder(many, uniformOf(seed), 1)[0]!]);
    expect(new Set(firsts).size).toBeGreaterThan(1);
  });

  it('gives every order of a small file the same probability', () => {
    const table = tableOf([0, 0, 0]);
    const counts = new Map<string, number>();
    const uniform = uniformOf(3);
    for (let trial = 0; trial < 6000; trial++) {
      const order = String(shardedOrder(table, uniform));
      counts.set(order, (counts.get(order) ?? 0) + 1);
    }
    expect(counts.size).toBe(6);
    // A binomial count of 6,000 trials at 1/6 has standard deviation 29.
    for (const count of counts.values()) expect(Math.abs(count - 1000)).toBeLessThan(150);
  });
});

/**
 * Computes the order in which the files are read from the same random numbers: the Fisher-Yates shuffle draws first.
 */
function fileOrder(table: Extract<SplitTable, { kind: 'ranges' }>, uniform: () => number): number[] {
  const files = [...table.files.keys()];
  for (let last = files.length - 1; last > 0; last--) {
    const other = Math.floor(uniform() * (last + 1));
    [files[last], files[other]] = [files[other]!, files[last]!];
  }
  return files.flatMap((file) => [...table.file.keys()].filter((image) => table.file[image] === file));
}
