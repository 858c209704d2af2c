// What runs and studies here have shown of a trick.
import * as l10n from '@vscode/l10n';
import type { Estimate, StudyAnalysis, StudyEffect, StudySetting } from '../protocol/study';
import type { StudyFacts } from '../protocol/studyView';
import { recipeKey } from '../recipe/recipe';
import type { MeasuredEffect } from '../study/effect';
import { estimateText, scaleOf, withUnit } from './study/results/studyNumbers';
import { decidingEstimate, verdictText } from './study/results/verdictText';
import type { TrickFit } from './trickFit';
import { measuredNote, measuredText } from './trickText';

/** A study that is done, as evidence of what its tricks do. */
export interface StudyEvidence {
  readonly facts: Pick<StudyFacts, 'name' | 'factors' | 'runs' | 'metric' | 'smallestEffect' | 'state'>;
  readonly analysis: StudyAnalysis;
  /** What a setting trains on the study's images, folds apart, by `recipeKey`; null where it cannot be trained. */
  keyOf(setting: StudySetting): string | null;
}

/** What a study found of a trick. */
export interface StudiedEffect {
  readonly study: StudyEvidence;
  readonly effect: StudyEffect;
  readonly estimate: Estimate;
}

/** What is said of a trick by what was measured here. */
export interface MeasuredHere {
  /** The effect, or that there is none yet. */
  readonly text: string;
  /** What else there is to say of it; empty where nothing. */
  readonly note: string;
  readonly isMeasured: boolean;
}

/** What was measured of a trick here: by a study where one has more runs than the pairs of single ones. */
export function measuredHere(
  fit: TrickFit,
  measured: MeasuredEffect | null,
  studies: readonly StudyEvidence[],
): MeasuredHere {
  const studied = studiedEffect(fit, studies);
  const single = 2 * (measured?.difference?.pairs ?? 0);
  if (studied && studied.study.analysis.runsUsed > single) {
    return { text: studiedText(studied), note: studiedNote(studied), isMeasured: true };
  }
  return {
    text: measuredText(measured),
    note: measuredNote(measured),
    isMeasured: Boolean(measured?.difference),
  };
}

/**
 * The effect of a trick in the first of some studies that has it of the very experiment: one of the study's settings is what
 * the experiment trains without the trick, and the same with the trick's other level what it trains with it. Images included.
 */
export function studiedEffect(fit: TrickFit, studies: readonly StudyEvidence[]): StudiedEffect | null {
  const candidates = studies.filter(
    ({ facts, analysis }) =>
      facts.metric.unit === 'points' &&
      analysis.withheld === null &&
      facts.factors.some(({ kind, key }) => kind === 'trick' && key === fit.trick.name),
  );
  if (candidates.length === 0) return null;
  const recipes = fit.recipes();
  if (!recipes) return null;
  const [without, withIt] = [recipeKey(recipes.without), recipeKey(recipes.with)];
  for (const study of candidates) {
    const factor = study.facts.factors.findIndex(({ key }) => key === fit.trick.name);
    const base = basesOf(study, factor).find((setting) => study.keyOf(setting) === without);
    if (!base) continue;
    for (const effect of study.analysis.effects) {
      const estimate = decidingEstimate(effect);
      if (effect.factor !== factor || !estimate) continue;
      if (study.keyOf(base.with(factor, effect.level)) === withIt) return { study, effect, estimate };
    }
  }
  return null;
}

/** The settings of a study without one of its factors, each once; that of all first levels first. */
function basesOf({ facts }: StudyEvidence, factor: number): readonly (readonly number[])[] {
  const bases = new Map<string, readonly number[]>();
  for (const setting of [facts.factors.map(() => 0), ...facts.runs.map((run) => run.setting)]) {
    const base = setting.map((level, index) => (index === factor ? 0 : level));
    bases.set(base.join(), base);
  }
  return [...bases.values()];
}

/** Such as '+0.42 ± 0.18 points here, study which-tricks-pay: helps'. */
function studiedText({ study: { facts, analysis }, effect, estimate }: StudiedEffect): string {
  const scale = scaleOf(facts);
  return l10n.t(
    '{0} here, study {1}: {2}',
    withUnit(estimateText(estimate, scale), scale),
    facts.name,
    verdictText(effect, analysis, scale),
  );
}

function studiedNote({ study: { facts, analysis }, effect }: StudiedEffect): string {
  const images = effect.estimates?.onNewImages
    ? l10n.t('for new images like these')
    : l10n.t('for these images');
  return l10n.t(
    "{0} runs, on the average over the study's other factors ({1}), {2}",
    analysis.runsUsed,
    facts.factors
      .filter((_, factor) => factor !== effect.factor)
      .map(({ key }) => key)
      .join(', '),
    images,
  );
}
