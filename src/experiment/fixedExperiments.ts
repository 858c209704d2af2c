/** Fixes an experiment's problems, so that problems in its other parts can be found too. */
import { isDeepStrictEqual } from 'node:util';
import type { Path } from '../shared/path';
import { valueAt, withoutValues, withValue } from '../shared/values';
import { accepts, candidatesAt } from './remedies/candidates';
import type { Finding } from './remedies/finding';
import { type Experiment, experimentSchema } from './schema';
import type { Validation } from './validate';

/** The maximum number of candidates per part. */
const WAYS = 4;
/** A substituted kind may in turn need its own parts. */
const ROUNDS = 3;
/** Keys that determine which sibling keys are valid. */
const KIND_KEYS: readonly unknown[] = ['dataset', 'name', 'step'];

/**
 * Returns an experiment with its findings fixed in a few ways: as it was probably meant, else with values as different
 * as possible. A problem that all variants share does not depend on the broken parts.
 */
export function fixedExperiments(
  value: unknown,
  findings: readonly Finding[],
  check: (value: unknown) => Validation,
): Experiment[] {
  const fixed: unknown[] = [];
  for (let way = 0; way < WAYS; way++) {
    const next = fixedBy(value, findings, way);
    if (!fixed.some((each) => isDeepStrictEqual(each, next))) fixed.push(next);
  }
  return fixed.flatMap((each, way) => checked(each, way, check));
}

function checked(value: unknown, way: number, check: (value: unknown) => Validation): Experiment[] {
  let fixed = value;
  for (let round = 0; round < ROUNDS; round++) {
    const validation = check(fixed);
    if (validation.ok) return [validation.experiment];
    fixed = fixedBy(fixed, validation.findings, way);
  }
  return [];
}

function fixedBy(value: unknown, findings: readonly Finding[], way: number): unknown {
  const unknown = findings.filter(({ part, path }) => part === 'key' && valueAt(value, path) !== undefined);
  const others = findings.filter((finding) => !unknown.includes(finding));
  const repairs = [
    ...others.map((finding) => ({ path: fixedPath(finding), meant: meantBy(finding) })),
    ...unknown.flatMap((finding) => {
      const path = targetOf(finding);
      return path === null ? [] : [{ path, meant: givenBy(finding, value) }];
    }),
  ];
  const known = withoutValues(
    value,
    unknown.map(({ path }) => path),
  );
  return repairs.toSorted(byOrder).reduce((fixed, { path, meant }) => {
    if (meant !== undefined && accepts(experimentSchema, path, fixed, meant)) {
      return withValue(fixed, path, meant);
    }
    const candidates = candidatesAt(experimentSchema, path, fixed);
    return candidates.length === 0 ? fixed : withValue(fixed, path, candidates[way % candidates.length]);
  }, known);
}

/** Sorts a section before its parts, and the kind key before the other parts, which depend on it. */
function byOrder({ path: one }: { readonly path: Path }, { path: other }: { readonly path: Path }): number {
  const isKind = (path: Path) => (KIND_KEYS.includes(path.at(-1)) ? 0 : 1);
  return one.length - other.length || isKind(one) - isKind(other);
}

function fixedPath({ path, fix }: Finding): Path {
  return fix?.type === 'set' && fix.isMeant ? fix.path : path;
}

/** Returns where the value of an unknown key belongs; null if it belongs nowhere. */
function targetOf({ path, replacement, fix }: Finding): Path | null {
  if (replacement !== undefined) return [...path.slice(0, -1), replacement];
  return fix?.type === 'move' ? fix.to : null;
}

function givenBy({ path, fix }: Finding, value: unknown): unknown {
  return fix?.type === 'move' ? fix.value : valueAt(value, path);
}

function meantBy({ replacement, fix }: Finding): unknown {
  return replacement ?? (fix?.type === 'set' && fix.isMeant ? fix.value : undefined);
}
