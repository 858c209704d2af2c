/** The space that a search draws from: from points of the unit cube to values, and from values to an experiment. */
import { writtenTrick } from '../../experiment/aliases';
import { formatNumber } from '../../shared/format';
import type { Path } from '../../shared/path';
import { isMapping, valueAt } from '../../shared/values';
import type { Search, SearchParameter, TrialValues } from './search';

/** Digits of a drawn number: finer differences teach nothing, and a person reads them. */
const DIGITS = 5;

/**
 * The values at a point of the unit cube, one number from 0 to below 1 for each parameter, in their order. Equal parts of
 * it belong to each choice and to each whole number of a range.
 */
export function valuesAt({ parameters }: Pick<Search, 'parameters'>, point: readonly number[]): TrialValues {
  return Object.fromEntries(
    parameters.map((parameter, index) => [parameter.key, numberAt(parameter, point[index] ?? 0)]),
  );
}

function numberAt(parameter: SearchParameter, share: number): number {
  if (parameter.kind === 'choices') {
    return Math.min(Math.floor(share * parameter.choices.length), parameter.choices.length - 1);
  }
  const { low, high, isLog, isInteger } = parameter;
  // Each whole number has half a step on both sides.
  const [from, to] = isInteger ? [low - 0.5, high + 0.5] : [low, high];
  const drawn = isLog
    ? Math.exp(Math.log(from) + share * (Math.log(to) - Math.log(from)))
    : from + share * (to - from);
  return readable(parameter, drawn);
}

/** A drawn number of a range as it is used: whole or of few digits, and within the range. */
export function readable(
  { low, high, isInteger }: Extract<SearchParameter, { kind: 'range' }>,
  drawn: number,
): number {
  const rounded = isInteger ? Math.round(drawn) : Number(drawn.toPrecision(DIGITS));
  return Math.min(Math.max(rounded, low), high);
}

/** A value as a person reads it. */
export function valueText(parameter: SearchParameter, value: number): string {
  if (parameter.kind === 'range') return formatNumber(value, DIGITS);
  return String(parameter.choices[value]?.label);
}

/**
 * The `key=value` that make an experiment that of a trial.
 *
 * @param written the experiment file's own value, in whose words tricks are named
 */
export function settingsOf(
  { parameters }: Pick<Search, 'parameters'>,
  values: TrialValues,
  written: unknown,
): string[] {
  return parameters.flatMap((parameter) => {
    const value = values[parameter.key] ?? 0;
    const meant = parameter.kind === 'range' ? value : parameter.choices[value]?.value;
    return settingOf(parameter, meant, written);
  });
}

/** The `key=value` that gives one parameter a value; none where the experiment has it so. */
export function settingOf(parameter: SearchParameter, meant: unknown, written: unknown): string[] {
  const path = writtenPath(parameter.path, written);
  const isTrick = path[0] === 'tricks' && path.length === 2;
  const held = valueAt(written, path);
  // A trick that is in keeps the options that it has there.
  if (isTrick && meant === true && held !== undefined && held !== false) return [];
  if (isTrick && meant === false && held === undefined) return [];
  return [`${path.join('.')}=${JSON.stringify(meant)}`];
}

function writtenPath(path: Path, written: unknown): Path {
  const [first, name, ...rest] = path;
  if (first !== 'tricks' || typeof name !== 'string' || !isMapping(written)) return path;
  return [first, writtenTrick(written, name) ?? name, ...rest];
}
