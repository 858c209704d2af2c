/** What is particular to a search whose trials a command trains. */
import * as l10n from '@vscode/l10n';
import { type AnyRecipe, isCommandRecipe, recipeFacts } from '../../recipe/anyRecipe';
import type { CommandRecipe } from '../../recipe/commandRecipe';
import { assertNever } from '../../shared/assertNever';
import { counted } from '../../shared/counted';
import { rungsOf } from './asha';
import type { SearchFinding } from './parse';
import type { Search, SearchMetric, SearchParameter } from './search';
import { writtenPath } from './space';

/**
 * Whether a trial can be paused at a rung and resumed later. A command without arguments that resume it trains on at a
 * rung, or is stopped there for good.
 */
export function canResume(recipe: AnyRecipe): boolean {
  return !isCommandRecipe(recipe) || recipe.resume !== null;
}

/**
 * Returns the epochs at which the rungs of a search end. Null if it is unknown how many epochs the experiment trains.
 */
export function searchRungs(search: Search, recipe: AnyRecipe): number[] | null {
  const { epochs } = recipeFacts(recipe);
  if (epochs === null) return null;
  const trials = 'trials' in search.budget ? search.budget.trials : null;
  return rungsOf(epochs, isWhole(search, recipe) ? { ...search, rungs: 1 } : search, trials);
}

/**
 * Whether every trial has to train to its end: its runs of several seeds train one after another, and none of them can
 * wait at a rung for the others.
 */
function isWhole({ seeds }: Search, recipe: AnyRecipe): boolean {
  return seeds > 1 && !canResume(recipe);
}

/** Returns what a search asks of a command that it cannot do, besides its parameters. */
export function commandFindings(search: Search, recipe: CommandRecipe): SearchFinding[] {
  const findings: SearchFinding[] = [];
  if (recipe.epochs === null) {
    findings.push({
      path: ['experiment'],
      part: 'value',
      what: l10n.t('It is unknown how many epochs the command of the experiment trains.'),
      remedy: l10n.t('Write {0} under trainer in the experiment.', 'epochs: 30'),
    });
  }
  if (!isReportable(search.metric)) {
    findings.push({
      path: ['metric'],
      part: 'value',
      what: l10n.t('A command does not report {0}, which needs the prediction of each image.', search.metric),
      remedy: l10n.t('Use {0}.', 'validation_accuracy, averaged_accuracy, validation_loss'),
    });
  }
  if (search.rungs !== 'auto' && search.rungs > 1 && isWhole(search, recipe)) {
    findings.push({
      path: ['rungs'],
      part: 'value',
      what: l10n.t(
        'The command cannot resume, so the runs of {0} seeds cannot wait for each other at a rung.',
        search.seeds,
      ),
      remedy: l10n.t(
        'Write resume under trainer in the experiment, or use {0} or {1}.',
        'seeds: 1',
        'rungs: 1',
      ),
    });
  }
  return findings;
}

/** Whether a command can report a metric. The others need the prediction of each image. */
function isReportable(metric: SearchMetric): boolean {
  switch (metric) {
    case 'validation_accuracy':
    case 'averaged_accuracy':
    case 'validation_loss':
      return true;
    case 'macro_f1':
    case 'balanced_accuracy':
      return false;
    default:
      return assertNever(metric);
  }
}

/** Returns the finding for a parameter that only experiments of our own trainer have, null if it is none. */
export function foreignParameter(parameter: SearchParameter, written: unknown): SearchFinding | null {
  const [part] = writtenPath(parameter.path, written);
  if (part === 'trainer' || part === 'tricks') return null;
  const name = String(parameter.path.at(-1));
  return {
    path: ['search', parameter.key],
    part: 'key',
    what: l10n.t('An experiment with a command has no {0}.', parameter.key),
    remedy: placeholderRemedy(name),
  };
}

/** Returns the finding for a parameter that changes how many epochs a command trains, null if it does not. */
export function epochsParameter(
  { key }: SearchParameter,
  recipe: CommandRecipe,
  tried: readonly AnyRecipe[],
): SearchFinding | null {
  const other = tried.map((each) => recipeFacts(each).epochs).find((epochs) => epochs !== recipe.epochs);
  if (recipe.epochs === null || other === undefined || other === null) return null;
  return {
    path: ['search', key],
    part: 'key',
    what: l10n.t(
      '{0} cannot be searched: with it, the command trains {1} instead of {2}.',
      key,
      counted(other, 'epoch'),
      recipe.epochs,
    ),
    remedy: l10n.t('The rungs determine how long a trial trains.'),
  };
}

/** Returns how to make a parameter of a command that does not depend on it. */
export function placeholderRemedy(name: string): string {
  return l10n.t(
    'Write {0} in the command, {1} under trainer, and search over {2}.',
    `\${${name}}`,
    `values: { ${name}: ... }`,
    `trainer.values.${name}`,
  );
}
