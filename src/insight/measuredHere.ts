// Effects of a trick measured in runs and studies here.
import * as l10n from '@vscode/l10n';
import type { Estimate, StudyAnalysis, StudyEffect, StudySetting } from '../protocol/study';
import type { StudyFacts } from '../protocol/studyView';
import { recipeKey } from '../recipe/recipe';
import { type MeasuredEffect, measuredEffect, type RunIndex } from '../study/effect';
import { estimateText, scaleOf, withUnit } from './study/results/studyNumbers';
import { decidingEstimate, verdictText } from './study/results/verdictText';
import type { TrickFit, TrickRecipes } from './trickFit';
import { measuredNote, measuredShort, measuredText } from './trickText';

/** A finished study, as evidence for the effects of its tricks. */
export interface StudyEvidence {
  readonly facts: Pick<StudyFacts, 'name' | 'factors' | 'runs' | 'metric' | 'smallestEffect' | 'state'>;
  readonly analysis: StudyAnalysis;
  /**
   * Returns the `recipeKey` of what a setting trains on the study's images, ignoring folds. Null if it cannot be
   * trained.
   */
  keyOf(setting: StudySetting): string | null;
}

/** A trick's effect in a study. */
export interface StudiedEffect {
  readonly study: StudyEvidence;
  readonly effect: StudyEffect;
  readonly estimate: Estimate;
}

/** The text on a trick's measured effect. */
export interface MeasuredHere {
  /** The effect, or a note that it is not measured yet. */
  readonly text: string;
  /** Further remarks, may be empty. */
  readonly note: string;
  readonly isMeasured: boolean;
  /** Only the effect in points, such as '+0.42 ± 0.15'. Empty if it is not measured yet. */
  readonly short: string;
}

/** Returns the measured effects of a trick in this exact experiment, and of the trick with other options in it. */
export function measurementsOf(
  fit: TrickFit,
  runs: RunIndex,
  studies: readonly StudyEvidence[],
): MeasuredHere {
  if (runs.size === 0 && studies.length === 0) return measuredHere(fit, null, studies);
  const measured = ({ recipes }: Pick<TrickFit, 'recipes'>) =>
    measuredHere({ ...fit, recipes }, measuredOf(recipes(), runs), studies);
  const own = measured(fit);
  const others = fit.otherOptions().flatMap((other) => {
    const { text, isMeasured } = measured(other);
    return isMeasured ? [l10n.t('with {0}: {1}', other.text, text)] : [];
  });
  return { ...own, note: [...others, own.note].filter(Boolean).join('; ') };
}

/** Returns the effect of a change of recipe, measured from runs. */
function measuredOf(recipes: TrickRecipes | null, runs: RunIndex): MeasuredEffect | null {
  return recipes && measuredEffect(runs, recipes.without, recipes.with);
}

/** Returns a trick's measured effect: from a study if it has more runs than the pairs of single runs. */
export function measuredHere(
  fit: TrickFit,
  measured: MeasuredEffect | null,
  studies: readonly StudyEvidence[],
): MeasuredHere {
  const studied = studiedEffect(fit, studies);
  const single = 2 * (measured?.difference?.pairs ?? 0);
  if (studied && studied.study.analysis.runsUsed > single) {
    return {
      text: studiedText(studied),
      note: studiedNote(studied),
      isMeasured: true,
      short: estimateText(studied.estimate, scaleOf(studied.study.facts)),
    };
  }
  return {
    text: measuredText(measured),
    note: measuredNote(measured),
    isMeasured: Boolean(measured?.difference),
    short: measuredShort(measured),
  };
}

/**
 * Returns a trick's effect from the first study that measured it in this exact experiment, images included. One of the
 * study's settings must train what the experiment trains without the trick, and the same setting with the trick's other
 * level what it trains with the trick.
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

/** Returns the distinct settings of a study without one of its factors. The setting of all first levels comes first. */
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
    "{0} runs, averaged over the study's other factors ({1}), {2}",
    analysis.runsUsed,
    facts.factors
      .filter((_, factor) => factor !== effect.factor)
      .map(({ key }) => key)
      .join(', '),
    images,
  );
}
