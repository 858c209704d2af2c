import type { StudySetting } from '../../protocol/study';
import { dot } from './fit/leastSquares';
import { contrastBetween, type Model, weightsOf } from './model';

/** Up to this many settings are predicted exhaustively. */
const MOST_LISTED = 20_000;
/** At most this many settings, best first, are checked for being allowed. */
const MOST_ASKED = 5_000;

/**
 * Returns the allowed setting with the best prediction. Levels with coefficients that the runs do not determine stay at
 * 0.
 *
 * @param tried settings that were run; with very many settings the search starts from the best of them
 * @returns null if none of the settings found is allowed
 */
export function bestSetting(
  model: Model,
  values: ArrayLike<number>,
  higherIsBetter: boolean,
  tried: readonly StudySetting[],
  isAllowed: (setting: StudySetting) => boolean,
): StudySetting | null {
  const coefficients = model.fit.weights.map((weights) => dot(weights, values));
  const choices = model.levels.map((count, factor) => [
    0,
    ...Array.from({ length: count - 1 }, (_, index) => index + 1).filter((level) => {
      const term = model.effects.find((each) => each.factor === factor && each.level === level);
      return term !== undefined && model.fit.isEstimable[term.column];
    }),
  ]);
  const reference = model.levels.map(() => 0);
  const predict = predictor(model, coefficients, higherIsBetter ? 1 : -1);
  if (model.interactions.length === 0) {
    const best = choices.map((levels, factor) => bestAlone(levels, factor, reference, predict));
    if (isAllowed(best)) return best;
  }
  const count = choices.reduce((product, of) => product * of.length, 1);
  if (count <= MOST_LISTED) {
    const sorted = allSettings(choices)
      .map((setting) => ({ setting, predicted: predict(setting) }))
      .sort((a, b) => b.predicted - a.predicted);
    return sorted.find(({ setting }) => isAllowed(setting))?.setting ?? null;
  }
  return climb(choices, predict, [reference, ...tried], isAllowed);
}

/** Hill-climbs from the best allowed start by changing one factor at a time. */
function climb(
  choices: readonly (readonly number[])[],
  predict: (setting: StudySetting) => number,
  starts: readonly StudySetting[],
  isAllowed: (setting: StudySetting) => boolean,
): StudySetting | null {
  const isKnown = (setting: StudySetting) =>
    setting.every((level, factor) => choices[factor]?.includes(level));
  let asked = 0;
  let best: { setting: StudySetting; predicted: number } | null = null;
  for (const start of starts) {
    if (!isKnown(start) || !isAllowed(start)) continue;
    const predicted = predict(start);
    if (!best || predicted > best.predicted) best = { setting: start, predicted };
  }
  while (best && asked < MOST_ASKED) {
    const { setting, predicted }: { setting: StudySetting; predicted: number } = best;
    const better = choices
      .flatMap((levels, factor) =>
        levels.filter((level) => level !== setting[factor]).map((level) => setting.with(factor, level)),
      )
      .map((each) => ({ setting: each, predicted: predict(each) }))
      .filter((each) => each.predicted > predicted)
      .sort((a, b) => b.predicted - a.predicted)
      .find((each) => {
        asked++;
        return isAllowed(each.setting);
      });
    if (!better) break;
    best = better;
  }
  return best?.setting ?? null;
}

/** Returns a function that predicts settings from precomputed tables. */
function predictor(
  { levels, effects, interactions }: Model,
  coefficients: readonly number[],
  sign: 1 | -1,
): (setting: StudySetting) => number {
  const main = levels.map((count) => new Float64Array(count));
  for (const { factor, level, column } of effects) {
    const table = main[factor];
    if (table) table[level] = sign * (coefficients[column] ?? 0);
  }
  const terms = interactions.map((term) => ({
    ...term,
    coefficient: sign * (coefficients[term.column] ?? 0),
    shares: [1 / (levels[term.pair[0]] ?? 1), 1 / (levels[term.pair[1]] ?? 1)] as const,
  }));
  return (setting) => {
    let sum = 0;
    for (let factor = 0; factor < main.length; factor++) sum += main[factor]?.[setting[factor] ?? 0] ?? 0;
    for (const { pair, levels: of, coefficient, shares } of terms) {
      const first = (setting[pair[0]] === of[0] ? 1 : 0) - shares[0];
      const second = (setting[pair[1]] === of[1] ? 1 : 0) - shares[1];
      sum += coefficient * first * second;
    }
    return sum;
  };
}

/** Returns the level of one factor with the best prediction under a purely additive model. */
function bestAlone(
  levels: readonly number[],
  factor: number,
  reference: StudySetting,
  predict: (setting: StudySetting) => number,
): number {
  const sorted = levels
    .map((level) => ({ level, predicted: predict(reference.with(factor, level)) }))
    .sort((a, b) => b.predicted - a.predicted);
  return sorted[0]?.level ?? 0;
}

function allSettings(choices: readonly (readonly number[])[]): StudySetting[] {
  return choices.reduce<number[][]>(
    (settings, levels) => settings.flatMap((setting) => levels.map((level) => [...setting, level])),
    [[]],
  );
}

/** Returns the runs' weights in the gain of one setting over another; null if the runs do not determine it. */
export function gainWeights(
  model: Model,
  setting: StudySetting,
  reference: StudySetting,
): Float64Array | null {
  return weightsOf(model, contrastBetween(model, setting, reference));
}
