import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readIdx } from '../../../src/datasets/formats/idx';
import { UserError } from '../../../src/shared/userError';
import { datasetFailure, idxBytes } from '../data/files';

const read = (bytes: Uint8Array, rank = 3) => readIdx(bytes, rank, '/data/images', 'Replace it.');

describe('readIdx', () => {
  it('reads dimensions and values', () => {
    const { dimensions, values } = read(idxBytes([2, 1, 3], Uint8Array.of(1, 2, 3, 4, 5, 6)));
    expect(dimensions).toEqual([2, 1, 3]);
    expect([...values]).toEqual([1, 2, 3, 4, 5, 6]);
  });

  it('returns what was written, for any sizes and values', () => {
    const size = fc.integer({ min: 1, max: 6 });
    const array = fc
      .array(size, { minLength: 1, maxLength: 4 })
      .chain((dimensions) =>
        fc.tuple(fc.constant(dimensions), fc.uint8Array(exactly(dimensions.reduce((a, b) => a * b)))),
      );
    fc.assert(
      fc.property(array, ([dimensions, values]) => {
        const read = readIdx(idxBytes(dimensions, values), dimensions.length, 'file', '');
        expect(read.dimensions).toEqual(dimensions);
        expect(Buffer.compare(read.values, values)).toBe(0);
      }),
    );
  });

  it('reads a file in the middle of a larger buffer', () => {
    const file = idxBytes([2], Uint8Array.of(7, 8));
    const padded = Buffer.concat([Buffer.from([9, 9, 9]), file, Buffer.from([9])]);
    expect([...read(padded.subarray(3, 3 + file.length), 1).values]).toEqual([7, 8]);
  });

  const whole = idxBytes([2, 1, 3], new Uint8Array(6));
  it.each([
    ['nothing at all', Buffer.alloc(0), 'The file is truncated: 0 of at least 16 bytes.'],
    ['half a header', whole.subarray(0, 9), 'The file is truncated: 9 of at least 16 bytes.'],
    ['a cut file', whole.subarray(0, 20), 'The file is truncated: 20 of 22 bytes.'],
    ['a file too long', Buffer.concat([whole, whole]), 'The file is too long: 44 bytes instead of 22.'],
    ['text', Buffer.from('<!doctype html><html>'), 'This is not an IDX file of unsigned bytes.'],
    [
      'floats',
      Buffer.from([0, 0, 0x0d, 3, ...whole.subarray(4)]),
      'This is not an IDX file of unsigned bytes.',
    ],
    ['labels for images', idxBytes([12], new Uint8Array(12)), 'The IDX file has 1 dimensions, not 3.'],
    [
      'no images',
      idxBytes([0, 28, 28], new Uint8Array()),
      'The IDX file is empty: its dimensions are 0 x 28 x 28.',
    ],
    [
      'sizes past any memory',
      idxBytes([60_000, 65_535, 65_535], new Uint8Array(8)),
      'The file is truncated: 24 of 257690173500016 bytes.',
    ],
  ])('refuses %s, naming file, reason and remedy', (_, bytes, what) => {
    let error: unknown;
    try {
      read(bytes);
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toBeInstanceOf(UserError);
    expect(datasetFailure(error as UserError)).toEqual({
      where: '/data/images',
      what,
      remedy: 'Replace it.',
    });
    expect((error as Error).message).toBe(`/data/images: ${what} Replace it.`);
  });

  it('gives a value or a UserError for any bytes', () => {
    const noise = fc.uint8Array({ maxLength: 64 });
    const spoilt = fc
      .tuple(fc.array(fc.integer({ min: 0, max: 4 }), { minLength: 1, maxLength: 4 }), noise, noise)
      .map(([dimensions, values, overlay]) => {
        const file = idxBytes(dimensions, values);
        const at = overlay.length % file.length;
        file.set(overlay.subarray(0, Math.min(2, file.length - at)), at);
        return file;
      });
    let values = 0;
    let errors = 0;
    fc.assert(
      fc.property(fc.oneof(noise, spoilt), fc.integer({ min: 1, max: 3 }), (bytes, rank) => {
        try {
          const array = read(bytes, rank);
          expect(array.values).toHaveLength(array.dimensions.reduce((a, b) => a * b));
          values++;
        } catch (error) {
          if (!(error instanceof UserError)) throw error;
          errors++;
        }
      }),
      { numRuns: 20_000, seed: 1 },
    );
    expect(values).toBeGreaterThan(0);
    expect(errors).toBeGreaterThan(0);
  });
});

function exactly(length: number) {
  return { minLength: length, maxLength: length };
}
