import { fieldAt, keysAt } from '../../experiment/schemaTree';
import { nearest } from '../../shared/nearest';
import type { Path } from '../../shared/path';

/** An experiment nests its keys no deeper: tricks, a trick, its option. */
const DEPTH = 3;

/** Every key that an experiment like this one may have, with dots; those of tricks are left to the tricks' names. */
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

/** The key that was probably meant: one that is written much like it, or whose last part is, with dots or without. */
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
