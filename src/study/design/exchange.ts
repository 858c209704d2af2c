import { CholeskyDecomposition, type Matrix } from 'ml-matrix';
import type { StudySetting } from '../../protocol/study';
import { type AllowedSettings, randomSetting } from './allowed';
import { codesOf, mainRow } from './model';
import type { RandomBelow } from './random';

/** Upper limit on the sweeps of an exchange over a block. Most end after three to five. */
const MOST_SWEEPS = 20;

/** A step is taken if it multiplies the determinant by more than this. */
const LEAST_GAIN = 1 + 1e-6;

/** If at most this many settings are allowed, all of them are tried in place of a run. */
const FEW = 128;

/** Numbered settings, with cached data that an exchange needs repeatedly. A pool only caches results. */
export interface SettingPool {
  readonly allowed: AllowedSettings;
  /** Increment of a setting's number per level of each factor. */
  readonly strides: readonly number[];
  /** All allowed settings, by number, if rules leave only a few. */
  readonly few: readonly number[] | null;
  numberOf(setting: StudySetting): number;
  levelOf(number: number, factor: number): number;
  /** Returns the setting's model row, mean first; null if the setting is not allowed. */
  rowOf(number: number): Float64Array | null;
}

export function settingPool(allowed: AllowedSettings): SettingPool {
  const { levels } = allowed;
  const codes = levels.map(codesOf);
  const strides = levels.map((_, i) => levels.slice(0, i).reduce((product, count) => product * count, 1));
  const rows = new Map<number, Float64Array | null>();
  const levelOf = (number: number, factor: number) =>
    Math.floor(number / (strides[factor] as number)) % (levels[factor] as number);
  const numberOf = (setting: StudySetting) =>
    setting.reduce((sum, level, i) => sum + level * (strides[i] as number), 0);
  const { all, isConstrained } = allowed;
  return {
    allowed,
    strides,
    few: all && isConstrained && all.length <= FEW ? all.map(numberOf) : null,
    levelOf,
    numberOf,
    rowOf(number) {
      let row = rows.get(number);
      if (row === undefined) {
        const setting = levels.map((_, factor) => levelOf(number, factor));
        row = allowed.isAllowed(setting) ? Float64Array.from([1, ...mainRow(setting, codes)]) : null;
        rows.set(number, row);
      }
      return row;
    },
  };
}

/**
 * Finds a block that is D-optimal for main effects given the earlier blocks, by coordinate exchange (Meyer and
 * Nachtsheim 1995) from a random start. Each run in turn takes the single level change that raises the determinant
 * most. If that change alone is impossible, it may come with a change of another factor. A setting occurs at most once
 * per block, because a second run of it with the same seed would be identical. Null if the start found too few
 * settings.
 */
export function exchangedBlock(
  pool: SettingPool,
  runs: number,
  before: Matrix | null,
  below: RandomBelow,
): StudySetting[] | null {
  const numbers = startOf(pool, runs, below);
  if (!numbers) return null;
  const used = new Set(numbers);
  const rowOf = (number: number) => pool.rowOf(number) as Float64Array;
  for (let sweep = 0; sweep < MOST_SWEEPS; sweep++) {
    // Recomputed for each sweep, so that rounding errors do not accumulate.
    const inverse = inverseWith(numbers.map(rowOf), before);
    let changed = false;
    for (const [run, current] of numbers.entries()) {
      const row = rowOf(current);
      const product = times(inverse, row);
      const own = 1 - dot(product, row);
      let best = { gain: LEAST_GAIN, number: current };
      for (const number of neighborsOf(current, pool)) {
        if (used.has(number)) continue;
        const other = rowOf(number);
        const { variance, covariance } = changedBy(inverse, row, product, other);
        // Factor by which the determinant grows when one row replaces another (Fedorov 1972).
        const gain = (2 - own + variance) * own + (1 - own + covariance) ** 2;
        if (gain > best.gain) best = { gain, number };
      }
      if (best.number === current) continue;
      addRow(inverse, rowOf(best.number), 1);
      addRow(inverse, row, -1);
      used.delete(current);
      used.add(best.number);
      numbers[run] = best.number;
      changed = true;
    }
    if (!changed) break;
  }
  return numbers.map((number) => pool.allowed.levels.map((_, factor) => pool.levelOf(number, factor)));
}

/** Picks distinct random allowed settings, by number. */
function startOf(pool: SettingPool, runs: number, below: RandomBelow): number[] | null {
  const { allowed } = pool;
  const numbers = new Set<number>();
  if (allowed.all && allowed.all.length < 2 * runs) {
    // Most of the settings are needed, and drawing with replacement would take long to hit them.
    const left = allowed.all.map(pool.numberOf);
    while (numbers.size < runs && left.length > 0)
      numbers.add(left.splice(below(left.length), 1)[0] as number);
  }
  for (let attempt = 0; numbers.size < runs && attempt < 50 * runs; attempt++) {
    const setting = randomSetting(allowed, below);
    if (!setting) return null;
    numbers.add(pool.numberOf(setting));
  }
  return numbers.size === runs ? [...numbers] : null;
}

/**
 * Returns allowed settings that differ in one factor's level, or in two if the single change is not allowed. If rules
 * leave only a few settings, returns all of them, because they may be too far apart for single steps.
 */
function neighborsOf(number: number, pool: SettingPool): readonly number[] {
  if (pool.few) return pool.few;
  const neighbors: number[] = [];
  const once = changesOf(number, pool);
  for (const changed of once) {
    if (pool.rowOf(changed)) neighbors.push(changed);
    else
      for (const further of changesOf(changed, pool))
        if (further !== number && pool.rowOf(further)) neighbors.push(further);
  }
  return neighbors;
}

function changesOf(number: number, { allowed, strides, levelOf }: SettingPool): number[] {
  const changes: number[] = [];
  for (const [factor, count] of allowed.levels.entries()) {
    const current = levelOf(number, factor);
    for (let level = 0; level < count; level++)
      if (level !== current) changes.push(number + (level - current) * (strides[factor] as number));
  }
  return changes;
}

/** A symmetric matrix as rows. */
type Square = readonly Float64Array[];

/**
 * Inverts the block's cross products, including the mean, plus the information of earlier blocks about the main
 * effects.
 */
function inverseWith(rows: readonly Float64Array[], before: Matrix | null): Square {
  const width = rows[0]?.length ?? 0;
  const inverse = Array.from({ length: width }, (_, i) => {
    const row = new Float64Array(width);
    // A little prior information keeps the matrix invertible for a start that cannot estimate everything yet.
    row[i] = 1e4;
    return row;
  });
  for (const row of rows) addRow(inverse, row, 1);
  for (const row of before ? squareRootRows(before) : []) addRow(inverse, [0, ...row], 1);
  return inverse;
}

/** Returns rows with this matrix as their cross products. */
function squareRootRows(matrix: Matrix): number[][] {
  const cholesky = new CholeskyDecomposition(matrix);
  return cholesky.isPositiveDefinite() ? cholesky.lowerTriangularMatrix.transpose().to2DArray() : [];
}

/** Updates an inverse after a row's cross products are added (sign 1) or subtracted (-1): Sherman and Morrison 1950. */
function addRow(inverse: Square, row: ArrayLike<number>, sign: 1 | -1): void {
  const product = times(inverse, row);
  const scale = sign / (1 + sign * dot(product, row));
  for (let i = 0; i < inverse.length; i++) {
    const line = inverse[i] as Float64Array;
    const factor = scale * (product[i] as number);
    for (let j = 0; j < line.length; j++) line[j] = (line[j] as number) - factor * (product[j] as number);
  }
}

/**
 * Returns by how much another row's quadratic form in the inverse, and its product with the row, exceed the row's own.
 * `product` is the inverse times the row. Rows differ only in the columns of one or two factors, so this costs a
 * fraction of the full products.
 */
function changedBy(
  inverse: Square,
  row: ArrayLike<number>,
  product: ArrayLike<number>,
  other: ArrayLike<number>,
): { variance: number; covariance: number } {
  const columns: number[] = [];
  for (let i = 0; i < row.length; i++) if (row[i] !== other[i]) columns.push(i);
  let covariance = 0;
  let square = 0;
  for (const i of columns) {
    const change = (other[i] as number) - (row[i] as number);
    covariance += change * (product[i] as number);
    const line = inverse[i] as Float64Array;
    for (const j of columns)
      square += change * ((other[j] as number) - (row[j] as number)) * (line[j] as number);
  }
  return { variance: 2 * covariance + square, covariance };
}

function times(square: Square, row: ArrayLike<number>): Float64Array {
  const product = new Float64Array(square.length);
  for (let i = 0; i < square.length; i++) product[i] = dot(square[i] as Float64Array, row);
  return product;
}

function dot(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i] as number) * (b[i] as number);
  return sum;
}
