import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  formatAccuracy,
  formatAge,
  formatBytes,
  formatCount,
  formatDuration,
  formatFixed,
  formatNumber,
  formatPercent,
  formatProgress,
  formatSpeed,
  roughBytes,
} from '../../../src/shared/format';

/** Parses a text such as '2 h 05 min' to seconds. */
function secondsIn(text: string): number {
  const units: Readonly<Record<string, number>> = { s: 1, min: 60, h: 3600, d: 86_400 };
  return [...text.matchAll(/(\d+) (s|min|h|d)\b/g)].reduce(
    (sum, [, value, unit = '']) => sum + Number(value) * (units[unit] ?? Number.NaN),
    0,
  );
}

describe('a number', () => {
  test.each([
    [0.1 + 0.2, '0.3'],
    [0.000025, '0.000025'],
    [12_345, '12350'],
    [0, '0'],
  ])('%f is %s', (value, text) => {
    expect(formatNumber(value)).toBe(text);
  });

  test('is parsed back to its digits', () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) => {
        expect(Number(formatNumber(value, 4))).toBe(Number(value.toPrecision(4)));
      }),
    );
  });
});

describe('bytes', () => {
  test.each([
    [0, '0 bytes', '0 MiB'],
    [812 * 2 ** 20, '812 MiB', '812 MiB'],
    [1.625 * 2 ** 30, '1.63 GiB', '1.6 GiB'],
    [1023.9 * 2 ** 20, '1 GiB', '1024 MiB'],
  ])('%d are %s, roughly %s', (bytes, exactly, roughly) => {
    expect(formatBytes(bytes)).toBe(exactly);
    expect(roughBytes(bytes)).toBe(roughly);
  });
});

describe('a count', () => {
  test.each([
    [0, '0'],
    [999, '999'],
    [12_000, '12,000'],
    [25_557_032, '25,557,032'],
  ])('%d is %s', (value, text) => {
    expect(formatCount(value)).toBe(text);
  });

  test('has a separator before every third digit from the right, and otherwise only digits', () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), (value) => {
        const text = formatCount(value);
        expect(text).toMatch(/^\d{1,3}(,\d{3})*$/);
        expect(Number(text.replaceAll(',', ''))).toBe(value);
      }),
    );
  });
});

describe('a percentage', () => {
  test.each([
    [0.9123, '91.23%'],
    [0.7613, '76.13%'],
    [0.28125, '28.13%'],
    [1, '100.00%'],
    [0, '0.00%'],
  ])('a share of %f is %s', (share, text) => {
    expect(formatPercent(share)).toBe(text);
  });

  test('distinguishes any two shares of ten thousand images', () => {
    fc.assert(
      fc.property(fc.nat(10_000), (right) => {
        expect(formatPercent(right / 10_000)).toBe(`${(right / 100).toFixed(2)}%`);
      }),
    );
  });
});

describe('an accuracy', () => {
  test.each([
    [0.9123, 10_000, '91.23%'],
    [0.7295, 2000, '72.95%'],
    [0.6365, 2000, '63.65%'],
    [0.729, 1000, '72.9%'],
    // Ties. Their floating-point values are above or below the exact tie.
    [0.6365, 400, '63.7%'],
    [0.6355, 400, '63.6%'],
    [0.28125, 3200, '28.13%'],
    [0.285, 200, '28.5%'],
    [1, 16, '100.0%'],
    [0, 50_000, '0.00%'],
  ])('of %f over %i images is %s', (share, images, text) => {
    expect(formatAccuracy(share, images)).toBe(text);
  });

  test('is the exact fraction, rounded half up', () => {
    fc.assert(
      fc.property(
        fc
          .integer({ min: 1, max: 1_000_000 })
          .chain((images) => fc.tuple(fc.nat(images), fc.constant(images))),
        ([right, images]) => {
          const power = images > 1000 ? 100n : 10n;
          const [n, of] = [BigInt(right), BigInt(images)];
          const units = (2n * 100n * power * n + of) / (2n * of);
          const digits = images > 1000 ? 2 : 1;
          const text = `${units / power}.${String(units % power).padStart(digits, '0')}%`;
          expect(formatAccuracy(right / images, images)).toBe(text);
        },
      ),
    );
  });

  test.each([2, 100, 1000])('distinguishes one image of %i more or less', (images) => {
    const texts = Array.from({ length: images + 1 }, (_, right) => formatAccuracy(right / images, images));
    expect(new Set(texts).size).toBe(images + 1);
  });
});

describe('a number with fixed decimals', () => {
  test.each([
    [0.005, 2, '0.01'],
    [1.005, 2, '1.01'],
    [-1.005, 2, '-1.01'],
    [-0.004, 2, '0.00'],
    [4.885, 2, '4.89'],
    [12, 0, '12'],
  ])('%f to %i is %s', (value, digits, text) => {
    expect(formatFixed(value, digits)).toBe(text);
  });
});

describe('progress', () => {
  test.each([
    [0, '0%'],
    [0.29, '29%'],
    [0.4299, '42%'],
    [0.9999, '99%'],
    [1, '100%'],
  ])('a share of %f is %s', (share, text) => {
    expect(formatProgress(share)).toBe(text);
  });

  test('never runs ahead of the work, nor two hundredths behind it', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 1_000_000 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (of, at) => {
          const done = Math.floor(of * at);
          const shown = Number.parseInt(formatProgress(done / of), 10);
          expect(shown * of).toBeLessThanOrEqual(100 * done);
          expect((shown + 1) * of).toBeGreaterThan(100 * done);
        },
      ),
    );
  });
});

describe('a duration', () => {
  test.each([
    [0, '0 s'],
    [-0.005, '0 s'],
    [44.6, '45 s'],
    [59.499, '59 s'],
    [59.5, '1 min 00 s'],
    [185, '3 min 05 s'],
    [3599.6, '1 h 00 min'],
    [7800, '2 h 10 min'],
  ])('%f seconds are %s', (seconds, text) => {
    expect(formatDuration(seconds)).toBe(text);
  });

  test('shows its seconds, from an hour on its minutes', () => {
    fc.assert(
      fc.property(fc.nat(1_000_000), (seconds) => {
        const said = secondsIn(formatDuration(seconds));
        expect(said).toBe(seconds < 3600 ? seconds : seconds - (seconds % 60));
      }),
    );
  });
});

describe('an age', () => {
  test.each([
    [-5, 'now'],
    [59.9, 'now'],
    [60, '1 min'],
    [3599, '59 min'],
    [3600, '1 h'],
    [86_399, '23 h'],
    [86_400, '1 d'],
    [1_000_000, '11 d'],
  ])('%f seconds ago was %s', (seconds, text) => {
    expect(formatAge(seconds)).toBe(text);
  });

  test('is never more than the actual one, and more than half of it', () => {
    fc.assert(
      fc.property(fc.integer({ min: 60, max: 1_000_000_000 }), (seconds) => {
        const said = secondsIn(formatAge(seconds));
        expect(said).toBeLessThanOrEqual(seconds);
        expect(said).toBeGreaterThan(seconds / 2);
      }),
    );
  });
});

describe('a speed', () => {
  test.each([
    [71.6, '72 images/s'],
    [2.345, '2.3 images/s'],
    [9.96, '10 images/s'],
    [12_345, '12,345 images/s'],
  ])('%f a second is %s', (speed, text) => {
    expect(formatSpeed(speed)).toBe(text);
  });
});
