import type { StudySetting } from '../../protocol/study';
import { dot } from './fit/leastSquares';
import { type Contrast, contrastBetween, type Model, weightsOf } from './model';

/** So many settings are predicted one by one. */
const MOST_LISTED = 20_000;
/** So many settings are asked for whether they are allowed, from the best on. */
const MOST_ASKED = 5_000;

/**
 * The allowed setting with the best prediction. Levels whose coefficients the runs do not determine are left at 0.
 *
 * @param tried settings that were run: with very many settings the search starts from the best of them
 * @returns null where none that could be found is allowed
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
  const sign = higherIsBetter ? 1 : -1;
  const predict = (setting: StudySetting) =>
    sign * sumOf(contrastBetween(model, setting, reference), coefficients);
  const count = choices.reduce((product, of) => product * of.length, 1);
  if (count <= MOST_LISTED) {
    const sorted = allSettings(choices)
      .map((setting) => ({ setting, predicted: predict(setting) }))
      .sort((a, b) => b.predicted - a.predicted);
    return sorted.find(({ setting }) => isAllowed(setting))?.setting ?? null;
  }
  return climb(choices, predict, [reference, ...tried], isAllowed);
}

/** The best that changes of one factor at a time reach, from the best allowed start. */
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

function sumOf(contrast: Contrast, coefficients: readonly number[]): number {
  let sum = 0;
  for (const [column, factor] of contrast) sum += factor * (coefficients[column] ?? 0);
  return sum;
}

function allSettings(choices: readonly (readonly number[])[]): StudySetting[] {
  return choices.reduce<number[][]>(
    (settings, levels) => settings.flatMap((setting) => levels.map((level) => [...setting, level])),
    [[]],
  );
}

/** The runs' weights in what one setting gains over another; null where the runs do not determine it. */
export function gainWeights(
  model: Model,
  setting: StudySetting,
  reference: StudySetting,
): Float64Array | null {
  return weightsOf(model, contrastBetween(model, setting, reference));
}
