import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ByteReader } from '../../../src/datasets/formats/byteReader';
import { readColumns, writeColumns } from '../../../src/datasets/sources/columnFile';
import { GrowingNumbers } from '../../../src/datasets/sources/growingNumbers';
import { type PixelTable, takeImages } from '../../../src/datasets/sources/pixelTable';
import { temporaryFolder } from '../data/files';

describe('GrowingNumbers', () => {
  it.each([0, 1, 16_384, 16_385, 50_000])('holds %i numbers, which are then shared', (count) => {
    const numbers = new GrowingNumbers(Float64Array);
    for (let i = 0; i < count; i++) numbers.push(i * 2 ** 33);
    expect(numbers.length).toBe(count);
    const shared = numbers.share();
    expect(shared.buffer).toBeInstanceOf(SharedArrayBuffer);
    expect(shared).toEqual(Float64Array.from({ length: count }, (_, i) => i * 2 ** 33));
    expect(numbers.length).toBe(0);
  });
});

describe('takeImages', () => {
  it('moves every image to one side, in order and with its own pixels', () => {
    const images = fc.array(fc.record({ isTaken: fc.boolean(), label: fc.nat(5) }), { maxLength: 30 });
    fc.assert(
      fc.property(images, (given) => {
        const table: PixelTable = {
          kind: 'pixels',
          pixels: Uint8Array.from(given.flatMap((_, i) => [i, i + 100, i, i + 100])),
          height: 2,
          width: 2,
          channels: 1,
          labels: Uint32Array.from(given, ({ label }) => label),
        };
        const { kept, taken } = takeImages(table, (index) => given[index]!.isTaken, 'images');
        for (const [side, isTaken] of [
          [kept, false],
          [taken, true],
        ] as const) {
          const own = [...given.keys()].filter((index) => given[index]!.isTaken === isTaken);
          expect([...side.labels]).toEqual(own.map((index) => given[index]!.label));
          expect([...side.pixels]).toEqual(own.flatMap((i) => [i, i + 100, i, i + 100]));
        }
      }),
    );
  });
});

describe('readColumns', () => {
  it('reads what writeColumns wrote, into shared memory, and nothing if a byte is missing', async () => {
    const path = join(await temporaryFolder(), 'table');
    const columns = { a: Uint8Array.of(1, 2, 3), b: Float64Array.of(2 ** 40, 0.5), c: new Uint32Array(0) };
    await writeColumns(path, { name: 'x\u00e9' }, columns);
    const read = await readColumns(path);
    expect(read?.content).toEqual({ name: 'x\u00e9' });
    expect(Object.fromEntries(read!.columns)).toEqual(columns);
    expect(read!.columns.get('b')?.buffer).toBeInstanceOf(SharedArrayBuffer);
    const whole = await readFile(path);
    for (let length = 0; length < whole.length; length++) {
      await writeFile(path, whole.subarray(0, length));
      expect(await readColumns(path)).toBeNull();
    }
    await writeFile(path, Buffer.concat([whole, Buffer.alloc(8)]));
    expect(await readColumns(path)).toBeNull();
  });
});

describe('ByteReader', () => {
  it('reads any stream, whatever its chunks', async () => {
    const parts = fc.array(fc.uint8Array({ maxLength: 9 }), { maxLength: 9 });
    await fc.assert(
      fc.asyncProperty(parts, fc.array(fc.nat(12), { maxLength: 6 }), async (chunks, lengths) => {
        async function* stream() {
          yield* chunks;
        }
        const whole = Buffer.concat(chunks);
        const reader = new ByteReader(stream());
        let at = 0;
        for (const [index, length] of lengths.entries()) {
          const rest = whole.subarray(at, at + length);
          expect([...(await reader.peek(length))]).toEqual([...rest]);
          if (index % 2 === 0) expect([...(await reader.take(length))]).toEqual([...rest]);
          else {
            const target = new Uint8Array(length);
            expect(await reader.fill(target)).toBe(rest.length);
            expect([...target.subarray(0, rest.length)]).toEqual([...rest]);
          }
          at += rest.length;
        }
        expect(await reader.countRest(5)).toBe(Math.min(5, whole.length - at));
      }),
    );
  });
});
