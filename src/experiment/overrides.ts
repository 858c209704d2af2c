import * as l10n from '@vscode/l10n';
import type { Path } from '../shared/path';
import { withValue } from '../shared/values';
import { parseDocument } from './text/document';
import type { Finding } from './validate';

/** A `key=value` from the command line, such as `schedule.epochs=3`. */
export interface Override {
  readonly source: string;
  readonly path: Path;
  readonly value: unknown;
}

export type OverrideResult =
  | { readonly ok: true; readonly override: Override }
  | { readonly ok: false; readonly finding: Finding };

/** Parses `key=value`: a dotted key, and a single-line YAML value. */
export function parseOverride(source: string): OverrideResult {
  const equals = source.indexOf('=');
  const path = source.slice(0, equals).trim().split('.');
  if (equals < 1 || path.some((key) => key === '')) {
    return wrong(
      [],
      l10n.t('This is not key=value.'),
      l10n.t('Write a key with dots between its parts, such as schedule.epochs=3.'),
    );
  }
  const { value, problems } = parseDocument(source.slice(equals + 1), '.yaml');
  if (problems.length > 0) {
    return wrong(
      path,
      l10n.t('The value of {0} cannot be read.', path.join('.')),
      l10n.t('Write a number, true, false, text, or YAML in braces.'),
    );
  }
  return { ok: true, override: { source, path, value: isTrick(path) ? switched(value) : value } };
}

function isTrick(path: Path): boolean {
  return path.length === 2 && path[0] === 'tricks';
}

/** Study files and command lines say on and off, which are texts in YAML 1.2. */
function switched(value: unknown): unknown {
  return value === 'on' || value === 'off' ? value === 'on' : value;
}

/** Applies overrides to plain data. Later ones win. A trick written as `true` becomes a mapping for its options. */
export function withOverrides(value: unknown, overrides: readonly Override[]): unknown {
  return overrides.reduce((data, { path, value: next }) => withValue(data, path, next), value);
}

/** Returns the last override that affects the value at `path`. */
export function overrideOf(overrides: readonly Override[], path: Path): Override | undefined {
  return overrides.findLast((override) => {
    const shared = Math.min(override.path.length, path.length);
    return path.length > 0 && override.path.slice(0, shared).join('.') === path.slice(0, shared).join('.');
  });
}

function wrong(path: Path, what: string, remedy: string): OverrideResult {
  return { ok: false, finding: { path, part: 'value', what, remedy } };
}
