import * as l10n from '@vscode/l10n';
import { YAML_NOTATION } from '../../experiment/text/yamlDocument';
import { recipeKey } from '../../recipe/recipe';
import { isMapping } from '../../shared/values';
import { exclusionsAmong, settingSpace } from '../../study/file/settings';
import type { Baseline, StudyBudget, WrittenFactor } from '../../study/file/study';
import { type TrickName, trickCalled } from '../../tricks/registry';
import type { Trick } from '../../tricks/trick';
import { trickFits } from '../trickFit';

/** A trick that a study of an experiment could ask about. */
export interface ProposedFactor {
  readonly trick: Trick<TrickName>;
  /** What the study file says of it: true, or options that fit the experiment. */
  readonly value: unknown;
  /** Whether the experiment has it. */
  readonly isIn: boolean;
  /** Whether it is among those to begin with: no other of them excludes it or has it in it. */
  readonly isSuggested: boolean;
}

/**
 * The tricks that a study of an experiment could ask about, in the registry's order: those in it, and those that would
 * change something and that nothing in it excludes. Takes a tenth of a second or more.
 */
export function proposedFactors(baseline: Baseline): ProposedFactor[] {
  const able = trickFits(baseline).filter(({ recipes }) => {
    const both = recipes();
    return both !== null && recipeKey(both.without) !== recipeKey(both.with);
  });
  const factors = able.map(({ trick, isIn, value }) => asWritten(trick.name, isIn ? true : value));
  const exclusions = exclusionsAmong(factors, settingSpace(factors, baseline));
  const suggested = new Set<number>();
  for (const [index, { trick }] of able.entries()) {
    const isImplied = able.some((other) => other.trick.implies?.includes(trick.name));
    const isExcluded = exclusions.some(
      ({ first, second }) => second.factor === index && suggested.has(first.factor),
    );
    if (!isImplied && !isExcluded) suggested.add(index);
  }
  return able.map(({ trick, isIn, value }, index) => ({
    trick,
    // A trick that is in is meant as it is there.
    value: isIn ? true : value,
    isIn,
    isSuggested: suggested.has(index),
  }));
}

/** A factor of a trick, as if it were read from a file. */
export function asWritten(key: string, value: unknown): WrittenFactor {
  return { key, kind: 'trick', values: [false, value], path: [], levelPaths: [[], []] };
}

/** A trick as a study asks about it. */
export type NamedFactor = Pick<ProposedFactor, 'trick' | 'value'>;

/** The factors of these names, as they are proposed, and others as the paper has them; null for what is no trick. */
export function factorsCalled(
  baseline: Baseline,
  names: readonly string[],
): readonly (NamedFactor | { readonly unknown: string })[] {
  const proposed = proposedFactors(baseline);
  return names.map((name) => {
    const called = trickCalled(name);
    if (!called) return { unknown: name };
    return proposed.find(({ trick }) => trick === called.trick) ?? { trick: called.trick, value: true };
  });
}

/** What a new study file says. */
export interface StudyDraft {
  readonly name: string;
  /** The experiment file, relative to the study's. */
  readonly experiment: string;
  readonly factors: readonly NamedFactor[];
  readonly budget: StudyBudget;
  /** In points of accuracy. */
  readonly smallestEffect?: number;
}

/** The smallest effect that a new study asks about, in points of accuracy. */
export const USUAL_SMALLEST_EFFECT = 0.2;

/** A study file, in YAML, with a comment on every line that says what it is. */
export function studyText({
  name,
  experiment,
  factors,
  budget,
  smallestEffect = USUAL_SMALLEST_EFFECT,
}: StudyDraft): string {
  const lines: (readonly [entry: string, why: string])[] = [
    [`name: ${YAML_NOTATION.inline(name)}`, ''],
    [
      `experiment: ${YAML_NOTATION.inline(experiment)}`,
      l10n.t('the baseline; its tricks stay on, except factors'),
    ],
    ['factors:', l10n.t('what is in question: without it, and with it')],
    ...factors.map(({ trick, value }): [string, string] => [
      `  - ${factorText(trick.name, value)}`,
      trick.brief(),
    ]),
    ['design: auto', l10n.t('or screening, full, one_at_a_time, leave_one_out, stack, or a list of runs')],
    'runs' in budget
      ? [`budget: { runs: ${budget.runs} }`, l10n.t('or hours: 4')]
      : [`budget: { hours: ${budget.hours} }`, l10n.t('or runs: 32')],
    ['blocks: auto', l10n.t('what repeats the design: seeds, or folds of small data sets')],
    ['metric: validation_accuracy', l10n.t('at the last epoch')],
    [`smallest_effect: ${smallestEffect}`, l10n.t('in points of accuracy; what is smaller does not matter')],
    ['stop: when_decided', l10n.t('or never')],
  ];
  const title = l10n.t(
    'Which tricks pay in {0}: each with its effect, an interval and a verdict.',
    experiment,
  );
  const body = lines.map(([entry, why]) => (why === '' ? entry : `${entry} # ${why}`));
  return `# ${title}\n${body.join('\n')}\n`;
}

function factorText(name: string, value: unknown): string {
  const isBare = !isMapping(value) || Object.keys(value).length === 0;
  return isBare ? name : `${name}: ${YAML_NOTATION.inline(value)}`;
}

/** `fashion.experiment.yaml` is studied in `fashion.study.yaml`. */
export function studyFileName(experimentFile: string): string {
  return `${experimentFile.replace(/(\.experiment)?\.(ya?ml|jsonc?)$/i, '')}.study.yaml`;
}
