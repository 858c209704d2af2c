// A study in one line, for the sidebar and pickers.
import * as l10n from '@vscode/l10n';
import type { StudyFacts } from '../../../protocol/studyView';
import { assertNever } from '../../../shared/assertNever';
import { levelName } from './factorText';
import { chosenOf, designText, noiseText, progressOf, stateText } from './studyNotes';
import { listText, scaleOf } from './studyNumbers';
import { rowVerdict, verdictTone } from './verdictText';

/** Describes the progress or result of a study: '20 of 32 runs · 1 h 23 min left' or 'mixup helps · 2 undecided'. */
export function studyDescription(facts: StudyFacts): string {
  const { state } = facts;
  const { text, time } = progressOf(facts);
  switch (state.status) {
    case 'waiting':
    case 'running':
      return joined(text, time, verdictSummary(facts, false));
    case 'stopped':
    case 'interrupted':
      return joined(stateText(state), text);
    case 'failed':
      return state.failure.what;
    case 'done':
      return verdictSummary(facts, true) || stateText(state);
    default:
      return assertNever(state);
  }
}

/**
 * Groups the effects by verdict. Without `all`, leaves out the undecided ones, because their verdicts may still come.
 */
export function verdictSummary({ analysis, factors }: StudyFacts, all: boolean): string {
  if (!analysis) return '';
  if (analysis.withheld !== null) return all ? l10n.t('verdicts withheld') : '';
  const names = (tone: ReturnType<typeof verdictTone>) =>
    analysis.effects
      .filter((effect) => verdictTone(rowVerdict(effect, analysis)) === tone)
      .map(({ factor, level }) => levelName(factors, factor, level));
  const [good, bad, small, open] = [names('good'), names('bad'), names('small'), names('open')];
  return joined(
    good.length === 1 && l10n.t('{0} helps', good[0]!),
    good.length > 1 && l10n.t('{0} help', listText(good)),
    bad.length === 1 && l10n.t('{0} hurts', bad[0]!),
    bad.length > 1 && l10n.t('{0} hurt', listText(bad)),
    small.length > 0 && l10n.t('{0} too small to matter', small.length),
    all && open.length > 0 && l10n.t('{0} undecided', open.length),
  );
}

/** Returns the contents of a study's tooltip, as label and value. */
export function studyFactsList(facts: StudyFacts): { readonly label: string; readonly value: string }[] {
  const scale = scaleOf(facts);
  const { text, time } = progressOf(facts);
  const chosen = chosenOf(facts, scale);
  const verdicts = verdictSummary(facts, true);
  return [
    { label: l10n.t('State'), value: stateText(facts.state) },
    { label: l10n.t('Progress'), value: joined(text, time) },
    { label: l10n.t('Factors'), value: facts.factors.map(({ key }) => key).join(', ') },
    { label: l10n.t('Design'), value: designText(facts) },
    ...(verdicts === '' ? [] : [{ label: l10n.t('Verdicts'), value: verdicts }]),
    ...(chosen ? [{ label: l10n.t('Best set'), value: joined(chosen.text, chosen.gain) }] : []),
    ...(facts.analysis?.noise ? [{ label: l10n.t('Noise'), value: noiseText(facts.analysis, scale) }] : []),
    { label: l10n.t('Created'), value: new Date(facts.createdAt).toLocaleString() },
  ];
}

function joined(...parts: readonly (string | false)[]): string {
  return parts.filter(Boolean).join(' · ');
}
