import * as l10n from '@vscode/l10n';
import type { Path } from '../shared/path';
import { withValue } from '../shared/values';
import { parseDocument } from './text/document';
import type { Finding } from './validate';

/** A `key=value` of the command line, such as `schedule.epochs=3`. */
export interface Override {
  readonly source: string;
  readonly path: Path;
  readonly value: unknown;
}

export type OverrideResult =
  | { readonly ok: true; readonly override: Override }
  | { readonly ok: false; readonly finding: Finding };

/** Reads `key=value`: a key with dots between its parts, and a value as YAML on one line. */
export function parseOverride(source: string): OverrideResult {
  const equals = source.indexOf('=');
  const path = source.slice(0, equals).trim().split('.');
  if (equals < 1 || path.some((key) => key === '')) {
    return wrong(
      [],
      l10n.t('This is no key=value.'),
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
  return { ok: true, override: { source, path, value } };
}

/** Plain data with overrides in it, later ones winning; a trick written `true` becomes a mapping for its options. */
export function withOverrides(value: unknown, overrides: readonly Override[]): unknown {
  return overrides.reduce((data, { path, value: next }) => withValue(data, path, next), value);
}

/** The last override that had a say in what stands at `path`. */
export function overrideOf(overrides: readonly Override[], path: Path): Override | undefined {
  return overrides.findLast((override) => {
    const shared = Math.min(override.path.length, path.length);
    return path.length > 0 && override.path.slice(0, shared).join('.') === path.slice(0, shared).join('.');
  });
}

function wrong(path: Path, what: string, remedy: string): OverrideResult {
  return { ok: false, finding: { path, part: 'value', what, remedy } };
}
