import type { StudyFactor, StudyPlan, StudySetting } from '../../protocol/study';
import { type LeastSquares, leastSquaresOf, rankOf } from './fit/leastSquares';

/** The coefficient of one level relative to level 0. */
export interface EffectTerm {
  readonly factor: number;
  readonly level: number;
  readonly column: number;
}

/** The coefficient of an interaction: how much more two levels give together than separately. */
export interface InteractionTerm {
  readonly pair: readonly [number, number];
  readonly levels: readonly [number, number];
  readonly column: number;
}

/** A linear model of the existing runs, with its least-squares fit. */
export interface Model {
  readonly levels: readonly number[];
  readonly effects: readonly EffectTerm[];
  /** Empty if only main effects and blocks are fitted. */
  readonly interactions: readonly InteractionTerm[];
  readonly interactionsLeftOut: 'none' | 'too_few_degrees' | 'design';
  readonly fit: LeastSquares;
}

/** Interactions are fitted only if this many residual degrees of freedom remain. */
const DEGREES_WITH_INTERACTIONS = 6;

/** A run's position in the design. */
export interface Row {
  readonly block: number;
  readonly setting: StudySetting;
}

/** Cache of recent models by design, newest last. A study's design hardly changes between analyses. */
const recent = new Map<string, Model>();
const RECENT = 200;

/**
 * Builds the model of some runs of a plan: with interactions if they can be fitted, else with main effects and blocks.
 */
export function modelOf(factors: readonly StudyFactor[], plan: StudyPlan, rows: readonly Row[]): Model {
  const levels = factors.map((factor) => factor.levels.length);
  const settings = settingsOf(plan);
  const key = [
    levels.join(),
    [...settings.keys()].join(';'),
    rows.map(({ block, setting }) => `${block}:${setting.join()}`).join(';'),
  ].join('|');
  const known = recent.get(key);
  if (known) return known;
  const model = newModel(levels, [...settings.values()], rows);
  const oldest = recent.keys().next();
  if (recent.size >= RECENT && !oldest.done) recent.delete(oldest.value);
  recent.set(key, model);
  return model;
}

const settingsByPlan = new WeakMap<StudyPlan, ReadonlyMap<string, StudySetting>>();

/** Returns the distinct settings of a plan. */
function settingsOf(plan: StudyPlan): ReadonlyMap<string, StudySetting> {
  let settings = settingsByPlan.get(plan);
  if (!settings) {
    settings = new Map(
      plan.blocks.flatMap((block) => block.settings.map((setting) => [setting.join(), setting] as const)),
    );
    settingsByPlan.set(plan, settings);
  }
  return settings;
}

function newModel(levels: readonly number[], settings: readonly StudySetting[], rows: readonly Row[]): Model {
  const blocks = [...new Set(rows.map(({ block }) => block))].sort((a, b) => a - b);
  const blocksOf = (block: number) => blocks.map((each) => (each === block ? 1 : 0));
  let next = blocks.length;
  const effects = levels.flatMap((count, factor) =>
    Array.from({ length: count - 1 }, (_, index) => ({ factor, level: index + 1, column: next++ })),
  );
  // A pair with a combination that was never run has no estimable interaction.
  const pairs = pairsOf(levels).filter(([a, b]) => {
    const seen = new Set(rows.map(({ setting }) => `${setting[a]} ${setting[b]}`));
    return seen.size === (levels[a] ?? 0) * (levels[b] ?? 0);
  });
  const interactions = pairs.flatMap(([a, b]) =>
    Array.from({ length: (levels[a] ?? 1) - 1 }, (_, first) =>
      Array.from({ length: (levels[b] ?? 1) - 1 }, (__, second) => ({
        pair: [a, b] as const,
        levels: [first + 1, second + 1] as const,
        column: next++,
      })),
    ).flat(),
  );
  const mainRow = (setting: StudySetting) =>
    effects.map(({ factor, level }) => (setting[factor] === level ? 1 : 0));
  const fullRow = (setting: StudySetting) => [
    ...mainRow(setting),
    ...interactions.map(({ pair, levels: of }) => centred(setting, pair, of, levels)),
  ];
  const common = { levels, effects };
  const mainEffects = (interactionsLeftOut: 'too_few_degrees' | 'design'): Model => ({
    ...common,
    interactions: [],
    interactionsLeftOut,
    fit: leastSquaresOf(rows.map(({ block, setting }) => [...blocksOf(block), ...mainRow(setting)])),
  });
  if (pairs.length === 0) return mainEffects('design');
  // If a plan's settings cannot separate the interactions, more blocks do not help.
  const columns = 1 + effects.length + interactions.length;
  if (settings.length < columns || rankOf(settings.map((setting) => [1, ...fullRow(setting)])) < columns)
    return mainEffects('design');
  if (rows.length - next < DEGREES_WITH_INTERACTIONS) return mainEffects('too_few_degrees');
  const fit = leastSquaresOf(rows.map(({ block, setting }) => [...blocksOf(block), ...fullRow(setting)]));
  if (fit.rank < next) return mainEffects('too_few_degrees');
  return { ...common, interactions, interactionsLeftOut: 'none', fit };
}

function pairsOf(levels: readonly number[]): (readonly [number, number])[] {
  return levels.flatMap((_, a) => levels.slice(a + 1).map((__, index) => [a, a + 1 + index] as const));
}

/**
 * Returns an interaction's regressor: the product of both levels' indicators, each minus its mean over the factor's
 * levels. Main effects thereby remain averages over the other factors' levels, with equal weights.
 */
function centred(
  setting: StudySetting,
  [a, b]: readonly [number, number],
  [first, second]: readonly [number, number],
  levels: readonly number[],
): number {
  const part = (factor: number, level: number) =>
    (setting[factor] === level ? 1 : 0) - 1 / (levels[factor] ?? 1);
  return part(a, first) * part(b, second);
}

/** A linear combination of coefficients, by column. */
export type Contrast = ReadonlyMap<number, number>;

/** Returns the predicted gain of one setting over another: the difference of their rows in the model. */
export function contrastBetween(model: Model, setting: StudySetting, reference: StudySetting): Contrast {
  const contrast = new Map<number, number>();
  const add = (column: number, factor: number) => {
    if (factor !== 0) contrast.set(column, factor);
  };
  for (const { factor, level, column } of model.effects)
    add(column, (setting[factor] === level ? 1 : 0) - (reference[factor] === level ? 1 : 0));
  for (const { pair, levels, column } of model.interactions)
    add(
      column,
      centred(setting, pair, levels, model.levels) - centred(reference, pair, levels, model.levels),
    );
  return contrast;
}

/** Returns the runs' weights in a contrast; null if the runs do not determine it. Do not modify the result. */
export function weightsOf(model: Model, contrast: Contrast): Float64Array | null {
  const { fit } = model;
  const weights = new Float64Array(fit.runs);
  const [only] = contrast;
  if (only && contrast.size === 1 && only[1] === 1)
    return fit.isEstimable[only[0]] ? (fit.weights[only[0]] ?? null) : null;
  for (const [column, factor] of contrast) {
    const row = fit.weights[column];
    if (!row || !fit.isEstimable[column]) return null;
    for (let run = 0; run < fit.runs; run++) weights[run] = (weights[run] ?? 0) + factor * (row[run] ?? 0);
  }
  return weights;
}
