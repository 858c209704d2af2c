import * as l10n from '@vscode/l10n';
import type { z } from 'zod';
import { assertNever } from '../shared/assertNever';
import { nearest } from '../shared/nearest';
import type { Path } from '../shared/path';
import { isMapping, valueAt } from '../shared/values';
import { trickCalled } from '../tricks/registry';

/** What is wrong at a path of a file, in plain words. */
export interface Finding {
  readonly path: Path;
  /** Whether the key itself is wrong, or what stands under it. */
  readonly part: 'key' | 'value';
  readonly what: string;
  readonly remedy: string;
  /** The key or value that was probably meant in its place. */
  readonly replacement?: string | undefined;
}

/** What explanations need to know of a kind of file beside its schema's issues. */
export interface Guide {
  /** Every part of such a file with its default, to have an example of each. */
  readonly example: unknown;
  /** The keys that may stand at a path. */
  keysAt(path: Path, value: unknown): string[];
  /** What to say of a file that is no such file at all. */
  nothing(): { readonly what: string; readonly remedy: string };
}

type Issue = z.core.$ZodIssue;

/** What a schema's issues with `value` mean to a person, the first of each path. */
export function explainIssues(issues: readonly Issue[], value: unknown, guide: Guide): Finding[] {
  return firstOfEachPath(issues.flatMap((issue) => explain(issue, [], value, guide)));
}

function explain(issue: Issue, above: Path, value: unknown, guide: Guide): Finding[] {
  const path = [...above, ...(issue.path as Path)];
  const input = valueAt(value, path);
  if (issue.code === 'unrecognized_keys') {
    const allowed = guide.keysAt(path, value).filter((key) => !Object.hasOwn(Object(input), key));
    return issue.keys.map((key) => unknownKey([...path, key], allowed, guide));
  }
  if (path.length === 0) return [{ path: [], part: 'value', ...guide.nothing() }];
  if (input === undefined) return [missing(path, guide)];
  const name = path.join('.');
  switch (issue.code) {
    case 'invalid_type':
      return [wrongType(path, [issue.expected], input, guide)];
    case 'invalid_value':
      return [wrongValue(path, issue.values, input)];
    case 'invalid_union':
      return union(issue, path, value, guide);
    case 'too_small':
      return [
        issue.origin === 'string'
          ? at(path, l10n.t('{0} must not be empty.', name), exampleRemedy(path, guide, true))
          : wrongRange(path, issue.inclusive ? 'at_least' : 'above', Number(issue.minimum), input, guide),
      ];
    case 'too_big':
      return [
        issue.origin === 'string'
          ? at(
              path,
              l10n.t('{0} must have at most {1} characters.', name, Number(issue.maximum)),
              l10n.t('Shorten it.'),
            )
          : wrongRange(path, issue.inclusive ? 'at_most' : 'below', Number(issue.maximum), input, guide),
      ];
    case 'not_multiple_of':
      return [
        at(
          path,
          l10n.t('{0} must be a multiple of {1}, not {2}.', name, issue.divisor, written(input)),
          exampleRemedy(path, guide),
        ),
      ];
    default:
      return [at(path, l10n.t('{0} is not valid: {1}.', name, issue.message), exampleRemedy(path, guide))];
  }
}

/** Goes on with the branch that fits the value's type; where none does, says what would. */
function union(
  issue: Extract<Issue, { code: 'invalid_union' }>,
  path: Path,
  value: unknown,
  guide: Guide,
): Finding[] {
  const input = valueAt(value, path);
  if ('options' in issue && Array.isArray(issue.options)) return [wrongValue(path, issue.options, input)];
  const fitting = issue.errors
    .filter((branch) => !branch.some((inner) => inner.path.length === 0 && isMismatch(inner)))
    .toSorted((a, b) => a.length - b.length)[0];
  if (fitting) return fitting.flatMap((inner) => explain(inner, path, value, guide));
  const mismatches = issue.errors.flat();
  const values = mismatches.flatMap((inner) => (inner.code === 'invalid_value' ? inner.values : []));
  if (values.some((allowed) => typeof allowed === typeof input)) return [wrongValue(path, values, input)];
  const types = mismatches.flatMap((inner) => (inner.code === 'invalid_type' ? [inner.expected] : []));
  return [wrongType(path, [...values.map(String), ...types], input, guide)];
}

function isMismatch({ code }: Issue): boolean {
  return code === 'invalid_type' || code === 'invalid_value';
}

export function at(path: Path, what: string, remedy: string, part: Finding['part'] = 'value'): Finding {
  return { path, part, what, remedy };
}

function missing(path: Path, guide: Guide): Finding {
  const what = l10n.t('{0} is missing.', path.join('.'));
  const key = String(path.at(-1));
  const example = valueAt(guide.example, path);
  const shown = isMapping(example) ? firstEntry(example) : String(example);
  return at(path, what, l10n.t('Add it, such as {0}: {1}.', key, shown), 'key');
}

/** The first entry as a mapping of its own; empty where there is none. */
function firstEntry(mapping: object): string {
  return Object.entries(mapping)
    .slice(0, 1)
    .map(([key, value]) => `{ ${key}: ${value} }`)
    .join();
}

/** `allowed` are the keys that could still be written beside it. */
function unknownKey(path: Path, allowed: readonly string[], guide: Guide): Finding {
  const key = String(path.at(-1));
  const what = l10n.t('Unknown key {0}.', key);
  const near = nearest(key, allowed);
  const section = Object.entries(Object(guide.example)).find(
    ([, part]) => isMapping(part) && Object.hasOwn(part, key),
  )?.[0];
  if (near === undefined && path.length === 1 && section !== undefined) {
    return at(path, what, l10n.t('It belongs under {0}.', section), 'key');
  }
  const called = near === undefined && path[0] !== 'tricks' ? trickCalled(key) : undefined;
  if (called)
    return at(path, what, l10n.t('It is the trick {0}: write it under tricks.', called.trick.name), 'key');
  return { ...at(path, what, suggestion(near, allowed), 'key'), replacement: near };
}

function wrongValue(path: Path, values: readonly unknown[], input: unknown): Finding {
  const allowed = values.filter((value) => value !== undefined).map(String);
  const near = typeof input === 'string' ? nearest(input, allowed) : undefined;
  const what = l10n.t('{0} must be {1}, not {2}.', path.join('.'), either(allowed), written(input));
  return { ...at(path, what, suggestion(near, allowed)), replacement: near };
}

export function suggestion(near: string | undefined, allowed: readonly string[]): string {
  if (near !== undefined) return l10n.t('Did you mean {0}?', near);
  if (allowed.length === 0) return l10n.t('Remove it.');
  return allowed.length === 1
    ? l10n.t('Use {0}.', allowed[0]!)
    : l10n.t('Use one of {0}.', allowed.join(', '));
}

function wrongType(path: Path, expected: readonly string[], input: unknown, guide: Guide): Finding {
  const kinds = [...new Set(expected)].flatMap(kindNames);
  const isQuoted = typeof input === 'string' && input.trim() !== '' && Number.isFinite(Number(input));
  const wantsNumber = expected.includes('number') || expected.includes('int');
  return at(
    path,
    l10n.t('{0} must be {1}, not {2}.', path.join('.'), either(kinds), written(input)),
    isQuoted && wantsNumber
      ? l10n.t('Write {0} without quotes.', input)
      : exampleRemedy(path, guide, expected.includes('string')),
  );
}

function kindNames(expected: string): string[] {
  switch (expected) {
    case 'number':
      return [l10n.t('a number')];
    case 'int':
      return [l10n.t('a whole number')];
    case 'string':
      return [l10n.t('text')];
    case 'boolean':
      return ['true', 'false'];
    case 'array':
      return [l10n.t('a list')];
    case 'object':
      return [l10n.t('a mapping')];
    default:
      return [expected];
  }
}

function wrongRange(
  path: Path,
  relation: 'at_least' | 'above' | 'at_most' | 'below',
  bound: number,
  input: unknown,
  guide: Guide,
): Finding {
  const name = path.join('.');
  const hasExample = valueAt(guide.example, path) !== undefined;
  switch (relation) {
    case 'above':
      return at(
        path,
        l10n.t('{0} must be greater than {1}, not {2}.', name, bound, written(input)),
        bound === 0 ? positiveRemedy(path, guide) : exampleRemedy(path, guide),
      );
    case 'at_least':
      return at(
        path,
        l10n.t('{0} must be at least {1}, not {2}.', name, bound, written(input)),
        hasExample ? exampleRemedy(path, guide) : l10n.t('Use at least {0}.', bound),
      );
    case 'below':
      return at(
        path,
        l10n.t('{0} must be less than {1}, not {2}.', name, bound, written(input)),
        hasExample ? exampleRemedy(path, guide) : l10n.t('Use a number below {0}.', bound),
      );
    case 'at_most':
      return at(
        path,
        l10n.t('{0} must be at most {1}, not {2}.', name, bound, written(input)),
        hasExample ? exampleRemedy(path, guide) : l10n.t('Use at most {0}.', bound),
      );
    default:
      return assertNever(relation);
  }
}

function positiveRemedy(path: Path, guide: Guide): string {
  return l10n.t('Use a positive number such as {0}.', Number(valueAt(guide.example, path) ?? 1));
}

function exampleRemedy(path: Path, guide: Guide, isText = false): string {
  const example = valueAt(guide.example, path);
  if (path[0] === 'tricks' && path.length === 2) {
    return isMapping(example) && Object.keys(example).length > 0
      ? l10n.t('Write true, or options such as {0}.', firstEntry(example))
      : l10n.t('Write true.');
  }
  switch (typeof example) {
    case 'number':
      return l10n.t('Use a number such as {0}.', example);
    case 'boolean':
      return l10n.t('Use true or false.');
    case 'string':
      return l10n.t('Use text such as {0}.', example);
    case 'object':
      return Array.isArray(example)
        ? l10n.t('Use a list such as [{0}].', example.join(', '))
        : l10n.t('Write keys and values such as {0}.', firstEntry(Object(example)));
    default:
      return isText ? l10n.t('Write text.') : l10n.t('Use a number such as {0}.', 1);
  }
}

/** A value as a person wrote it, long ones by their kind. */
export function written(value: unknown): string {
  if (value === null) return l10n.t('an empty value');
  if (Array.isArray(value)) return l10n.t('a list');
  if (typeof value === 'object') return l10n.t('a mapping');
  if (typeof value !== 'string') return String(value);
  return JSON.stringify(value.length > 40 ? `${value.slice(0, 40)}...` : value);
}

export function either(names: readonly string[]): string {
  const last = names.at(-1) ?? '';
  return names.length < 2 ? last : l10n.t('{0} or {1}', names.slice(0, -1).join(', '), last);
}

function firstOfEachPath(findings: readonly Finding[]): Finding[] {
  const seen = new Set<string>();
  return findings.filter(({ path }) => {
    const name = JSON.stringify(path);
    return !seen.has(name) && seen.add(name);
  });
}
