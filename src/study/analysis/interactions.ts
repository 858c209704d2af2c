import type { StudyInteraction, StudySetting } from '../../protocol/study';
import { errorForVerdict, estimateOf, type Measured } from './estimates';
import { LEAST_DEGREES, twoSidedP } from './fit/distributions';
import { dot } from './fit/leastSquares';
import { holm } from './holm';
import { LEVEL, type Look } from './looks/schedule';
import { type Contrast, contrastBetween, type InteractionTerm, type Model, weightsOf } from './model';

/**
 * All fitted interactions, a Holm family of their own. At an early look each has the look's level.
 *
 * @param intervalLevel what an interval misses with at most
 * @param isWithheld then none is shown
 */
export function interactionsOf(
  model: Model,
  values: ArrayLike<number>,
  measureBy: (weights: Float64Array) => Measured,
  look: Look | null,
  intervalLevel: number,
  isWithheld: boolean,
): StudyInteraction[] {
  const measured = model.interactions.flatMap((term) => {
    const weights = weightsOf(model, new Map([[term.column, 1]]));
    return weights ? [{ term, estimate: measureBy(weights) }] : [];
  });
  const raw = measured.map(({ estimate }) => {
    const error = errorForVerdict(estimate);
    if (isWithheld || !error || error.degrees < LEAST_DEGREES) return null;
    return twoSidedP(estimate.value / error.error, error.degrees);
  });
  const adjusted = look ? raw : holm(raw);
  return measured.map(({ term, estimate }, index) => {
    const p = adjusted[index] ?? null;
    return {
      pair: term.pair,
      levels: term.levels,
      estimate: estimateOf(estimate.value, errorForVerdict(estimate), intervalLevel),
      p,
      isShown: p !== null && p <= (look?.interaction.nominal ?? LEVEL),
      ...simpleEffects(model, term, values),
    };
  });
}

/** Each one's effect without and with the other, averaged over the other factors. */
function simpleEffects(model: Model, { pair, levels }: InteractionTerm, values: ArrayLike<number>) {
  const [a, b] = pair;
  const effect = (factor: number, level: number, other: number, otherLevel: number) => {
    const from = averaged(model, factor, 0, other, otherLevel);
    const weights = weightsOf(model, difference(averaged(model, factor, level, other, otherLevel), from));
    return weights ? dot(weights, values) : Number.NaN;
  };
  return {
    firstWithout: effect(a, levels[0], b, 0),
    firstWith: effect(a, levels[0], b, levels[1]),
    secondWithout: effect(b, levels[1], a, 0),
    secondWith: effect(b, levels[1], a, levels[0]),
  };
}

/** The prediction with two factors at given levels. The average over a third's levels has none of its terms. */
function averaged(model: Model, a: number, levelA: number, b: number, levelB: number): Contrast {
  const setting: StudySetting = model.levels.map((_, factor) =>
    factor === a ? levelA : factor === b ? levelB : 0,
  );
  const contrast = contrastBetween(
    model,
    setting,
    model.levels.map(() => 0),
  );
  const kept = new Set([
    ...model.effects.filter(({ factor }) => factor === a || factor === b).map(({ column }) => column),
    ...model.interactions
      .filter(({ pair }) => pair.includes(a) && pair.includes(b))
      .map(({ column }) => column),
  ]);
  return new Map([...contrast].filter(([column]) => kept.has(column)));
}

function difference(a: Contrast, b: Contrast): Contrast {
  const sum = new Map(a);
  for (const [column, factor] of b) sum.set(column, (sum.get(column) ?? 0) - factor);
  return sum;
}
