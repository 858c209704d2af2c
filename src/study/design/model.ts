import { CholeskyDecomposition, Matrix } from 'ml-matrix';
import type { StudyBlock, StudyPlan, StudySetting } from '../../protocol/study';

/**
 * Encoding of levels in the model: numbers that sum to zero over a factor's levels, have mean square 1 and are
 * orthogonal (Helmert contrasts). For two levels these are -1 and 1.
 */
export type Codes = readonly (readonly number[])[];

export function codesOf(levels: number): Codes {
  return Array.from({ length: levels }, (_, level) =>
    Array.from({ length: levels - 1 }, (_, i) => {
      const scale = Math.sqrt(levels / ((i + 1) * (i + 2)));
      if (level > i + 1) return 0;
      return scale * (level === i + 1 ? i + 1 : -1);
    }),
  );
}

/** Returns a setting's main effects as a row of the model, without the mean. */
export function mainRow(setting: StudySetting, codes: readonly Codes[]): number[] {
  return setting.flatMap((level, factor) => codes[factor]?.[level] ?? []);
}

/** Returns the first column of each factor in a row, and one past the last. */
export function columnStarts(levels: readonly number[]): number[] {
  const starts = [0];
  for (const count of levels) starts.push((starts.at(-1) as number) + count - 1);
  return starts;
}

/** Returns the number of main-effect parameters: levels minus one, summed over the factors. */
export function mainParameters(levels: readonly number[]): number {
  return levels.reduce((sum, count) => sum + count - 1, 0);
}

/** Returns the number of levels of each factor that a plan runs. */
export function levelsRun(plan: Pick<StudyPlan, 'blocks'>): number[] {
  const counts: number[] = [];
  for (const { settings } of plan.blocks)
    for (const setting of settings)
      for (const [factor, level] of setting.entries())
        counts[factor] = Math.max(counts[factor] ?? 0, level + 1);
  return counts;
}

/** Returns the total number of runs in the blocks. */
export function runsOf(blocks: readonly StudyBlock[]): number {
  return blocks.reduce((sum, { settings }) => sum + settings.length, 0);
}

/** Computes a row for each run and subtracts the block means. The result is what remains when blocks are fitted. */
export function centredRows(
  blocks: readonly StudyBlock[],
  rowOf: (setting: StudySetting) => readonly number[],
): number[][] {
  return blocks.flatMap(({ settings }) => centred(settings.map(rowOf)));
}

function centred(rows: readonly (readonly number[])[]): number[][] {
  const means = (rows[0] ?? []).map(
    (_, i) => rows.reduce((sum, row) => sum + (row[i] as number), 0) / rows.length,
  );
  return rows.map((row) => row.map((value, i) => value - (means[i] as number)));
}

/** Computes the cross products of the rows with others, or with themselves. */
export function crossProducts(rows: readonly number[][], others: readonly number[][]): Matrix {
  const width = rows[0]?.length ?? 0;
  const otherWidth = others[0]?.length ?? 0;
  const sums = Array.from({ length: width }, () => new Float64Array(otherWidth));
  for (const [run, row] of rows.entries()) {
    const other = others[run] as number[];
    for (let i = 0; i < width; i++) {
      const value = row[i] as number;
      if (value === 0) continue;
      const line = sums[i] as Float64Array;
      for (let j = 0; j < otherWidth; j++) line[j] = (line[j] as number) + value * (other[j] as number);
    }
  }
  return new Matrix(sums);
}

/**
 * Returns the information matrix of the main effects with blocks fitted: the cross products of the centered columns.
 */
export function mainInformation(blocks: readonly StudyBlock[], levels: readonly number[]): Matrix {
  const codes = levels.map(codesOf);
  const rows = centredRows(blocks, (setting) => mainRow(setting, codes));
  return crossProducts(rows, rows);
}

/** Returns the inverse of a symmetric matrix; null if it is singular. */
export function inverseOf(information: Matrix): Matrix | null {
  // Relative to the matrix's own scale. The codes have mean square 1, so the diagonal is at most the number of runs.
  const scale = information.diagonal().reduce((most, value) => Math.max(most, value), 0);
  if (information.rows === 0 || scale <= 0) return null;
  const cholesky = new CholeskyDecomposition(information);
  if (!cholesky.isPositiveDefinite()) return null;
  const factor = cholesky.lowerTriangularMatrix;
  if (factor.diagonal().some((value) => value ** 2 < 1e-9 * scale)) return null;
  return cholesky.solve(Matrix.eye(information.rows));
}

/** Returns the determinant's root, which grows with the number of runs like the information on one parameter. */
export function rootDeterminant(information: Matrix): number {
  const cholesky = new CholeskyDecomposition(information);
  if (!cholesky.isPositiveDefinite()) return 0;
  const logarithm = cholesky.lowerTriangularMatrix
    .diagonal()
    .reduce((sum, value) => sum + 2 * Math.log(value), 0);
  return Math.exp(logarithm / information.rows);
}

/** Returns the indices of factors whose main effects are confounded with others. */
export function inseparableFactors(blocks: readonly StudyBlock[], levels: readonly number[]): number[] {
  const information = mainInformation(blocks, levels);
  if (inverseOf(information)) return [];
  const starts = columnStarts(levels);
  const all = rankOf(information, []);
  return levels.flatMap((count, factor) => {
    const start = starts[factor] as number;
    const own = Array.from({ length: count - 1 }, (_, i) => start + i);
    return rankOf(information, own) > all - own.length ? [factor] : [];
  });
}

/** Returns the rank of a symmetric matrix without some of its rows and columns, by elimination with diagonal pivots. */
function rankOf(matrix: Matrix, without: readonly number[]): number {
  const kept = Array.from({ length: matrix.rows }, (_, i) => i).filter((i) => !without.includes(i));
  const rest = kept.map((i) => kept.map((j) => matrix.get(i, j)));
  const scale = Math.max(...kept.map((i) => matrix.get(i, i)), 0);
  const left = new Set(kept.keys());
  for (let rank = 0; ; rank++) {
    const pivot = [...left].sort((a, b) => (rest[b]?.[b] as number) - (rest[a]?.[a] as number))[0];
    if (pivot === undefined || (rest[pivot]?.[pivot] as number) <= 1e-9 * scale) return rank;
    left.delete(pivot);
    const row = rest[pivot] as number[];
    for (const i of left) {
      const target = rest[i] as number[];
      const ratio = (target[pivot] as number) / (row[pivot] as number);
      for (const j of left) target[j] = (target[j] as number) - ratio * (row[j] as number);
    }
  }
}
