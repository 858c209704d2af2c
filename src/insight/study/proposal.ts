import * as l10n from '@vscode/l10n';
import { YAML_NOTATION } from '../../experiment/text/yamlDocument';
import { recipeKey } from '../../recipe/recipe';
import { isMapping } from '../../shared/values';
import { exclusionsAmong, settingSpace } from '../../study/file/settings';
import { type Baseline, isCommandBaseline, type StudyBudget } from '../../study/file/study';
import { type TrickName, trickCalled } from '../../tricks/registry';
import type { Trick } from '../../tricks/trick';
import { trickFits } from '../trickFit';
import { commandTricks, switchesOf } from './commandFactors';
import { asWritten, suggestedAmong } from './writtenFactors';

/** A trick that a study of an experiment could test. */
export interface ProposedFactor {
  readonly trick: Trick<TrickName>;
  /** The value in the study file: true, or options that fit the experiment. */
  readonly value: unknown;
  /** Whether the trick is in the experiment. */
  readonly isIn: boolean;
  /** Whether a command has it by default or by its config, so that the study switches it off. */
  readonly isByDefault?: boolean;
  /** Whether it is selected by default: no other selected trick excludes or includes it. */
  readonly isSuggested: boolean;
}

/**
 * Returns the tricks that a study of an experiment could test, in the registry's order: those in it, and those that
 * would change something and that nothing in it excludes. Slow: see docs/performance.md.
 */
export function proposedFactors(baseline: Baseline): readonly ProposedFactor[] {
  if (isCommandBaseline(baseline)) return commandTricks(baseline);
  const able = trickFits(baseline).filter(({ recipes }) => {
    const both = recipes();
    return both !== null && recipeKey(both.without) !== recipeKey(both.with);
  });
  const factors = able.map(({ trick, isIn, value }) => asWritten(trick.name, isIn ? true : value));
  const exclusions = exclusionsAmong(factors, settingSpace(factors, baseline));
  const suggested = suggestedAmong(able, exclusions);
  return able.map(({ trick, isIn, value }, index) => ({
    trick,
    // A trick in the experiment is tested with its options there.
    value: isIn ? true : value,
    isIn,
    isSuggested: suggested.has(index),
  }));
}

/** A trick, or a name that a command's experiment switches, and its value in a study. */
export interface NamedFactor {
  readonly trick: Pick<Trick<TrickName>, 'brief'> & { readonly name: string };
  readonly value: unknown;
}

/**
 * Returns the factors with these names: as proposed if they are, else with the paper's options. A name that is not a
 * trick is returned as unknown.
 */
export function factorsCalled(
  baseline: Baseline,
  names: readonly string[],
): readonly (NamedFactor | { readonly unknown: string })[] {
  const proposed = proposedFactors(baseline);
  const switches = isCommandBaseline(baseline) ? switchesOf(baseline) : [];
  return names.map((name) => {
    if (switches.includes(name)) return { trick: { name, brief: () => '' }, value: true };
    const called = trickCalled(name);
    if (!called) return { unknown: name };
    return proposed.find(({ trick }) => trick === called.trick) ?? { trick: called.trick, value: true };
  });
}

/** The contents of a new study file. */
export interface StudyDraft {
  readonly name: string;
  /** Path of the experiment file, relative to the study's. */
  readonly experiment: string;
  readonly factors: readonly NamedFactor[];
  readonly budget: StudyBudget;
  /** In points of accuracy. */
  readonly smallestEffect?: number;
  /** A command is repeated with seeds only, because its data are not split into folds. */
  readonly blocks?: 'auto' | 'seeds';
}

/** Default smallest effect of a new study, in points of accuracy. */
export const USUAL_SMALLEST_EFFECT = 0.2;

/** Returns a study file in YAML. A comment on every line explains it. */
export function studyText({
  name,
  experiment,
  factors,
  budget,
  smallestEffect = USUAL_SMALLEST_EFFECT,
  blocks = 'auto',
}: StudyDraft): string {
  const lines: (readonly [entry: string, why: string])[] = [
    [`name: ${YAML_NOTATION.inline(name)}`, ''],
    [
      `experiment: ${YAML_NOTATION.inline(experiment)}`,
      l10n.t('the baseline; its tricks stay on, except factors'),
    ],
    ['factors:', l10n.t('what to study, without it and with it')],
    ...factors.map(({ trick, value }): [string, string] => [
      `  - ${factorText(trick.name, value)}`,
      trick.brief(),
    ]),
    ['design: auto', l10n.t('or screening, full, one_at_a_time, leave_one_out, stack, or a list of runs')],
    'runs' in budget
      ? [`budget: { runs: ${budget.runs} }`, l10n.t('or hours: 4')]
      : [`budget: { hours: ${budget.hours} }`, l10n.t('or runs: 32')],
    blocks === 'auto'
      ? ['blocks: auto', l10n.t('how the design is repeated: by seed, or by fold for small data sets')]
      : ['blocks: seeds', l10n.t('how the design is repeated')],
    ['metric: validation_accuracy', l10n.t('at the last epoch')],
    [`smallest_effect: ${smallestEffect}`, l10n.t('in points of accuracy; anything smaller does not matter')],
    ['stop: when_decided', l10n.t('or never')],
  ];
  const title = l10n.t('Which tricks pay in {0}: an effect, an interval and a verdict for each.', experiment);
  const body = lines.map(([entry, why]) => (why === '' ? entry : `${entry} # ${why}`));
  return `# ${title}\n${body.join('\n')}\n`;
}

function factorText(name: string, value: unknown): string {
  const isBare = !isMapping(value) || Object.keys(value).length === 0;
  return isBare ? name : `${name}: ${YAML_NOTATION.inline(value)}`;
}

/** Returns the study's file name: `fashion.study.yaml` for `fashion.experiment.yaml`. */
export function studyFileName(experimentFile: string): string {
  return `${experimentFile.replace(/(\.experiment)?\.(ya?ml|jsonc?)$/i, '')}.study.yaml`;
}
