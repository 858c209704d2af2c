import * as l10n from '@vscode/l10n';
import type { z } from 'zod';
import type { Path } from '../../shared/path';
import type { Fix } from '../problem';
import { YAML_NOTATION } from '../text/yamlDocument';

/** A problem at a path of a file, in plain words. */
export interface Finding {
  readonly path: Path;
  /** Whether the key itself is wrong or its value. */
  readonly part: 'key' | 'value';
  readonly what: string;
  readonly remedy: string;
  /** The key or value that was probably meant instead. */
  readonly replacement?: string | undefined;
  /** The fix, if it is more than another word. */
  readonly fix?: Fix | undefined;
}

/** The information on a kind of file that explanations need in addition to its schema's issues. */
export interface Guide {
  readonly schema: z.core.$ZodType;
  /** Every part of such a file with its default, as a source of examples. */
  readonly example: unknown;
  /** The file's format. */
  readonly format: 'yaml' | 'json';
  /** The message for a file that is not of this kind at all. */
  nothing(): { readonly what: string; readonly remedy: string };
}

/** The remedy for a problem, in words and as an edit. */
export type Remedy = Pick<Finding, 'remedy' | 'replacement' | 'fix'>;

export function at(path: Path, what: string, remedy: Remedy, part: Finding['part'] = 'value'): Finding {
  return { path, part, what, ...remedy };
}

/** Suggests the word that was probably meant, else the allowed ones. */
export function suggestion(near: string | undefined, allowed: readonly string[]): Remedy {
  if (near !== undefined) return { remedy: l10n.t('Did you mean {0}?', near), replacement: near };
  const [first, ...others] = allowed;
  if (first === undefined) return { remedy: l10n.t('Remove it.'), fix: { type: 'remove' } };
  return others.length === 0
    ? { remedy: l10n.t('Use {0}.', first), replacement: first }
    : { remedy: l10n.t('Use one of {0}.', allowed.join(', ')) };
}

/** Longer than any value shown in a message. */
const LONGEST_SHOWN = 100;

/** Formats a value for a message as single-line YAML; null if it is too long. */
export function shown(value: unknown): string | null {
  const text = YAML_NOTATION.inline(value);
  return text.length > LONGEST_SHOWN || text.includes('\n') ? null : text;
}

/** Formats a value as the user wrote it. Long values are described by type. */
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
