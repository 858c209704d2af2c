import { fieldAt, keysAt } from '../../experiment/schemaTree';
import { nearest } from '../../shared/nearest';
import type { Path } from '../../shared/path';

/** Maximum nesting depth of an experiment's keys: tricks, a trick, its option. */
const DEPTH = 3;

/**
 * Returns every dotted key that an experiment like this one may have. Keys below `tricks` are covered by the tricks'
 * names.
 */
export function experimentKeys(value: unknown): string[] {
  return keysBelow([], value).filter((key) => key !== 'tricks' && key !== 'seed' && key !== 'name');
}

function keysBelow(path: Path, value: unknown): string[] {
  if (path.length === DEPTH) return [];
  return keysAt(path, value).flatMap((key) => {
    const below = [...path, key];
    if (path[0] === 'tricks' && path.length === 1) return keysBelow(below, value);
    return [below.join('.'), ...keysBelow(below, value)];
  });
}

/** Whether an experiment may have a key. */
export function isKey(key: string, value: unknown): boolean {
  return fieldAt(key.split('.'), value) !== undefined;
}

/** Returns the key that was probably meant: one with a similar spelling, or with a similar last part, dotted or not. */
export function meantKey(key: string, value: unknown): string | undefined {
  const keys = experimentKeys(value);
  const whole = nearest(key, keys);
  if (whole !== undefined) return whole;
  const last = nearest(lastOf(key), keys.map(lastOf));
  const ending = keys.filter((each) => lastOf(each) === last);
  return ending.length === 1 ? ending[0] : undefined;
}

function lastOf(key: string): string {
  return key.split('.').at(-1) ?? key;
}
