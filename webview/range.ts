/** A range of the x axis, in steps. */
export interface Range {
  readonly min: number;
  readonly max: number;
}

/** Minimum number of steps in view when zooming. */
export const MIN_RANGE_STEPS = 10;

/** Scales the width of `range` by `factor` around its center, within `full`. */
export function zoomed(range: Range, factor: number, full: Range): Range {
  const middle = (range.min + range.max) / 2;
  const half = Math.max(MIN_RANGE_STEPS, (range.max - range.min) * factor) / 2;
  return within({ min: middle - half, max: middle + half }, full);
}

/** Moves `range` by `share` of its width, within `full`. */
export function panned(range: Range, share: number, full: Range): Range {
  const by = (range.max - range.min) * share;
  return within({ min: range.min + by, max: range.max + by }, full);
}

/** Whether `range` does not cover all of `full`. */
export function isNarrower(range: Range, full: Range): boolean {
  return range.min > full.min || range.max < full.max;
}

/** Moves `range` into `full`, and cuts it if it is wider. */
function within(range: Range, full: Range): Range {
  const width = Math.min(range.max - range.min, full.max - full.min);
  const min = Math.min(Math.max(range.min, full.min), full.max - width);
  return { min, max: min + width };
}
