import { Matrix, SingularValueDecomposition } from 'ml-matrix';

/** Least squares for one design, independent of the measured values. */
export interface LeastSquares {
  readonly runs: number;
  readonly rank: number;
  /** Residual degrees of freedom. */
  readonly degrees: number;
  /**
   * Per coefficient: the estimate is the sum of weight times value over the runs. Its variance is sigma^2 |weights|^2.
   */
  readonly weights: readonly Float64Array[];
  /** Whether the runs determine the coefficient. If not, its weights are meaningless. */
  readonly isEstimable: readonly boolean[];
  /** Symmetric matrix that maps values to residuals, [runs][runs]. */
  readonly residualMaker: readonly Float64Array[];
}

/** Singular values below this share of the largest count as zero. Designs of levels are far from it. */
const TOLERANCE = 1e-9;

/**
 * Prepares least squares by the pseudo-inverse, so a design with lost runs still yields all that it can.
 *
 * @param design [runs][coefficients]; at least one run and one coefficient
 */
export function leastSquaresOf(design: readonly (readonly number[])[]): LeastSquares {
  const runs = design.length;
  const columns = design[0]?.length ?? 0;
  const { values, left, right } = decompose(design);
  const rank = values.filter((value) => value > TOLERANCE * (values[0] ?? 0)).length;
  const weights = Array.from({ length: columns }, (_, column) => {
    const row = new Float64Array(runs);
    for (let k = 0; k < rank; k++) {
      const factor = right.get(column, k) / (values[k] ?? 1);
      for (let run = 0; run < runs; run++) row[run] = (row[run] ?? 0) + factor * left.get(run, k);
    }
    return row;
  });
  // A coefficient is estimable if the projector onto the design's row space preserves its unit vector.
  const isEstimable = weights.map((_, column) => {
    let kept = 0;
    for (let k = 0; k < rank; k++) kept += right.get(column, k) ** 2;
    return Math.abs(kept - 1) < 1e-7;
  });
  const residualMaker = Array.from({ length: runs }, (_, a) =>
    Float64Array.from({ length: runs }, (__, b) => {
      let hat = 0;
      for (let k = 0; k < rank; k++) hat += left.get(a, k) * left.get(b, k);
      return (a === b ? 1 : 0) - hat;
    }),
  );
  return { runs, rank, degrees: runs - rank, weights, isEstimable, residualMaker };
}

/** Returns the rank of a design, i.e. how many coefficients its runs can distinguish. */
export function rankOf(design: readonly (readonly number[])[]): number {
  const { values } = decompose(design);
  return values.filter((value) => value > TOLERANCE * (values[0] ?? 0)).length;
}

function decompose(design: readonly (readonly number[])[]): {
  values: number[];
  left: Matrix;
  right: Matrix;
} {
  const matrix = new Matrix(design.map((row) => [...row]));
  const { diagonal, leftSingularVectors, rightSingularVectors } = new SingularValueDecomposition(matrix, {
    autoTranspose: true,
  });
  const order = diagonal.map((_, index) => index).sort((a, b) => (diagonal[b] ?? 0) - (diagonal[a] ?? 0));
  return {
    values: order.map((index) => diagonal[index] ?? 0),
    left: leftSingularVectors.subMatrixColumn(order),
    right: rightSingularVectors.subMatrixColumn(order),
  };
}

/** Returns the residuals of one metric over the design's runs, in its unit. */
export function residualsOf(fit: LeastSquares, values: ArrayLike<number>): Float64Array {
  const residuals = new Float64Array(fit.runs);
  fit.residualMaker.forEach((row, run) => {
    residuals[run] = dot(row, values);
  });
  return residuals;
}

export function dot(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0;
  for (let index = 0; index < a.length; index++) sum += (a[index] ?? 0) * (b[index] ?? 0);
  return sum;
}
