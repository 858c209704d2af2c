/** Checks a search against its experiment. */
import * as l10n from '@vscode/l10n';
import type { Problem } from '../../experiment/problem';
import type { ExperimentDocument } from '../../experiment/text/document';
import { parseAnyExperiment } from '../../interop/command/parse';
import type { ReadText } from '../../interop/import/adapter';
import { anyRecipeKey, isCommandRecipe, recipeFacts } from '../../recipe/anyRecipe';
import type { FactsLookup } from '../../recipe/datasets';
import { mostRungs } from './asha';
import { commandFindings, epochsParameter, foreignParameter, placeholderRemedy } from './commandSearch';
import { placed, type SearchFinding } from './parse';
import type { Search, SearchParameter } from './search';
import { settingOf, valueText, writtenPath } from './space';

/** A search's experiment file. */
export interface SearchBaseline {
  readonly text: string;
  readonly fileName: string;
  /** Facts about its images. Default: none. */
  readonly factsOf?: FactsLookup;
  /** Reads the files that its command names. Default: none can be read. */
  readonly readText?: ReadText;
}

/**
 * Returns problems of a search's parameters and rungs with its experiment: a key that the experiment does not support,
 * a value that cannot be trained, or a parameter that changes nothing. Empty if the experiment's images are not
 * indexed, because nothing can be checked then.
 */
export function searchProblems(
  search: Search,
  document: ExperimentDocument,
  baseline: SearchBaseline,
): Problem[] {
  const { text, fileName, ...options } = baseline;
  const read = (settings: readonly string[]) => parseAnyExperiment(text, fileName, settings, options);
  const plain = read([]);
  if (!plain.ok) {
    const [first] = plain.problems;
    if (!first) return [];
    const what = l10n.t('The experiment cannot be trained: {0}', first.what);
    return placed(document, [{ path: ['experiment'], part: 'value', what, remedy: first.remedy }]);
  }
  const written = plain.document.value;
  const command = isCommandRecipe(plain.recipe) ? plain.recipe : null;
  const findings = search.parameters.flatMap((parameter) => {
    const foreign = command && foreignParameter(parameter, written);
    if (foreign) return [foreign];
    const tries = triedValues(parameter);
    const results = tries.map((tried) => ({
      tried,
      parsed: read(settingOf(parameter, tried.value, written)),
    }));
    // A value that conflicts with the experiment's own values may work with another parameter's.
    const standsBesideSome = ({ value }: TriedValue) =>
      search.parameters.some(
        (other) =>
          other !== parameter &&
          triedValues(other).some(
            (tried) =>
              read([...settingOf(parameter, value, written), ...settingOf(other, tried.value, written)]).ok,
          ),
      );
    const failed = results.find(({ tried, parsed }) => !parsed.ok && !standsBesideSome(tried));
    if (failed && !failed.parsed.ok) return [untrainable(parameter, failed.tried, failed.parsed.problems[0])];
    const recipes = results.flatMap(({ parsed }) => (parsed.ok ? [parsed.recipe] : []));
    const changesLength = command && epochsParameter(parameter, command, recipes);
    if (changesLength) return [changesLength];
    const isTold = recipes.length === results.length;
    return isTold && new Set(recipes.map(anyRecipeKey)).size < 2 ? [changesNothing(parameter, written)] : [];
  });
  const { epochs } = recipeFacts(plain.recipe);
  return placed(document, [
    ...findings,
    ...(command ? commandFindings(search, command) : []),
    ...(epochs === null ? [] : rungFindings(search, epochs)),
  ]);
}

interface TriedValue {
  readonly text: string;
  readonly value: unknown;
  /** Its path below the parameter's. */
  readonly below: readonly (string | number)[];
  /** Whether it is a fractional value between the integer bounds of a range. */
  readonly isBetween: boolean;
}

/** Returns each choice; for a range, both bounds and a number between them. */
function triedValues(parameter: SearchParameter): TriedValue[] {
  if (parameter.kind === 'choices') {
    return parameter.choices.map(({ value }, index) => ({
      ...{ value, below: [index], isBetween: false },
      text: valueText(parameter, index),
    }));
  }
  const { low, high, isInteger, isLog } = parameter;
  const name = isInteger ? (isLog ? 'log_integers' : 'integers') : isLog ? 'log' : 'range';
  const middle = isInteger ? Math.floor((low + high) / 2) : low + (high - low) * 0.381966;
  return [low, high, middle].map((value, index) => ({
    ...{ value, text: String(value) },
    below: index < 2 ? [name, index] : [name],
    isBetween: index === 2 && Number.isInteger(low) && Number.isInteger(high) && !isInteger,
  }));
}

function untrainable(
  parameter: SearchParameter,
  tried: TriedValue,
  first: Problem | undefined,
): SearchFinding {
  const path = ['search', parameter.key, ...tried.below];
  const what = l10n.t(
    'With {0}, the experiment cannot be trained: {1}',
    `${parameter.key}: ${tried.text}`,
    first?.what ?? '',
  );
  const remedy = tried.isBetween
    ? l10n.t('Use integers to search only whole numbers.')
    : (first?.remedy ?? l10n.t('Remove it.'));
  return { path, part: 'value', what, remedy };
}

function changesNothing({ key, path }: SearchParameter, written: unknown): SearchFinding {
  const [first, second, name] = writtenPath(path, written);
  const isValue = first === 'trainer' && second === 'values' && name !== undefined;
  return {
    path: ['search', key],
    part: 'key',
    what: l10n.t('{0} changes nothing in this experiment.', key),
    remedy: isValue ? placeholderRemedy(String(name)) : l10n.t('Remove it, or fix its name.'),
  };
}

function rungFindings({ rungs, reduction, budget }: Search, epochs: number): SearchFinding[] {
  if (rungs === 'auto') return [];
  const most = mostRungs(epochs, reduction);
  if (rungs > most) {
    const what = l10n.t(
      'With {0} rungs and a reduction of {1}, the first rung gets less than one of {2} epochs.',
      rungs,
      reduction,
      epochs,
    );
    return [{ path: ['rungs'], part: 'value', what, remedy: l10n.t('Use at most {0}.', most) }];
  }
  if (!('trials' in budget) || rungs <= mostRungs(budget.trials, reduction)) return [];
  const least = reduction ** (rungs - 1);
  const what = l10n.t('None of the {0} trials reaches the last of {1} rungs.', budget.trials, rungs);
  return [
    {
      path: ['budget'],
      part: 'value',
      what,
      remedy: l10n.t('Use {0} trials or more, or fewer rungs.', least),
    },
  ];
}
