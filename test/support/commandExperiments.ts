import { formatProblem } from '../../src/experiment/problem';
import { parseAnyExperiment } from '../../src/interop/command/parse';
import type { ReadText } from '../../src/interop/import/adapter';
import type { CommandRecipe } from '../../src/recipe/commandRecipe';

/** Returns a command experiment's text. `more` are lines of `trainer`, `rest` lines of the file. */
export function experimentOf(
  command: string,
  { system = 'timm', more = '', rest = '' }: { system?: string; more?: string; rest?: string } = {},
): string {
  const lines = more.split('\n').filter(Boolean);
  return [
    'name: a',
    'trainer:',
    `  command: ${JSON.stringify(command)}`,
    `  system: ${system}`,
    ...lines.map((line) => `  ${line}`),
    rest,
    '',
  ].join('\n');
}

/** Returns the problems of a text as a compiler prints them, without the file name. Empty if there are none. */
export function problemsIn(text: string, settings: string[] = [], fileName = 'a.experiment.yaml'): string[] {
  const parsed = parseAnyExperiment(text, fileName, settings);
  if (parsed.kind !== 'command') throw new Error('This is no command experiment.');
  return parsed.ok ? [] : parsed.problems.map((problem) => formatProblem('', problem).replace(/^:/, ''));
}

/** Returns the recipe of a command experiment, or throws its problems. */
export function recipeIn(
  text: string,
  settings: string[] = [],
  { fileName = 'a.experiment.yaml', readText }: { fileName?: string; readText?: ReadText } = {},
): CommandRecipe {
  const parsed = parseAnyExperiment(text, fileName, settings, readText ? { readText } : {});
  if (parsed.kind !== 'command') throw new Error('This is no command experiment.');
  if (!parsed.ok) throw new Error(parsed.problems.map((problem) => formatProblem('', problem)).join('\n'));
  return parsed.recipe;
}

/** Returns the warnings of a command experiment without errors. */
export function warningsIn(text: string): string[] {
  const parsed = parseAnyExperiment(text, 'a.experiment.yaml');
  if (!parsed.ok) throw new Error(parsed.problems.map(({ what }) => what).join('\n'));
  return parsed.warnings.map((problem) => formatProblem('', problem).replace(/^:/, ''));
}
