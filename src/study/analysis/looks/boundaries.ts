import normalCdf from '@stdlib/stats-base-dists-normal-cdf';

/** Significance level that one look may spend. */
export interface LookLevel {
  /** A hypothesis is rejected at this look if its p value is at most this. */
  readonly nominal: number;
  /** Cumulative significance level spent through this look. */
  readonly spent: number;
}

/** Returns how much of a significance level may be spent at an information fraction of 0 to 1. */
export type Spending = (information: number, level: number) => number;

const known = new Map<string, readonly LookLevel[]>();

/**
 * Returns the nominal p values per look such that the chance of a false rejection at any look is `level` (Lan and
 * DeMets 1983), by recursive integration (Armitage, McPherson and Rowe 1969). The levels are for a normal statistic
 * with independent increments. A t statistic is compared by its p value (Jennison and Turnbull 2000, 11.4).
 *
 * @param information information fraction of each look, increasing, above 0 and up to 1
 * @param sides 2 if extremes on either side reject, 1 for one side
 */
export function lookLevels(
  information: readonly number[],
  level: number,
  sides: 1 | 2,
  spending: Spending,
): readonly LookLevel[] {
  const spent = information.map((each) => spending(each, level));
  const key = `${sides} ${information.join()} ${spent.join()}`;
  let levels = known.get(key);
  if (!levels) {
    levels = newLookLevels(information, spent, sides);
    known.set(key, levels);
  }
  return levels;
}

/** Number of points of the density between the boundaries. Odd for Simpson's rule. */
const POINTS = 301;
/** Practical bound of a normal statistic. */
const FAR = 8.5;

function newLookLevels(information: readonly number[], spent: readonly number[], sides: 1 | 2): LookLevel[] {
  const levels: LookLevel[] = [];
  // Density of the statistic times the square root of its information, given that no look has rejected yet.
  let places: number[] = [0];
  let masses: number[] = [1];
  information.forEach((now, look) => {
    const step = Math.sqrt(now - (information[look - 1] ?? 0));
    const root = Math.sqrt(now);
    const share = (spent[look] ?? 0) - (spent[look - 1] ?? 0);
    const crossing = (boundary: number) =>
      masses.reduce((sum, mass, index) => {
        const place = places[index] ?? 0;
        const above = normalCdf((place - boundary * root) / step, 0, 1);
        return sum + mass * (above + (sides === 2 ? normalCdf((-boundary * root - place) / step, 0, 1) : 0));
      }, 0);
    let low = 0;
    let high = FAR;
    for (let halving = 0; halving < 60; halving++) {
      const middle = (low + high) / 2;
      if (crossing(middle) > share) low = middle;
      else high = middle;
    }
    const boundary = high;
    levels.push({ nominal: sides * normalCdf(-boundary, 0, 1), spent: spent[look] ?? 0 });
    const from = sides === 2 ? -boundary * root : -FAR * root;
    const width = (boundary * root - from) / (POINTS - 1);
    const next = Array.from({ length: POINTS }, (_, index) => from + index * width);
    const density = next.map((place) =>
      masses.reduce((sum, mass, index) => {
        const z = (place - (places[index] ?? 0)) / step;
        return sum + (mass * Math.exp(-0.5 * z * z)) / (step * Math.sqrt(2 * Math.PI));
      }, 0),
    );
    // Simpson weights turn densities into masses.
    masses = density.map((each, index) => {
      const factor = index === 0 || index === POINTS - 1 ? 1 : index % 2 === 1 ? 4 : 2;
      return (each * factor * width) / 3;
    });
    places = next;
  });
  return levels;
}
