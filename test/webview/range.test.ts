import fc from 'fast-check';
import { expect, test } from 'vitest';
import { isNarrower, MIN_RANGE_STEPS, panned, type Range, zoomed } from '../../webview/range';

const full: Range = { min: 0, max: 1000 };
const ranges = fc
  .tuple(fc.double({ min: 0, max: 900, noNaN: true }), fc.double({ min: 20, max: 100, noNaN: true }))
  .map(([min, width]): Range => ({ min, max: min + width }));

test('zooming in keeps the middle and halves the width', () => {
  expect(zoomed({ min: 200, max: 600 }, 1 / 2, full)).toEqual({ min: 300, max: 500 });
});

test('zooming in ends at the least range', () => {
  expect(zoomed({ min: 500, max: 512 }, 1 / 2, full)).toEqual({ min: 501, max: 501 + MIN_RANGE_STEPS });
});

test('zooming out ends at the full range', () => {
  const out = zoomed({ min: 100, max: 900 }, 2, full);
  expect(out).toEqual(full);
  expect(isNarrower(out, full)).toBe(false);
});

test('panning keeps the width and stays in the full range', () => {
  fc.assert(
    fc.property(ranges, fc.double({ min: -20, max: 20, noNaN: true }), (range, share) => {
      const moved = panned(range, share, full);
      expect(moved.max - moved.min).toBeCloseTo(range.max - range.min, 6);
      expect(moved.min).toBeGreaterThanOrEqual(full.min);
      expect(moved.max).toBeLessThanOrEqual(full.max + 1e-9);
    }),
  );
});

test('a training shorter than the least range is shown whole', () => {
  const short: Range = { min: 0, max: 4 };
  expect(zoomed(short, 1 / 2, short)).toEqual(short);
});
