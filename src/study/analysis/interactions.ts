import type { StudyInteraction } from '../../protocol/study';
import { errorForVerdict, estimateOf, type Measured } from './estimates';
import { LEAST_DEGREES, twoSidedP } from './fit/distributions';
import { dot } from './fit/leastSquares';
import { holm } from './holm';
import { LEVEL, type Look } from './looks/schedule';
import { type InteractionTerm, type Model, weightsOf } from './model';

/**
 * Returns all fitted interactions, a Holm family of their own. At an early look each uses the look's level.
 *
 * @param intervalLevel maximum probability that an interval misses
 * @param isWithheld whether to show none
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
  const coefficients = measured.length > 0 ? model.fit.weights.map((weights) => dot(weights, values)) : [];
  return measured.map(({ term, estimate }, index) => {
    const p = adjusted[index] ?? null;
    return {
      pair: term.pair,
      levels: term.levels,
      estimate: estimateOf(estimate.value, errorForVerdict(estimate), intervalLevel),
      p,
      isShown: p !== null && p <= (look?.interaction.nominal ?? LEVEL),
      ...simpleEffects(model, term, coefficients),
    };
  });
}

/** Returns each level's effect without and with the other, averaged over the other factors. */
function simpleEffects(
  model: Model,
  { pair: [a, b], levels: [first, second] }: InteractionTerm,
  coefficients: readonly number[],
) {
  const terms = model.interactions.filter(({ pair }) => pair[0] === a && pair[1] === b);
  const main = (factor: number, level: number) =>
    coefficients[
      model.effects.find((each) => each.factor === factor && each.level === level)?.column ?? -1
    ] ?? 0;
  // An interaction's regressor is centered: at a level of the other factor it is the indicator minus its mean.
  const effect = (own: 0 | 1, level: number, otherLevel: number) => {
    const [factor, other] = own === 0 ? ([a, b] as const) : ([b, a] as const);
    const otherCount = model.levels[other] ?? 1;
    return terms.reduce(
      (sum, { levels, column }) => {
        if (levels[own] !== level) return sum;
        const share = (levels[1 - own] === otherLevel ? 1 : 0) - 1 / otherCount;
        return sum + share * (coefficients[column] ?? 0);
      },
      main(factor, level),
    );
  };
  return {
    firstWithout: effect(0, first, 0),
    firstWith: effect(0, first, second),
    secondWithout: effect(1, second, 0),
    secondWith: effect(1, second, first),
  };
}
