/** The search space: maps points of the unit cube to values, and values to an experiment. */
import { writtenTrick } from '../../experiment/aliases';
import { formatNumber } from '../../shared/format';
import type { Path } from '../../shared/path';
import { isMapping, valueAt } from '../../shared/values';
import type { Search, SearchParameter, TrialValues } from './search';

/** Significant digits of a drawn number. Finer differences are of no use, and people have to read the number. */
const DIGITS = 5;

/**
 * Returns the values at a point of the unit cube, which has one number in [0, 1) per parameter, in order. Each choice
 * and each integer of a range gets an equal part of the interval.
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
  // Each integer gets half a step on both sides.
  const [from, to] = isInteger ? [low - 0.5, high + 0.5] : [low, high];
  const drawn = isLog
    ? Math.exp(Math.log(from) + share * (Math.log(to) - Math.log(from)))
    : from + share * (to - from);
  return readable(parameter, drawn);
}

/** Rounds a drawn number to an integer or to a few digits, and clamps it to the range. */
export function readable(
  { low, high, isInteger }: Extract<SearchParameter, { kind: 'range' }>,
  drawn: number,
): number {
  const rounded = isInteger ? Math.round(drawn) : Number(drawn.toPrecision(DIGITS));
  return Math.min(Math.max(rounded, low), high);
}

/** Formats a value for display. */
export function valueText(parameter: SearchParameter, value: number): string {
  if (parameter.kind === 'range') return formatNumber(value, DIGITS);
  return String(parameter.choices[value]?.label);
}

/**
 * Returns the `key=value` settings that turn an experiment into a trial's.
 *
 * @param written the experiment file's own value, which determines the names of tricks
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

/** Returns the `key=value` that sets one parameter; empty if the experiment already has this value. */
export function settingOf(parameter: SearchParameter, meant: unknown, written: unknown): string[] {
  const path = writtenPath(parameter.path, written);
  const isTrick = path[0] === 'tricks' && path.length === 2;
  const held = valueAt(written, path);
  // YAML 1.2 reads on and off as strings, which a switch of a command takes for true and false.
  const value = isTrick && meant === 'on' ? true : isTrick && meant === 'off' ? false : meant;
  // A trick that is already enabled keeps its options.
  if (isTrick && value === true && held !== undefined && held !== false) return [];
  if (isTrick && value === false && held === undefined) return [];
  return [`${path.join('.')}=${JSON.stringify(value)}`];
}

/**
 * Returns a parameter's path in an experiment as written: a trick by the name that it has there. In an experiment with a
 * command, a name alone may be that of a switch under `trainer.arguments` or of a value under `trainer.values`.
 */
export function writtenPath(path: Path, written: unknown): Path {
  const [first, name, ...rest] = path;
  if (first !== undefined && name === undefined) {
    if (isMapping(valueAt(written, ['trainer', 'arguments', first]))) return ['tricks', first];
    if (valueAt(written, ['trainer', 'values', first]) !== undefined) return ['trainer', 'values', first];
  }
  if (first !== 'tricks' || typeof name !== 'string' || !isMapping(written)) return path;
  return [first, writtenTrick(written, name) ?? name, ...rest];
}
