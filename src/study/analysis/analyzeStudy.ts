import type {
  DesignKind,
  StudyAnalysis,
  StudyEffect,
  StudyRunOutcome,
  StudySetting,
} from '../../protocol/study';
import { blocksNeeded, type Growth } from './blocksNeeded';
import { bestSetting, gainWeights } from './chosen';
import { divergencesOf } from './divergences';
import {
  errorForVerdict,
  errorOnNew,
  errorOnThese,
  estimateOf,
  type Measured,
  measure,
  type Noise,
  noiseOf,
} from './estimates';
import { LEAST_DEGREES } from './fit/distributions';
import { imagesPartOf } from './fit/images';
import type { StudyInput, UsedRun } from './input';
import { interactionsOf } from './interactions';
import { logErrorOf } from './logError';
import type { Spending } from './looks/boundaries';
import { LEVEL, type Look, lookAfter, lookSchedule } from './looks/schedule';
import { STUDY_SPENDING } from './looks/spending';
import { canNoneChange, chanceOfVerdict } from './looks/stopping';
import { contrastBetween, type Model, modelOf, weightsOf } from './model';
import { measureAlone } from './oneAtATime';
import { outliersOf } from './outliers';
import { areSeedsIgnored } from './seeds';
import { type Judged, judge } from './verdicts';

/**
 * Analyzes the runs of a study: effects with intervals and verdicts, and everything else the user should know about
 * them. The result is plain data and a pure function of the input. Effects are least-squares estimates with block
 * effects, averaged over the other factors' levels. See docs/studies.md for the simulations behind these choices.
 *
 * A study with early looks is analyzed by its complete blocks alone, as soon as there are enough for a look.
 *
 * @param spending how looks spend the significance level; pass another only for comparisons
 */
export function analyzeStudy(input: StudyInput, spending: Spending = STUDY_SPENDING): StudyAnalysis {
  const { factors, plan, metric, smallestEffect } = input;
  const done = blocksDone(input);
  const effectCount = factors.reduce((sum, { levels }) => sum + levels.length - 1, 0);
  const isLooking = input.stop === 'when_decided' && !input.isExtended;
  const schedule = isLooking ? lookSchedule(plan, effectCount, input.blocksBudgeted) : [];
  const isEarly = schedule.length > 1;
  const isLookDue = isEarly && schedule.includes(done.size);
  const runs = isLookDue ? input.runs.filter(({ block }) => done.has(block)) : input.runs;
  const used = usedRuns(input.runs, isLookDue ? done : null);
  const common = {
    blocksDone: done.size,
    blocksBudgeted: input.blocksBudgeted,
    runsUsed: used.length,
    runsDiverged: runs.filter(({ outcome }) => outcome.kind === 'diverged').length,
    higherIsBetter: metric.higherIsBetter,
    others: CHANGES_ONE.includes(plan.kind) ? ('as_run' as const) : ('averaged' as const),
    divergences: divergencesOf(factors, runs),
    isExtended: input.isExtended ?? false,
  };
  const sizes = {
    effects: effectCount,
    interactions: interactionCount(factors.map(({ levels }) => levels.length)),
  };
  if (used.length === 0) return { ...common, ...nothing(input) };

  const { areSeedsPaired = true } = input;
  // Without blocks, all runs share one mean.
  const rows = areSeedsPaired ? used : used.map(({ setting }) => ({ block: 0, setting }));
  const model = modelOf(factors, plan, rows);
  const values = Float64Array.from(used, ({ value }) => value);
  const noise = noiseOf(
    model.fit,
    values,
    used.map(({ setting }) => setting),
    model.levels,
  );
  const imagesOf = metric.isAccuracy ? imagesOfRuns(model, used, input.images) : null;
  const measureBy = (weights: Float64Array) => measure(weights, model.fit, values, noise, imagesOf);
  const measured = model.effects.map(({ factor, level, column }) => {
    if (plan.kind === 'one_at_a_time')
      return measureAlone(factor, level, used, input.images === 'shared', imagesOf, areSeedsPaired);
    const weights = weightsOf(model, new Map([[column, 1]]));
    return weights && measureBy(weights);
  });

  const look = isEarly ? lookAfter(done.size, schedule, input.blocksBudgeted, sizes, spending) : null;
  // Before the first look, an interval may miss no more often than at that look.
  const firstLook = isEarly
    ? lookAfter(schedule[0] ?? 0, schedule, input.blocksBudgeted, sizes, spending)
    : null;
  const intervalLevel = (look ?? firstLook)?.interval.nominal ?? LEVEL;
  const seedsIgnored = input.images === 'shared' && areSeedsIgnored(used, metric.isAccuracy);
  const withheld = reasonToWithhold(input, used, noise, measured, done.size, isEarly && !look, seedsIgnored);
  const judged = judge(measured, smallestEffect, metric.higherIsBetter, look);

  const setting = bestSetting(
    model,
    values,
    metric.higherIsBetter,
    plan.blocks.flatMap(({ settings }) => settings),
    input.isAllowed ?? (() => true),
  );
  const growth: Growth = {
    blocks: new Set(used.map(({ block }) => block)).size,
    degreesPerBlock: degreesPerBlock(plan, areSeedsPaired),
    areImagesShared: input.images === 'shared',
  };
  const effects = model.effects.map(({ factor, level }, index): StudyEffect => {
    const each = measured[index] ?? null;
    const judgment = judgedOr(judged[index], withheld !== null);
    const needed =
      each && judgment.verdict === 'undecided'
        ? blocksNeeded(each, smallestEffect, growth)
        : { blocks: null, needsMoreImages: false };
    return {
      factor,
      level,
      ...judgment,
      blocksNeeded: needed.blocks,
      needsMoreImages: needed.needsMoreImages,
      estimates: each && {
        onTheseImages: estimateOf(each.value, errorOnThese(each), intervalLevel),
        onNewImages: each.images && estimateOf(each.value, errorOnNew(each), intervalLevel),
        withinChosen: setting && withinChosen(model, factor, level, setting, measureBy, intervalLevel),
      },
    };
  });
  return {
    ...common,
    effects,
    interactions: interactionsOf(model, values, measureBy, look, intervalLevel, withheld !== null),
    interactionsLeftOut: model.interactionsLeftOut,
    noise:
      noise.degrees > 0
        ? {
            standardDeviation: Math.sqrt(noise.variance),
            degrees: noise.degrees,
            isUneven: noise.uneven !== null,
          }
        : null,
    chosen: setting && chosenOf(model, setting, measureBy, intervalLevel),
    outliers: outliersOf(used, model.fit, noise),
    logError: metric.isAccuracy ? logErrorOf(model, used) : null,
    seedsIgnored,
    look: look && lookOf(look, input, effects, measured, done.size, withheld !== null),
    withheld,
  };
}

/** Returns the residual degrees of freedom that a further block adds. Its own mean takes one. */
function degreesPerBlock({ kind, blocks }: StudyInput['plan'], areSeedsPaired: boolean): number {
  if (kind === 'one_at_a_time') return areSeedsPaired ? 1 : 2;
  return Math.max((blocks[0]?.settings.length ?? 1) - Number(areSeedsPaired), 0);
}

/** Designs with effects that are differences of two settings. */
const CHANGES_ONE: readonly DesignKind[] = ['one_at_a_time', 'leave_one_out', 'stack'];

/** Returns the blocks in which all planned runs have ended. */
function blocksDone({ plan, runs }: StudyInput): Set<number> {
  const ended = new Map<number, number>();
  for (const { block, outcome } of runs)
    ended.set(block, (ended.get(block) ?? 0) + (outcome.kind === 'missing' ? Number.NEGATIVE_INFINITY : 1));
  const planned = (block: number) => plan.blocks[block % plan.blocks.length]?.settings.length ?? 0;
  return new Set([...ended].flatMap(([block, count]) => (count >= planned(block) ? [block] : [])));
}

function usedRuns(runs: readonly StudyRunOutcome[], blocks: ReadonlySet<number> | null): UsedRun[] {
  return runs.flatMap(({ block, setting, seed, outcome }, index) =>
    outcome.kind === 'finished' && (blocks === null || blocks.has(block))
      ? [
          {
            index,
            block,
            setting,
            seed,
            value: outcome.value,
            correct: outcome.correct,
            loss: outcome.loss ?? null,
            digits: outcome.digits ?? null,
          },
        ]
      : [],
  );
}

function imagesOfRuns(model: Model, used: readonly UsedRun[], images: StudyInput['images']) {
  const correct = used.map((run) => run.correct);
  if (correct.some((each) => each === null)) return null;
  const groups = new Map<number, number[]>();
  used.forEach(({ block }, position) => {
    const key = images === 'folds' ? block : 0;
    const group = groups.get(key);
    if (group) group.push(position);
    else groups.set(key, [position]);
  });
  return imagesPartOf([...groups.values()], correct, model.fit);
}

function interactionCount(levels: readonly number[]): number {
  return levels.reduce(
    (sum, a, index) => sum + levels.slice(index + 1).reduce((inner, b) => inner + (a - 1) * (b - 1), 0),
    0,
  );
}

function reasonToWithhold(
  input: StudyInput,
  used: readonly UsedRun[],
  noise: Noise,
  measured: readonly (Measured | null)[],
  done: number,
  isBeforeLook: boolean,
  seedsIgnored: boolean,
): StudyAnalysis['withheld'] {
  if (seedsIgnored) return 'seeds_ignored';
  if (noise.degrees > 0 && noise.variance === 0) return 'no_noise';
  if (new Set(used.map(({ block }) => block)).size < 2) return 'one_block';
  const hasInterval = measured.some((each) => {
    const error = each && errorForVerdict(each);
    return error && error.degrees >= LEAST_DEGREES;
  });
  if (!hasInterval) return 'too_few_degrees';
  // If the user adds blocks to a finished study, any look is allowed. The result says that errors are not controlled.
  if (isBeforeLook || (done < input.blocksBudgeted && input.stop === 'never' && !input.isExtended))
    return 'unfinished';
  return null;
}

function judgedOr(judged: Judged | undefined, isWithheld: boolean): Judged {
  return judged && !isWithheld ? judged : { verdict: 'undecided', pDifferent: null, pTooSmall: null };
}

/** Returns one level's effect with all other factors at their chosen levels. */
function withinChosen(
  model: Model,
  factor: number,
  level: number,
  chosen: StudySetting,
  measureBy: (weights: Float64Array) => Measured,
  intervalLevel: number,
) {
  if (model.interactions.length === 0) return null;
  const weights = weightsOf(
    model,
    contrastBetween(model, chosen.with(factor, level), chosen.with(factor, 0)),
  );
  if (!weights) return null;
  const measured = measureBy(weights);
  return estimateOf(measured.value, errorForVerdict(measured), intervalLevel);
}

function chosenOf(
  model: Model,
  setting: StudySetting,
  measureBy: (weights: Float64Array) => Measured,
  intervalLevel: number,
): StudyAnalysis['chosen'] {
  const weights = gainWeights(
    model,
    setting,
    model.levels.map(() => 0),
  );
  if (!weights) return null;
  const measured = measureBy(weights);
  return { setting, gain: estimateOf(measured.value, errorForVerdict(measured), intervalLevel) };
}

function lookOf(
  look: Look,
  input: StudyInput,
  effects: readonly StudyEffect[],
  measured: readonly (Measured | null)[],
  done: number,
  isWithheld: boolean,
): StudyAnalysis['look'] {
  const stopAt = (): 'all_decided' | 'none_can_change' | null => {
    if (look.isLast || isWithheld) return null;
    const open = measured.filter((_, index) => effects[index]?.verdict === 'undecided');
    if (open.length === 0) return 'all_decided';
    const chances = open.map((each) =>
      each
        ? chanceOfVerdict(
            each,
            done / input.blocksBudgeted,
            input.images === 'shared',
            input.smallestEffect,
            look.last,
          )
        : // The next block may make estimable what these runs do not.
          1,
    );
    return canNoneChange(chances) ? 'none_can_change' : null;
  };
  return {
    number: look.number,
    of: look.of,
    stop: stopAt(),
    levelUsed: look.different.spent,
    levelDifferent: look.different.nominal,
    levelTooSmall: look.tooSmall.nominal,
  };
}

/** The result before any run has finished. */
function nothing({ factors }: StudyInput) {
  return {
    effects: factors.flatMap(({ levels }, factor) =>
      levels.slice(1).map(
        (_, index): StudyEffect => ({
          factor,
          level: index + 1,
          estimates: null,
          verdict: 'undecided',
          pDifferent: null,
          pTooSmall: null,
          blocksNeeded: null,
          needsMoreImages: false,
        }),
      ),
    ),
    interactions: [],
    interactionsLeftOut: 'too_few_degrees',
    noise: null,
    chosen: null,
    outliers: [],
    logError: null,
    seedsIgnored: false,
    look: null,
    withheld: 'too_few_degrees',
  } as const;
}
