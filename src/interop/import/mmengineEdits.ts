import { isDeepStrictEqual } from 'node:util';
import * as l10n from '@vscode/l10n';
import type { EditResult } from '../../experiment/text/textEdits';
import { isMapping } from '../../shared/values';
import type { Changes } from '../../tricks/elsewhere/mapping';
import type { MmengineConfig } from './mmengineConfig';
import {
  appended,
  assignment,
  listSteps,
  nestedText,
  removal,
  type Step,
  statement,
  stepped,
  writtenEntry,
} from './pythonEdits';
import {
  entryAt,
  isName,
  type Literal,
  type PyDict,
  type PyValue,
  plainOf,
  pythonOf,
  writtenOf,
} from './pythonValues';

type Outcome = ReturnType<typeof stepped>;

/**
 * Edits a config so that MMEngine's result has the requested values. Overrides inherited values, and removes them with
 * MMEngine's own syntax. For each change, it uses the first way whose edited text gives the requested result when read
 * again.
 */
export function editConfig(
  text: string,
  changes: Changes,
  readAny: (text: string) => MmengineConfig | null,
): EditResult {
  const begun = readAny(text);
  if (!begun || begun.module.hasErrors) {
    return { ok: false, reason: l10n.t('The file has a syntax error. Fix it first.') };
  }
  const read = (each: string): MmengineConfig => {
    const config = readAny(each);
    if (!config) throw new Error('An edit made something that is no Python.');
    return config;
  };
  let current = text;
  for (const [setting, value] of Object.entries(changes)) {
    const outcome = changed(current, setting.split('.'), value, read);
    if (!outcome.ok) return outcome;
    current = outcome.text;
  }
  return current === text
    ? { ok: true, edits: [] }
    : { ok: true, edits: [{ offset: 0, length: text.length, text: current }] };
}

function changed(
  text: string,
  path: readonly string[],
  value: unknown,
  read: (text: string) => MmengineConfig,
): Outcome {
  const config = read(text);
  const before = entryAt(config.merged, path)?.value;
  if (isAsAsked(before, value)) return { ok: true, text };
  const names = (each: string) => read(each).module.names;
  let first: Outcome | null = null;
  for (const way of value === undefined ? removals(config, path) : settings(config, path, value)) {
    const outcome = 'reason' in way ? way : stepped(text, way.steps, names);
    if (outcome.ok && isAsAsked(entryAt(read(outcome.text).merged, path)?.value, value)) return outcome;
    first ??= outcome.ok ? { ok: false, reason: unreachable(path) } : outcome;
  }
  return first ?? { ok: false, reason: unreachable(path) };
}

function isAsAsked(found: PyValue | undefined, value: unknown): boolean {
  return value === undefined
    ? found === undefined
    : found !== undefined && isDeepStrictEqual(plainOf(found), value);
}

function unreachable(path: readonly string[]): string {
  return l10n.t('{0} cannot be changed without changing other parts of the file.', path.join('.'));
}

type Way = { readonly steps: readonly Step[] } | { readonly ok: false; readonly reason: string };

/** Returns the ways to set a value. If the base already has the value, removing the file's own line may be enough. */
function settings(config: MmengineConfig, path: readonly string[], value: unknown): readonly Way[] {
  const inherited = entryAt(config.base, path)?.value;
  const isInherited = inherited !== undefined && isDeepStrictEqual(plainOf(inherited), value);
  const setting = settingOf(config, path, value);
  return isInherited && writtenEntry(config.module.names, path)
    ? [{ steps: [removal(path)] }, setting]
    : [setting];
}

function settingOf(config: MmengineConfig, path: readonly string[], value: unknown): Way {
  const { module } = config;
  if (config.isLazy && !isOwn(module.names, path)) return lazySetting(config, path, value);
  const own = writtenEntry(module.names, path);
  if (Array.isArray(value) && own) return { steps: listSteps(module.names, path, value) };
  // The deepest existing mapping in the file itself. Its new part is merged into the inherited values.
  let depth = own ? path.length : path.length - 1;
  while (depth > 0 && !own && writtenEntry(module.names, path.slice(0, depth))?.value.kind !== 'dict')
    depth -= 1;
  const at = path.slice(0, Math.min(depth + 1, path.length));
  const wanted = nested(path.slice(at.length), value);
  const base = config.isLazy ? undefined : baseAt(config, at);
  if (base === 'unknown' && isMapping(wanted)) return unknownBase(config, at);
  const isInPlace = writtenEntry(module.names, at) !== null && isMapping(wanted);
  const over = base === 'unknown' ? wanted : overlaid(wanted, base, isInPlace);
  return { steps: [assignment(at, pythonOf(over, at.at(-1)))] };
}

/** In a file with `read_base()`, names already contain the inherited values, so they are changed, not reassigned. */
function lazySetting({ module, base }: MmengineConfig, path: readonly string[], value: unknown): Way {
  const [name = '', ...rest] = path;
  const held = module.names.entries.get(name)?.value;
  if (held?.kind === 'computed') return { ok: false, reason: l10n.t('The file computes {0}.', name) };
  const added = `${path.at(-1)}=${pythonOf(value, path.at(-1))}`;
  const beside = siblingLiteral(module.names, path);
  if (beside) return { steps: [({ text }) => appended(text, beside, added)] };
  if (held?.kind === 'dict' && rest.length > 0) {
    return { steps: [statement(`${name}.update(${nestedText(rest, pythonOf(value, rest.at(-1)))})`)] };
  }
  // Unknown inherited values would be lost.
  if (!held && rest.length > 0 && base.open !== null) return { ok: false, reason: base.open };
  return { steps: [statement(`${name} = ${nestedText(rest, pythonOf(value, path.at(-1)))}`)] };
}

/** Returns the literal in this text that sets another key of the same mapping, such as one passed to `update`. */
function siblingLiteral(names: PyDict, path: readonly string[]): Literal | null {
  const holder = path.length > 1 ? entryAt(names, path.slice(0, -1))?.value : undefined;
  if (holder?.kind !== 'dict') return null;
  const literals = [...holder.entries.values()].map(({ slot }) => slot?.holder);
  return literals.findLast((literal) => literal?.style === 'call') ?? null;
}

/** Whether a path is set, or could be set, within the literals of this text. */
function isOwn(names: PyDict, path: readonly string[]): boolean {
  for (let depth = path.length; depth > 0; depth--) {
    const entry = entryAt(names, path.slice(0, depth));
    if (!entry) continue;
    const { value, slot, isPlain } = entry;
    if (!slot) return false;
    return (
      depth === path.length || value.kind !== 'dict' || (isPlain && value.literal !== null && !value.isConfig)
    );
  }
  return false;
}

/**
 * Yields the ways to remove a value: removes the file's own text for it, and deletes it in the file if it is inherited.
 */
function* removals(config: MmengineConfig, path: readonly string[]): Generator<Way> {
  const { module, base } = config;
  const own = writtenEntry(module.names, path);
  const inherited = config.isLazy ? entryAt(base, path) : baseAt(config, path);
  if (inherited === 'unknown') {
    yield unknownBase(config, path);
    return;
  }
  if (own) yield { steps: [removal(path)] };
  const [name = '', ...rest] = path;
  if (config.isLazy) {
    if (isName(name)) yield { steps: [statement(`del ${name}${rest.map((key) => `['${key}']`).join('')}`)] };
    return;
  }
  yield deletion(config, path);
}

/** Sets `_delete_=True` in the parent mapping and repeats everything else that it inherits. */
function deletion({ module, merged }: MmengineConfig, path: readonly string[]): Way {
  const above = path.slice(0, -1);
  const key = path.at(-1);
  const holder = entryAt(merged, above)?.value;
  if (above.length === 0 || holder?.kind !== 'dict') {
    return {
      ok: false,
      reason: l10n.t('{0} comes from a base config, and MMEngine cannot remove it.', path.join('.')),
    };
  }
  const kept = new Map([...holder.entries].filter(([each]) => each !== key));
  const own = writtenEntry(module.names, above)?.value;
  const written = new Map([...kept].map(([each, entry]) => [each, writtenOf(entry.value)] as const));
  const missing = [...written].filter(([each]) => own?.kind !== 'dict' || !own.entries.has(each));
  if (missing.some(([, text]) => text === null)) {
    return {
      ok: false,
      reason: l10n.t('Part of {0} is computed, so it cannot be rewritten.', above.join('.')),
    };
  }
  const added = [['_delete_', 'True'] as const, ...missing];
  if (own?.kind === 'dict' && own.entries.size > 0) {
    const steps = added.map(([each, text]) => assignment([...above, each], text ?? ''));
    return { steps: [...steps, ...(own.entries.has(key ?? '') ? [removal(path)] : [])] };
  }
  const parts = added.map(([each, text]) => (isName(each) ? `${each}=${text}` : null));
  if (parts.includes(null)) {
    return {
      ok: false,
      reason: l10n.t('Part of {0} is computed, so it cannot be rewritten.', above.join('.')),
    };
  }
  return { steps: [assignment(above, `dict(${parts.join(', ')})`)] };
}

/** Returns the inherited value at a path, unless the file hides it. `unknown` if there may be one. */
function baseAt({ base, module }: MmengineConfig, path: readonly string[]): PyValue | 'unknown' | undefined {
  let at: PyValue = base;
  for (const [depth, key] of path.entries()) {
    const own = depth === 0 ? undefined : entryAt(module.names, path.slice(0, depth))?.value;
    if (own?.kind === 'dict' && own.entries.has('_delete_')) return undefined;
    if (at.kind === 'computed' || ((at.kind === 'dict' || at.kind === 'list') && at.isSpoilt))
      return 'unknown';
    if (at.kind !== 'dict') return undefined;
    const found: PyValue | undefined = at.entries.get(key)?.value;
    if (!found) return at.open === null ? undefined : 'unknown';
    at = found;
  }
  return at;
}

function unknownBase(config: MmengineConfig, path: readonly string[]): Way {
  return {
    ok: false,
    reason: config.base.open ?? l10n.t('A base config computes {0}.', path.join('.')),
  };
}

/** Returns what must be written over `base` to get `wanted`. With `isAll`, no entry of a base mapping may remain. */
function overlaid(wanted: unknown, base: PyValue | undefined, isAll = false): unknown {
  if (!isMapping(wanted) || base === undefined) return wanted;
  if (base.kind !== 'dict' || isAll) return { _delete_: true, ...wanted };
  return Object.fromEntries(
    Object.entries(wanted).map(([key, value]) => [key, overlaid(value, base.entries.get(key)?.value)]),
  );
}

function nested(path: readonly string[], value: unknown): unknown {
  return path.reduceRight((inner, key) => ({ [key]: inner }), value);
}
