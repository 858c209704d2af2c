// 'Keep what helps': writes the chosen set of a study into its experiment.
import * as l10n from '@vscode/l10n';
import { writtenTrick } from '../../../experiment/aliases';
import { insertTrick, removeTrick } from '../../../experiment/edits';
import type { ExperimentDocument } from '../../../experiment/text/document';
import type { EditResult } from '../../../experiment/text/textEdits';
import type { StudySetting } from '../../../protocol/study';
import type { StudyFacts } from '../../../protocol/studyView';
import { valueAt } from '../../../shared/values';
import { levelName, levelText } from './factorText';
import { estimateText, scaleOf, withUnit } from './studyNumbers';
import { decidingEstimate, verdictText } from './verdictText';

/** An edit of an experiment, and a line per factor that says what is kept and why. */
export interface Kept {
  readonly edits: EditResult;
  readonly reasons: readonly string[];
}

/**
 * Writes each factor's level of `setting` into the experiment in one edit: removes tricks that are off and sets keys to
 * the level's value. The rest of the file does not change. Refuses if the study file's levels are unknown.
 */
export function keepEdits(
  document: ExperimentDocument,
  facts: Pick<StudyFacts, 'factors' | 'levelValues' | 'analysis' | 'metric' | 'smallestEffect'>,
  setting: StudySetting,
): Kept {
  const { factors, levelValues } = facts;
  const reasons = keptReasons(facts, setting);
  if (levelValues === null) {
    return { edits: { ok: false, reason: l10n.t('The study file can no longer be read.') }, reasons };
  }
  const steps = factors.map(({ key, kind }, factor) => {
    const value = levelValues[factor]?.[setting[factor] ?? 0];
    return (edited: ExperimentDocument): EditResult =>
      kind === 'trick' ? trickEdits(edited, key, value) : keyEdits(edited, key.split('.'), value);
  });
  return { edits: document.inSequence(steps), reasons };
}

/** Returns a line per factor that says what `setting` keeps of it and why. */
export function keptReasons(
  facts: Pick<StudyFacts, 'factors' | 'analysis' | 'metric' | 'smallestEffect'>,
  setting: StudySetting,
): string[] {
  return facts.factors.map((_, factor) => reason(facts, factor, setting[factor] ?? 0));
}

/** A value of `true` means the trick with the options that the experiment has. */
function trickEdits(document: ExperimentDocument, trick: string, value: unknown): EditResult {
  if (value === false) return removeTrick(document, trick);
  const isIn = Boolean(valueAt(document.value, ['tricks', writtenTrick(document.value, trick) ?? trick]));
  return value === true && isIn ? { ok: true, edits: [] } : insertTrick(document, trick, value);
}

/** A level without a value means that the experiment leaves the key out. */
function keyEdits(document: ExperimentDocument, path: readonly string[], value: unknown): EditResult {
  return value === undefined ? document.removeIn(path) : document.setIn(path, value);
}

/**
 * Formats a reason such as 'Kept mixup: helps, +0.42 ± 0.18 points' or 'Left out sam: undecided, +0.02 ± 0.20 points'.
 */
function reason(
  facts: Pick<StudyFacts, 'factors' | 'analysis' | 'metric' | 'smallestEffect'>,
  factor: number,
  level: number,
): string {
  const { factors, analysis } = facts;
  const scale = scaleOf(facts);
  const why = (of: number) => {
    const effect = analysis?.effects.find((each) => each.factor === factor && each.level === of);
    const estimate = effect && decidingEstimate(effect);
    if (!analysis || !effect || !estimate) return l10n.t('not measured');
    const isOpen = effect.verdict === 'undecided' && analysis.withheld === null;
    const verdict = isOpen ? l10n.t('undecided') : verdictText(effect, analysis, scale);
    // The verdict of a small effect already contains its size.
    return verdict.includes(estimateText(estimate, scale))
      ? verdict
      : `${verdict}, ${withUnit(estimateText(estimate, scale), scale)}`;
  };
  const { kind, key } = factors[factor]!;
  if (level > 0) return l10n.t('Kept {0}: {1}.', levelName(factors, factor, level), why(level));
  // If several levels were left out, name only one: each has its row in the report.
  return kind === 'trick'
    ? l10n.t('Left out {0}: {1}.', key, why(1))
    : l10n.t(
        'Left {0} at {1}: {2} {3}.',
        key,
        levelText(factors, factor, 0),
        levelText(factors, factor, 1),
        why(1),
      );
}
