import * as l10n from '@vscode/l10n';
import { assertNever } from '../../shared/assertNever';
import { folded, nearest } from '../../shared/nearest';
import type { Path } from '../../shared/path';
import { isMapping, valueAt } from '../../shared/values';
import { ALL_TRICKS, trickCalled } from '../../tricks/registry';
import { fieldAt, keysAt } from '../schemaTree';
import { accepts, candidatesAt } from './candidates';
import { at, either, type Finding, type Guide, type Remedy, shown, suggestion, written } from './finding';
import { onDisk, valueCalled } from './otherNames';

/** Returns the finding for a value that is not one of the allowed ones. */
export function wrongValue(
  path: Path,
  values: readonly unknown[],
  value: unknown,
  { schema }: Guide,
): Finding {
  const input = valueAt(value, path);
  const allowed = values.filter((each) => each !== undefined);
  const names = allowed.map(String);
  const what = l10n.t('{0} must be {1}, not {2}.', path.join('.'), either(names), written(input));
  const disk = path.join('.') === 'data.dataset' && typeof input === 'string' ? onDisk(input) : undefined;
  if (disk) {
    const { dataset, path: folder } = disk;
    const data = { path: folder, ...Object(valueAt(value, ['data'])), dataset };
    return at(path, what, {
      remedy: disk.remedy(),
      fix: { type: 'set', path: ['data'], value: data, isMeant: true },
    });
  }
  const other =
    typeof input === 'string' || typeof input === 'boolean' ? valueCalled(path, `${input}`) : undefined;
  const near =
    (other !== undefined && names.includes(other) ? other : undefined) ??
    (typeof input === 'string' ? nearest(input, names) : undefined);
  const remedy = suggestion(near, names);
  const meant = allowed.find((each) => String(each) === remedy.replacement);
  // A string is replaced by another word in the text. Anything else is written as a value.
  if (typeof meant === 'string' && typeof input === 'string') return at(path, what, remedy);
  const isKnown = meant !== undefined && accepts(schema, path, value, meant);
  return at(path, what, {
    remedy: remedy.remedy,
    ...(isKnown && { fix: { type: 'set', path, value: meant, isMeant: true } }),
  });
}

/** Returns the finding for a value of the wrong type. */
export function wrongType(path: Path, expected: readonly string[], value: unknown, guide: Guide): Finding {
  const input = valueAt(value, path);
  const kinds = [...new Set(expected)].flatMap(kindNames);
  return at(
    path,
    l10n.t('{0} must be {1}, not {2}.', path.join('.'), either(kinds), written(input)),
    meantRemedy(path, input, value, guide) ?? exampleRemedy(path, value, guide),
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
    case 'tuple':
      return [l10n.t('a list')];
    case 'object':
    case 'record':
      return [l10n.t('a mapping')];
    default:
      return [expected];
  }
}

/** Guesses what a value of the wrong type was meant to be, for example `[512]` for 512; null if unclear. */
function meantRemedy(path: Path, input: unknown, value: unknown, guide: Guide): Remedy | null {
  const meaning = (meant: unknown, remedy: (text: string) => string): Remedy | null => {
    const text = meant !== undefined && accepts(guide.schema, path, value, meant) ? shown(meant) : null;
    if (text === null) return null;
    return { remedy: remedy(text), fix: { type: 'set', path, value: meant, isMeant: true } };
  };
  const write = (text: string) => l10n.t('Write {0}.', text);
  const writeEntry = (text: string) => l10n.t('Write {0}.', `${path.at(-1)}: ${text}`);
  const unquoted = () => l10n.t('Write {0} without quotes.', String(input));
  if (typeof input === 'string' && input.trim() !== '' && Number.isFinite(Number(input))) {
    const found = meaning(Number(input), unquoted);
    if (found) return found;
  }
  if (input === 'true' || input === 'false') {
    const found = meaning(input === 'true', unquoted);
    if (found) return found;
  }
  const isSwitch = typeof input === 'string' ? switchCalled(input) : undefined;
  if (isSwitch !== undefined) {
    const found = meaning(isSwitch, (text) => switchRemedy(path, String(input), text, guide));
    if (found) return found;
  }
  return (
    meaning([input], write) ??
    (Array.isArray(input) && input.length === 1 ? meaning(input[0], write) : null) ??
    meaning(optionOf(path, input), writeEntry) ??
    meaning(mappingOf(path, input, guide), writeEntry)
  );
}

/** YAML 1.1 has more words for true and false than YAML 1.2. */
function switchCalled(word: string): boolean | undefined {
  const name = word.trim().toLowerCase();
  if (['on', 'yes', 'y', 'enabled'].includes(name)) return true;
  return ['off', 'no', 'n', 'none', 'disabled'].includes(name) ? false : undefined;
}

function switchRemedy(path: Path, word: string, text: string, { format }: Guide): string {
  if (format === 'json') return l10n.t('Write {0}.', text);
  return path[0] === 'tricks' && path.length === 2 && text === 'false'
    ? l10n.t('In YAML 1.2 {0} is text: write false to turn the trick off.', word)
    : l10n.t('In YAML 1.2 {0} is text: write {1}.', word, text);
}

/** A bare value of a trick sets the option that the trick's aliases name. */
function optionOf(path: Path, input: unknown): unknown {
  if (path[0] !== 'tricks' || path.length !== 2) return undefined;
  const option = trickCalled(String(path[1]))?.option;
  const isBare = typeof input === 'number' || typeof input === 'string';
  return isBare && option !== undefined ? { [option]: input } : undefined;
}

/** A list with more items was not meant as a mapping. */
const MOST_KEYS = 30;

/** Returns the mapping that a name, or a list of names and mappings, was meant as. */
function mappingOf(path: Path, input: unknown, guide: Guide): unknown {
  const parts = typeof input === 'string' ? input.split(/[,\s]+/) : Array.isArray(input) ? input : [];
  if (parts.length === 0 || parts.length > MOST_KEYS) return undefined;
  const entries = parts.map((part: unknown) => {
    if (isMapping(part)) return part;
    return typeof part === 'string' ? entryOf(path, part, guide) : undefined;
  });
  return entries.some((entry) => entry === undefined) ? undefined : Object.assign({}, ...entries);
}

/** Returns `{ warmup: true }` for a trick's name, and `{ name: resnet20 }` for a word that is the kind of a section. */
function entryOf(path: Path, word: string, { schema }: Guide): object | undefined {
  if (path.join('.') === 'tricks') {
    const names = ALL_TRICKS.map(({ name }) => name);
    const name = trickCalled(word)?.trick.name ?? nearest(word, names);
    return name === undefined ? undefined : { [name]: true };
  }
  for (const key of keysAt(path, undefined, schema)) {
    const at = [...path, key];
    const kinds = [...(fieldAt(at, undefined, schema)?.values.keys() ?? [])].map(String);
    const name =
      kinds.find((kind) => folded(kind) === folded(word)) ?? valueCalled(at, word) ?? nearest(word, kinds);
    if (name !== undefined && kinds.includes(name)) return { [key]: name };
  }
  return undefined;
}

export type Bound =
  | { readonly relation: 'at_least' | 'above' | 'at_most' | 'below'; readonly of: 'number' | 'list' }
  | { readonly relation: 'at_least' | 'at_most'; readonly of: 'text' };

/** Returns the finding for a number, list length or text length out of range. */
export function wrongRange(path: Path, bound: Bound, limit: number, value: unknown, guide: Guide): Finding {
  const input = valueAt(value, path);
  const name = path.join('.');
  const example = exampleRemedy(path, value, guide);
  if (bound.of === 'text') {
    return bound.relation === 'at_least'
      ? at(path, l10n.t('{0} must not be empty.', name), example)
      : at(path, l10n.t('{0} must have at most {1} characters.', name, limit), {
          remedy: l10n.t('Shorten it.'),
        });
  }
  if (bound.of === 'list') {
    const count = Array.isArray(input) ? input.length : 0;
    const isFew = bound.relation === 'at_least' || bound.relation === 'above';
    return isFew
      ? at(path, l10n.t('{0} must have at least {1} items, not {2}.', name, limit, count), example)
      : at(path, l10n.t('{0} must have at most {1} items, not {2}.', name, limit, count), example);
  }
  const given = written(input);
  const hasExample = valueAt(guide.example, path) !== undefined;
  const { relation } = bound;
  switch (relation) {
    case 'above':
      return at(
        path,
        l10n.t('{0} must be greater than {1}, not {2}.', name, limit, given),
        limit === 0 ? positive(example) : example,
      );
    case 'at_least':
      return at(
        path,
        l10n.t('{0} must be at least {1}, not {2}.', name, limit, given),
        hasExample ? example : boundary(path, limit, l10n.t('Use at least {0}.', limit)),
      );
    case 'below':
      return at(path, l10n.t('{0} must be less than {1}, not {2}.', name, limit, given), example);
    case 'at_most':
      return at(
        path,
        l10n.t('{0} must be at most {1}, not {2}.', name, limit, given),
        hasExample ? example : boundary(path, limit, l10n.t('Use at most {0}.', limit)),
      );
    default:
      return assertNever(relation);
  }
}

function boundary(path: Path, limit: number, remedy: string): Remedy {
  return { remedy, fix: { type: 'set', path, value: limit, isMeant: false } };
}

function positive(example: Remedy): Remedy {
  const { fix } = example;
  return fix?.type === 'set' && typeof fix.value === 'number'
    ? { remedy: l10n.t('Use a positive number such as {0}.', fix.value), fix }
    : example;
}

/** Returns the finding for a missing required part. */
export function missing(path: Path, value: unknown, guide: Guide): Finding {
  const example = exampleAt(path, value, guide);
  const what = l10n.t('{0} is missing.', path.join('.'));
  const key = String(path.at(-1));
  const entry = isMapping(example) ? firstEntry(path, example, value, guide) : example;
  const remedy = l10n.t('Add it, such as {0}: {1}.', key, shown(entry) ?? '...');
  return at(path, what, { remedy, fix: { type: 'set', path, value: entry, isMeant: false } }, 'key');
}

/** Returns only the first entry of a mapping if it is valid alone, else the whole mapping. */
function firstEntry(path: Path, example: object, value: unknown, { schema }: Guide): unknown {
  const first = Object.fromEntries(Object.entries(example).slice(0, 1));
  return accepts(schema, path, value, first) ? first : example;
}

/** Suggests a valid example. */
export function exampleRemedy(path: Path, value: unknown, guide: Guide): Remedy {
  const example = exampleAt(path, value, guide);
  const set = (given: unknown): Pick<Remedy, 'fix'> => ({
    fix: { type: 'set', path, value: given, isMeant: false },
  });
  if (path[0] === 'tricks' && path.length === 2 && accepts(guide.schema, path, value, true)) {
    const options = valueAt(guide.example, path);
    const first = isMapping(options) ? shown(Object.fromEntries(Object.entries(options).slice(0, 1))) : null;
    const hasOptions = first !== null && isMapping(options) && Object.keys(options).length > 0;
    return {
      remedy: hasOptions ? l10n.t('Write true, or options such as {0}.', first) : l10n.t('Write true.'),
      ...set(true),
    };
  }
  if (typeof example === 'boolean') return { remedy: l10n.t('Use true or false.'), ...set(example) };
  const entry = isMapping(example) ? firstEntry(path, example, value, guide) : example;
  const text = shown(entry) ?? '...';
  if (typeof example === 'number')
    return { remedy: l10n.t('Use a number such as {0}.', text), ...set(entry) };
  if (typeof example === 'string') return { remedy: l10n.t('Use text such as {0}.', text), ...set(entry) };
  if (Array.isArray(example)) return { remedy: l10n.t('Use a list such as {0}.', text), ...set(entry) };
  if (isMapping(example)) {
    return { remedy: l10n.t('Write keys and values such as {0}.', text), ...set(entry) };
  }
  return { remedy: l10n.t('Fix it.') };
}

/** Returns a valid value for a path: the guide's, the default, or any other. */
function exampleAt(path: Path, value: unknown, guide: Guide): unknown {
  const field = fieldAt(path, value, guide.schema);
  const held = [valueAt(guide.example, path), field?.default, ...(field?.values.keys() ?? [])];
  const fits = (each: unknown) => each !== undefined && accepts(guide.schema, path, value, each);
  return held.find(fits) ?? candidatesAt(guide.schema, path, value).find(fits);
}
