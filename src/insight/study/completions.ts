import * as l10n from '@vscode/l10n';
import { fieldAt, keysAt } from '../../experiment/schemaTree';
import type { ExperimentDocument } from '../../experiment/text/document';
import { isMapping, valueAt } from '../../shared/values';
import { fileSchema } from '../../study/file/fileSchema';
import { experimentKeys } from '../../study/file/keys';
import { METRICS } from '../../study/file/metrics';
import { ownWords } from '../../study/file/resolveValue';
import { type Baseline, isCommandBaseline } from '../../study/file/study';
import { isSearch } from '../../study/search/parse';
import { ALL_TRICKS, trickCalled } from '../../tricks/registry';
import { trickFits } from '../trickFit';
import { evidenceText } from '../trickText';
import {
  type Completion,
  type Completions,
  entrySnippet,
  escaped,
  type WordInPlace,
  withStops,
  wordInPlace,
} from '../wordInPlace';
import { commandKeys, commandTricks, switchesOf } from './commandFactors';
import { canBeCompared } from './comparableKeys';
import { searchedItems } from './searchCompletions';

/** Inputs of a study file's completions besides its text. */
export interface StudyCompletionSurroundings {
  /** The experiment that the file names, if it can be trained. */
  readonly baseline: Baseline | null;
  /** Experiment files to choose from, relative to the study file's folder. */
  readonly experiments: readonly string[];
  /** Whether the editor completes from the schema. If so, only items that no schema knows are offered. */
  readonly hasSchemaHelp: boolean;
}

/**
 * Returns the completions at an offset of a study file: keys, tricks that fit its experiment, that experiment's keys,
 * values.
 */
export function studyCompletionsAt(
  text: string,
  fileName: string,
  offset: number,
  surroundings: StudyCompletionSurroundings,
): Completions | null {
  const word = wordInPlace(text, fileName, offset);
  if (!word) return null;
  const { start, end } = word;
  return { start, end, items: itemsAt(word, surroundings) };
}

function itemsAt(word: WordInPlace, surroundings: StudyCompletionSurroundings): Completion[] {
  const { path, part } = word;
  const [section, item, third] = path;
  if (section === 'factors' && typeof item === 'number') {
    // The start of an item is a trick's name alone, or the key of a mapping.
    if (third === undefined || (part === 'key' && path.length === 3)) return factorItems(word, surroundings);
    return optionItems(word, surroundings);
  }
  if (section === 'design' && typeof item === 'number') return listedItems(word);
  if (section === 'experiment' && part === 'value') return experimentItems(word, surroundings);
  if (section === 'search' && part === 'key' && path.length === 2) return searchedItems(word, surroundings);
  if (surroundings.hasSchemaHelp) return [];
  if (part === 'key') return keyItems(word);
  return valueItems(word);
}

function keyItems(word: WordInPlace): Completion[] {
  const { marked, path, comma, isKeyOfValue } = word;
  const schema = fileSchema(marked.value);
  const parent = path.slice(0, -1);
  const held = valueAt(marked.value, parent);
  const isBudget = parent[0] === 'budget';
  return keysAt(parent, marked.value, schema)
    .filter((key) => !Object.hasOwn(Object(held), key))
    .filter(() => !isBudget || Object.keys(Object(held)).length === 1)
    .map((key): Completion => {
      const field = fieldAt([...parent, key], marked.value, schema);
      const value = key === 'smallest_effect' ? 0.2 : (field?.default ?? '');
      const section = isKeyOfValue ? null : sectionSnippet(key, marked);
      return {
        kind: section === null ? 'key' : 'section',
        label: key,
        detail: '',
        documentation: field?.description ?? '',
        snippet:
          section === null
            ? entrySnippet(marked, key, value, [...(field?.values.keys() ?? [])], {
                suffix: comma,
                isKeyOfValue,
              })
            : `${section}${comma}`,
      };
    });
}

/** Returns the snippet for a key that holds a list or a mapping, null for others. */
function sectionSnippet(key: string, { format, notation, value }: ExperimentDocument): string | null {
  switch (key) {
    case 'factors':
      return format === 'json' ? `${notation.key(key)}: [$0]` : `${key}:\n  - $0`;
    case 'search':
      return format === 'json' ? `${notation.key(key)}: { $0 }` : `${key}:\n  $0`;
    case 'budget':
      return isSearch(value)
        ? `${notation.key(key)}: { ${notation.key('trials')}: \${1:16} }`
        : `${notation.key(key)}: { ${notation.key('runs')}: \${1:32} }`;
    default:
      return null;
  }
}

function valueItems({ marked, path, comma }: WordInPlace): Completion[] {
  const field = fieldAt(path, marked.value, fileSchema(marked.value));
  const isStudyMetric = path[0] === 'metric' && !isSearch(marked.value);
  const values = isStudyMetric
    ? METRICS.map((metric) => [metric, undefined] as const)
    : [...(field?.values ?? [])];
  return values.map(([value, meaning]) => ({
    kind: 'value',
    label: String(value),
    detail: '',
    documentation: meaning ?? '',
    snippet: `${escaped(marked.notation.inline(value))}${comma}`,
  }));
}

/** Offers tricks that fit the experiment, with the options that fit it, and the experiment's keys with their values. */
function factorItems(
  word: WordInPlace,
  { baseline, hasSchemaHelp }: StudyCompletionSurroundings,
): Completion[] {
  const { marked, isKeyOfValue, comma } = word;
  const written = factorNames(marked.value);
  const fits = baseline ? fittingTricks(baseline) : [];
  const tricks = fits.length > 0 ? fits : ALL_TRICKS.map((trick) => ({ trick, value: true, isIn: true }));
  const { notation, format } = marked;
  const asMapping = (key: string, value: string) => {
    const entry = `${escaped(notation.key(key))}: ${value}`;
    if (isKeyOfValue) return escaped(notation.key(key));
    return format === 'json' && word.part === 'value' ? `{ ${entry} }${comma}` : `${entry}${comma}`;
  };
  const trickItems = tricks
    .filter(({ trick }) => !written.includes(trick.name))
    .map(({ trick, value, isIn }): Completion => {
      const isBare = isIn || value === true;
      return {
        kind: 'trick',
        label: trick.name,
        detail: isIn && baseline ? l10n.t('in the experiment') : trick.title(),
        documentation: `${trick.summary()}\n\n\`${trick.formula}\`\n\n${evidenceText(trick)}`,
        snippet: isBare
          ? isKeyOfValue
            ? escaped(notation.key(trick.name))
            : `${escaped(notation.inline(trick.name))}${comma}`
          : asMapping(trick.name, withStops(notation.inline(value))),
      };
    });
  if (!baseline) return hasSchemaHelp ? [] : trickItems;
  const isCommand = isCommandBaseline(baseline);
  const switchItems = (isCommand ? switchesOf(baseline) : [])
    .filter((name) => !written.includes(name))
    .map(
      (name): Completion => ({
        kind: 'trick',
        label: name,
        detail: l10n.t('a name in {0}', 'trainer.arguments'),
        documentation: '',
        snippet: isKeyOfValue ? escaped(notation.key(name)) : `${escaped(notation.inline(name))}${comma}`,
      }),
    );
  const value = ownWords(baseline.document.value);
  const keyItems = (isCommand ? commandKeys(baseline) : experimentKeys(value))
    .filter((key) => !written.includes(key) && canBeCompared(key, value))
    .map((key): Completion => {
      const path = key.split('.');
      const field = fieldAt(path, value);
      const now = valueAt(isCommand ? value : baseline.experiment, path) ?? field?.default;
      const others = [...(field?.values.keys() ?? [])].filter((each) => each !== now);
      const second =
        others.length > 0
          ? `\${1|${others.map((each) => escaped(notation.inline(each)).replaceAll(',', '\\,')).join(',')}|}`
          : '$1';
      const first = now === undefined ? '$2' : escaped(notation.inline(now));
      return {
        kind: 'key',
        label: key,
        detail: now === undefined ? '' : l10n.t('now {0}', notation.inline(now)),
        documentation: field?.description ?? '',
        snippet: asMapping(key, `[${first}, ${second}]`),
      };
    });
  // The schema knows the tricks, but nothing about the experiment.
  const ownItems = [...switchItems, ...keyItems];
  return hasSchemaHelp ? ownItems : [...trickItems, ...ownItems];
}

/** Returns the tricks that fit an experiment, with their value there or the value to write. */
function fittingTricks(baseline: Baseline) {
  return isCommandBaseline(baseline) ? commandTricks(baseline) : trickFits(baseline);
}

/** Offers options of a factor's trick, or values of a factor's key. */
function optionItems(
  { marked, path, part, comma, isKeyOfValue }: WordInPlace,
  { baseline, hasSchemaHelp }: StudyCompletionSurroundings,
): Completion[] {
  const name = String(path[2]);
  const trick = trickCalled(name)?.trick;
  const rest = path.slice(3).filter((each) => typeof each !== 'number');
  const value = baseline ? ownWords(baseline.document.value) : {};
  if (!trick) {
    const field = fieldAt(name.split('.'), value);
    // The start of a list item may be the key of a mapping.
    const isItem = part === 'value' || typeof path.at(-2) === 'number';
    return isItem ? listedValues(marked, field?.values ?? new Map(), comma) : [];
  }
  if (hasSchemaHelp) return [];
  if (part === 'value') {
    return listedValues(marked, fieldAt(['tricks', trick.name, ...rest], value)?.values ?? new Map(), comma);
  }
  const held = Object(valueAt(marked.value, path.slice(0, -1)));
  return keysAt(['tricks', trick.name], value)
    .filter((key) => !Object.hasOwn(held, key))
    .map((key): Completion => {
      const field = fieldAt(['tricks', trick.name, key], value);
      return {
        kind: 'key',
        label: key,
        detail: '',
        documentation: field?.description ?? '',
        snippet: entrySnippet(marked, key, field?.default ?? '', [...(field?.values.keys() ?? [])], {
          suffix: comma,
          isKeyOfValue,
        }),
      };
    });
}

function listedValues(
  { notation }: ExperimentDocument,
  values: ReadonlyMap<string | number | boolean, string | undefined>,
  comma: string,
): Completion[] {
  return [...values].map(([value, meaning]) => ({
    kind: 'value',
    label: String(value),
    detail: '',
    documentation: meaning ?? '',
    snippet: `${escaped(notation.inline(value))}${comma}`,
  }));
}

/** Offers the factors, in a run of a listed design. */
function listedItems({ marked, path, part, comma, isKeyOfValue }: WordInPlace): Completion[] {
  const held = valueAt(marked.value, path.slice(0, 2));
  const has = (name: string) =>
    Array.isArray(held) ? held.includes(name) : Object.hasOwn(Object(held), name);
  return factorNames(marked.value)
    .filter((name) => !has(name))
    .map(
      (name): Completion => ({
        kind: 'key',
        label: name,
        detail: '',
        documentation: '',
        snippet:
          part === 'key'
            ? entrySnippet(marked, name, '', [], { suffix: comma, isKeyOfValue })
            : `${escaped(marked.notation.inline(name))}${comma}`,
      }),
    );
}

function experimentItems(
  { marked, comma }: WordInPlace,
  { experiments }: StudyCompletionSurroundings,
): Completion[] {
  return experiments.map((path) => ({
    kind: 'value',
    label: path,
    detail: '',
    documentation: '',
    snippet: `${escaped(marked.notation.inline(path))}${comma}`,
  }));
}

/** Returns the names of the factors in the file, with tricks by our names. */
function factorNames(value: unknown): string[] {
  const factors = valueAt(value, ['factors']);
  if (!Array.isArray(factors)) return [];
  return factors.flatMap((factor: unknown) => {
    const key = isMapping(factor) ? Object.keys(factor)[0] : factor;
    if (typeof key !== 'string') return [];
    return [trickCalled(key)?.trick.name ?? key];
  });
}
