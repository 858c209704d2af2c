import { translate } from '../experiment/aliases';
import { isCommandValue } from '../experiment/command/schema';
import { parseExperiment } from '../experiment/parse';
import { fieldAt, keysAt } from '../experiment/schemaTree';
import type { ExperimentDocument } from '../experiment/text/document';
import { type FactsLookup, NO_FACTS } from '../recipe/datasets';
import type { Path } from '../shared/path';
import { valueAt } from '../shared/values';
import { ALL_TRICKS, trickCalled } from '../tricks/registry';
import type { Trick } from '../tricks/trick';
import { namesRun, type RunReference } from './quickFixes';
import { trickFits } from './trickFit';
import { evidenceText } from './trickText';
import {
  type Completion,
  type Completions,
  type EntryContext,
  entrySnippet,
  escaped,
  withStops,
  wordInPlace,
} from './wordInPlace';

/** Inputs of completions besides the text. */
export interface CompletionSurroundings {
  readonly runs: readonly RunReference[];
  /** Whether the editor completes from the schema. If so, only items that no schema knows are offered. */
  readonly hasSchemaHelp: boolean;
  readonly factsOf?: FactsLookup;
}

/**
 * Returns the completions at an offset of a file: keys, list items, tricks with the options that fit the experiment,
 * values if they can be listed, and runs.
 */
export function completionsAt(
  text: string,
  fileName: string,
  offset: number,
  { runs, hasSchemaHelp, factsOf = NO_FACTS }: CompletionSurroundings,
): Completions | null {
  const word = wordInPlace(text, fileName, offset);
  if (!word) return null;
  const { start, end, marked, path, part, isKeyOfValue, comma } = word;
  const values = (at: Path) => valueItems(marked, at, comma, runs, hasSchemaHelp);
  if (part === 'value') return { start, end, items: values(path) };
  const parent = path.slice(0, -1);
  // The start of a list item may be a value or the first key of a mapping.
  const isItem =
    typeof parent.at(-1) === 'number' && Object.keys(Object(valueAt(marked.value, parent))).length === 1;
  const keys = () =>
    keyItems(marked, parent, {
      // Parses the file without the word being typed. Which tricks fit a command is unknown here.
      fits: () =>
        isCommandValue(marked.value)
          ? []
          : trickFits(
              parseExperiment(text.slice(0, start) + text.slice(end), fileName, [], 'train', factsOf),
            ),
      suffix: comma,
      isKeyOfValue,
    });
  const items = [...(isItem && !isKeyOfValue ? values(parent) : []), ...(hasSchemaHelp ? [] : keys())];
  return { start, end, items };
}

interface KeyContext extends EntryContext {
  fits(): ReturnType<typeof trickFits>;
}

function keyItems(document: ExperimentDocument, parent: Path, context: KeyContext): Completion[] {
  const held = valueAt(document.value, parent);
  const isTricks = parent.length === 1 && parent[0] === 'tricks';
  if (isTricks) return trickItems(document, held, context);
  const path = ourPath(parent);
  return keysAt(path, ourValue(document.value))
    .filter((key) => !Object.hasOwn(Object(held), key))
    .map((key) => {
      const field = fieldAt([...path, key], ourValue(document.value));
      const isSection = Boolean(field?.isMapping) && field?.default === undefined;
      return {
        kind: isSection ? 'section' : 'key',
        label: key,
        detail: '',
        documentation: field?.description ?? '',
        snippet: entrySnippet(
          document,
          key,
          isSection ? null : (field?.default ?? ''),
          [...(field?.values.keys() ?? [])],
          context,
        ),
      };
    });
}

/**
 * Offers every trick that fits, with fitting options. Offers all tricks that are not in the file yet if the fits are
 * unknown.
 */
function trickItems(document: ExperimentDocument, held: unknown, context: KeyContext): Completion[] {
  const fits = context.fits();
  const written = Object.keys(Object(held)).map((key) => trickCalled(key)?.trick.name);
  const offered: { trick: Trick; value: unknown; effect: string | null }[] =
    fits.length > 0
      ? fits.map((fit) => ({ trick: fit.trick, value: fit.value, effect: fit.effect() }))
      : ALL_TRICKS.map((trick) => ({ trick, value: true, effect: null }));
  return offered
    .filter(({ trick }) => !written.some((name) => name === trick.name))
    .map(({ trick, value, effect }) => ({
      kind: 'trick',
      label: trick.name,
      detail: effect ?? trick.title(),
      documentation: `${trick.summary()}\n\n\`${trick.formula}\`\n\n${evidenceText(trick)}`,
      snippet: context.isKeyOfValue
        ? escaped(document.notation.key(trick.name))
        : `${escaped(document.notation.key(trick.name))}: ${withStops(document.notation.inline(value))}${context.suffix}`,
    }));
}

function valueItems(
  document: ExperimentDocument,
  path: Path,
  suffix: string,
  runs: readonly RunReference[],
  hasSchemaHelp: boolean,
): Completion[] {
  if (namesRun(path)) {
    return runs.map(({ id, description }) => ({
      kind: 'run',
      label: id,
      detail: description,
      documentation: '',
      snippet: `${escaped(document.notation.inline(id))}${suffix}`,
    }));
  }
  if (hasSchemaHelp) return [];
  const field = fieldAt(ourPath(path), ourValue(document.value));
  return [...(field?.values ?? [])].map(([value, meaning]) => ({
    kind: 'value',
    label: String(value),
    detail: '',
    documentation: meaning ?? '',
    snippet: `${escaped(document.notation.inline(value))}${suffix}`,
  }));
}

/** Translates a path to our names, if the file has a trick under another system's name. */
function ourPath([section, key, ...rest]: Path): Path {
  if (section === undefined) return [];
  if (key === undefined) return [section];
  const name = section === 'tricks' ? trickCalled(String(key))?.trick.name : undefined;
  return [section, name ?? key, ...rest];
}

function ourValue(value: unknown): unknown {
  return translate(value).value;
}
