import * as l10n from '@vscode/l10n';
import { z } from 'zod';
import { nearest } from '../shared/nearest';
import type { Path } from '../shared/path';
import { isMapping, valueAt, withoutValue, withValue } from '../shared/values';

import { at, type Finding, type Guide, written } from './remedies/finding';
import { keysCalled } from './remedies/otherNames';
import { unknownKey } from './remedies/unknownKey';
import { exampleRemedy, missing, wrongRange, wrongType, wrongValue } from './remedies/wrongValue';
import { keysAt } from './schemaTree';

export type { Finding, Guide };

type Issue = z.core.$ZodIssue;

/** Translates a schema's issues with `value` into findings for the user, the first one per path. */
export function explainIssues(issues: readonly Issue[], value: unknown, guide: Guide): Finding[] {
  return firstOfEachPath(issues.flatMap((issue) => explain(issue, [], value, guide)));
}

function explain(issue: Issue, above: Path, value: unknown, guide: Guide): Finding[] {
  const path = [...above, ...(issue.path as Path)];
  const input = valueAt(value, path);
  if (issue.code === 'unrecognized_keys') {
    const allowed = keysAt(path, value, guide.schema).filter((key) => !Object.hasOwn(Object(input), key));
    return issue.keys.map((key) => unknownKey([...path, key], allowed, value, guide));
  }
  if (path.length === 0) return [{ path: [], part: 'value', ...guide.nothing() }];
  if (issue.code === 'invalid_union') return union(issue, path, value, guide);
  if (input === undefined) return [missing(path, value, guide)];
  const name = path.join('.');
  switch (issue.code) {
    case 'invalid_type':
      return [wrongType(path, [issue.expected], value, guide)];
    case 'invalid_value':
      return [wrongValue(path, issue.values, value, guide)];
    case 'too_small':
    case 'too_big': {
      const isLeast = issue.code === 'too_small';
      const limit = Number(isLeast ? issue.minimum : issue.maximum);
      const relation = isLeast
        ? issue.inclusive === false
          ? 'above'
          : 'at_least'
        : issue.inclusive === false
          ? 'below'
          : 'at_most';
      if (issue.origin === 'string') {
        const bound = { relation: isLeast ? 'at_least' : 'at_most', of: 'text' } as const;
        return [wrongRange(path, bound, limit, value, guide)];
      }
      const of = issue.origin === 'array' ? 'list' : 'number';
      return [wrongRange(path, { relation, of }, limit, value, guide)];
    }
    case 'not_multiple_of':
      return [
        at(
          path,
          l10n.t('{0} must be a multiple of {1}, not {2}.', name, issue.divisor, written(input)),
          exampleRemedy(path, value, guide),
        ),
      ];
    default:
      return [
        at(path, l10n.t('{0} cannot be {1}.', name, written(input)), exampleRemedy(path, value, guide)),
      ];
  }
}

/** Continues with the union branch that matches the value's type. If none does, says what would be valid. */
function union(
  issue: Extract<Issue, { code: 'invalid_union' }>,
  path: Path,
  value: unknown,
  guide: Guide,
): Finding[] {
  if ('options' in issue && Array.isArray(issue.options)) {
    return wrongKind(path, issue.options, value, guide);
  }
  const input = valueAt(value, path);
  if (input === undefined) return [missing(path, value, guide)];
  const fitting = issue.errors
    .filter((branch) => !branch.some((inner) => inner.path.length === 0 && isMismatch(inner)))
    .toSorted((a, b) => a.length - b.length)[0];
  if (fitting) return fitting.flatMap((inner) => explain(inner, path, value, guide));
  const mismatches = issue.errors.flat();
  const values = mismatches.flatMap((inner) => (inner.code === 'invalid_value' ? inner.values : []));
  if (values.some((allowed) => typeof allowed === typeof input)) {
    return [wrongValue(path, values, value, guide)];
  }
  const types = mismatches.flatMap((inner) => (inner.code === 'invalid_type' ? [inner.expected] : []));
  return [wrongType(path, [...values.map(String), ...types], value, guide)];
}

function isMismatch({ code }: Issue): boolean {
  return code === 'invalid_type' || code === 'invalid_value';
}

/**
 * Explains an invalid kind key of a mapping, together with the errors next to it: by the kind that was probably meant,
 * else by the errors common to all kinds.
 */
function wrongKind(path: Path, kinds: readonly unknown[], value: unknown, guide: Guide): Finding[] {
  const section = path.slice(0, -1);
  const misnamed = misnamedKind(path, value);
  if (misnamed !== undefined) return misnamedFindings(path, misnamed, value, guide);
  const own =
    valueAt(value, path) === undefined ? missing(path, value, guide) : wrongValue(path, kinds, value, guide);
  if (!isMapping(valueAt(value, section))) return [own];
  const meant = meantKind(own, path);
  const tried = meant === undefined ? kinds.filter((kind) => kind !== undefined) : [meant];
  const byKind = tried.map((kind) => {
    const world = worldOf(own, path, kind, value);
    return findingsBeside(path, world, guide);
  });
  const [first = [], ...others] = byKind;
  const beside = first.flatMap(({ path: at }) => {
    const same = others.map((findings) => findings.find((each) => isSame(each.path, at)));
    if (same.some((each) => each === undefined)) return [];
    const all = [first.find((each) => isSame(each.path, at)), ...same].filter((each) => each !== undefined);
    const chosen = all.find(({ part }) => part === 'value') ?? all.find((each) => each.replacement) ?? all[0];
    return chosen ? [others.length > 0 ? whateverKind(chosen) : chosen] : [];
  });
  return [own, ...beside];
}

/** Returns the errors in the other parts of the section that contains `path`. */
function findingsBeside(path: Path, value: unknown, guide: Guide): Finding[] {
  const section = path.slice(0, -1);
  const { error } = z.safeParse(guide.schema, value);
  // Filters before explaining, because a wrong kind in another section does not matter here.
  const issues = error?.issues.filter((issue) => isBelow([...(issue.path as Path), ''], section)) ?? [];
  return explainIssues(issues, value, guide).filter((finding) => !isSame(finding.path, path));
}

/** Returns a sibling key that another system uses for the missing one, or that is spelled similarly. */
function misnamedKind(path: Path, value: unknown): string | undefined {
  const beside = valueAt(value, path.slice(0, -1));
  if (!isMapping(beside) || valueAt(value, path) !== undefined) return undefined;
  const name = String(path.at(-1));
  const isCalled = (key: string) => keysCalled(key).some((ours) => isSame(ours, path));
  return Object.keys(beside).find((key) => isCalled(key) || nearest(key, [name]) !== undefined);
}

function misnamedFindings(path: Path, key: string, value: unknown, guide: Guide): Finding[] {
  const section = path.slice(0, -1);
  const misnamed = [...section, key];
  const world = withValue(withoutValue(value, misnamed), path, valueAt(value, misnamed));
  const beside = findingsBeside(path, world, guide);
  const name = String(path.at(-1));
  const what = l10n.t('Unknown key {0}.', key);
  const remedy = { remedy: l10n.t('It is called {0} here.', name), replacement: name };
  return [at(misnamed, what, remedy, 'key'), ...beside.filter((finding) => !isSame(finding.path, misnamed))];
}

/** Valid sibling keys depend on the kind, unless every kind has a similarly spelled key. */
function whateverKind(finding: Finding): Finding {
  return finding.part === 'value' || finding.replacement !== undefined
    ? finding
    : { ...finding, remedy: l10n.t('Remove it.'), fix: { type: 'remove' } };
}

function meantKind({ replacement, fix }: Finding, path: Path): unknown {
  if (replacement !== undefined) return replacement;
  return fix?.type === 'set' && fix.isMeant ? valueAt(fix.value, path.slice(fix.path.length)) : undefined;
}

/** Returns the value with a kind, and with the rest of the finding's fix. */
function worldOf({ fix }: Finding, path: Path, kind: unknown, value: unknown): unknown {
  return fix?.type === 'set' && fix.isMeant
    ? withValue(value, fix.path, fix.value)
    : withValue(value, path, kind);
}

function isBelow(path: Path, above: Path): boolean {
  return path.length > above.length && above.every((key, index) => path[index] === key);
}

function isSame(one: Path, other: Path): boolean {
  return one.length === other.length && isBelow([...one, ''], other);
}

function firstOfEachPath(findings: readonly Finding[]): Finding[] {
  const seen = new Set<string>();
  return findings.filter(({ path }) => {
    const name = JSON.stringify(path);
    return !seen.has(name) && seen.add(name);
  });
}
