import { CholeskyDecomposition, type Matrix } from 'ml-matrix';
import type { StudySetting } from '../../protocol/study';
import { type AllowedSettings, randomSetting } from './allowed';
import { codesOf, mainRow } from './model';
import type { RandomBelow } from './random';
import { settingKey } from './request';

/** Sweeps over a block after which an exchange ends in any case; most end after three to five. */
const MOST_SWEEPS = 20;

/** A step is taken where it multiplies the determinant by more than this. */
const LEAST_GAIN = 1 + 1e-6;

/**
 * A block that is D-optimal for main effects, given what blocks before it say of them, by coordinate exchange (Meyer and
 * Nachtsheim 1995) from a random start: each run in turn takes the change of one factor's level that raises the determinant
 * most. Where combinations are impossible it may change two factors' levels at once, since one change alone can be barred. A
 * setting occurs once in a block: a second run of it with the same seed would be the same run. null where the start found
 * too few settings.
 */
export function exchangedBlock(
  allowed: AllowedSettings,
  runs: number,
  before: Matrix | null,
  below: RandomBelow,
): StudySetting[] | null {
  const settings = startOf(allowed, runs, below);
  if (!settings) return null;
  const codes = allowed.levels.map(codesOf);
  const rowOf = (setting: StudySetting) => [1, ...mainRow(setting, codes)];
  const used = new Set(settings.map(settingKey));
  for (let sweep = 0; sweep < MOST_SWEEPS; sweep++) {
    // Afresh for each sweep, so that rounding does not add up.
    let inverse = inverseWith(settings.map(rowOf), before);
    let changed = false;
    for (const [run, current] of settings.entries()) {
      const row = rowOf(current);
      let best: { gain: number; setting: StudySetting; row: number[] } | null = null;
      for (const setting of neighboursOf(current, allowed)) {
        if (used.has(settingKey(setting))) continue;
        const other = rowOf(setting);
        const gain = gainOf(inverse, row, other);
        if (gain > (best?.gain ?? LEAST_GAIN)) best = { gain, setting, row: other };
      }
      if (!best) continue;
      inverse = withRow(withRow(inverse, best.row, 1), row, -1);
      used.delete(settingKey(current));
      used.add(settingKey(best.setting));
      settings[run] = best.setting;
      changed = true;
    }
    if (!changed) break;
  }
  return settings;
}

/** Different allowed settings at random. */
function startOf(allowed: AllowedSettings, runs: number, below: RandomBelow): StudySetting[] | null {
  const settings = new Map<string, StudySetting>();
  if (allowed.all && allowed.all.length < 2 * runs) {
    const left = [...allowed.all];
    while (settings.size < runs && left.length > 0) {
      const [setting] = left.splice(below(left.length), 1) as [StudySetting];
      settings.set(settingKey(setting), setting);
    }
  }
  for (let attempt = 0; settings.size < runs && attempt < 50 * runs; attempt++) {
    const setting = randomSetting(allowed, below);
    if (!setting) return null;
    settings.set(settingKey(setting), setting);
  }
  return settings.size === runs ? [...settings.values()] : null;
}

/** Allowed settings that differ in one factor; where combinations are impossible, in one or two. */
function neighboursOf(setting: StudySetting, allowed: AllowedSettings): StudySetting[] {
  const { levels, isAllowed, mayBeConstrained } = allowed;
  const once = changesOf(setting, levels, 0);
  const twice = mayBeConstrained
    ? levels.flatMap((_, first) =>
        changesOfFactor(setting, levels, first).flatMap((changed) => changesOf(changed, levels, first + 1)),
      )
    : [];
  return [...once, ...twice].filter(isAllowed);
}

function changesOf(setting: StudySetting, levels: readonly number[], from: number): StudySetting[] {
  return levels.slice(from).flatMap((_, i) => changesOfFactor(setting, levels, from + i));
}

function changesOfFactor(setting: StudySetting, levels: readonly number[], factor: number): StudySetting[] {
  return Array.from({ length: levels[factor] as number }, (_, level) => level)
    .filter((level) => level !== setting[factor])
    .map((level) => setting.with(factor, level));
}

/** A square matrix row by row. */
type Square = readonly Float64Array[];

/** The inverse of the block's cross products with the mean, plus what blocks before it say of the main effects. */
function inverseWith(rows: readonly number[][], before: Matrix | null): Square {
  const width = rows[0]?.length ?? 0;
  let inverse: Square = Array.from({ length: width }, (_, i) => {
    const row = new Float64Array(width);
    // A little prior information keeps a start invertible that cannot estimate everything yet.
    row[i] = 1e4;
    return row;
  });
  for (const row of rows) inverse = withRow(inverse, row, 1);
  if (before) for (const row of squareRootRows(before)) inverse = withRow(inverse, [0, ...row], 1);
  return inverse;
}

/** Rows whose cross products are the matrix. */
function squareRootRows(matrix: Matrix): number[][] {
  const cholesky = new CholeskyDecomposition(matrix);
  return cholesky.isPositiveDefinite() ? cholesky.lowerTriangularMatrix.transpose().to2DArray() : [];
}

/** The inverse after a row's cross products are added (sign 1) or taken away (sign -1): Sherman and Morrison 1950. */
function withRow(inverse: Square, row: readonly number[], sign: 1 | -1): Square {
  const product = times(inverse, row);
  const scale = sign / (1 + sign * dot(product, row));
  return inverse.map((line, i) =>
    line.map((value, j) => value - scale * (product[i] as number) * (product[j] as number)),
  );
}

/** By how much the determinant is multiplied when one row takes the place of another (Fedorov 1972). */
function gainOf(inverse: Square, row: readonly number[], other: readonly number[]): number {
  const product = times(inverse, other);
  const old = times(inverse, row);
  return (1 + dot(product, other)) * (1 - dot(old, row)) + dot(product, row) ** 2;
}

function times(square: Square, row: readonly number[]): Float64Array {
  return Float64Array.from(square, (line) => dot(line, row));
}

function dot(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i] as number) * (b[i] as number);
  return sum;
}
