import { translate } from '../experiment/aliases';
import { isCommandValue } from '../experiment/command/schema';
import { parseExperiment } from '../experiment/parse';
import { fieldAt, keysAt } from '../experiment/schemaTree';
import type { ExperimentDocument } from '../experiment/text/document';
import { parseAnyExperiment } from '../interop/command/parse';
import type { ReadText } from '../interop/import/adapter';
import { NO_FILES } from '../interop/import/adapters';
import { shellWord } from '../interop/import/shell';
import { COMMAND_SYSTEMS } from '../recipe/commandRecipe';
import { type FactsLookup, NO_FACTS } from '../recipe/datasets';
import type { Path } from '../shared/path';
import { valueAt } from '../shared/values';
import { NO_EQUIVALENT } from '../tricks/elsewhere/systems';
import { ALL_TRICKS, trickCalled } from '../tricks/registry';
import type { Trick } from '../tricks/trick';
import { namesRun, type RunReference } from './quickFixes';
import { addedArguments, commandFits } from './systems/commandFits';
import { type TrickFit, trickFits } from './trickFit';
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
  /** Reads the files that a command names. */
  readonly readText?: ReadText;
}

/**
 * Returns the completions at an offset of a file: keys, list items, tricks with the options that fit the experiment,
 * values if they can be listed, and runs.
 */
export function completionsAt(
  text: string,
  fileName: string,
  offset: number,
  { runs, hasSchemaHelp, factsOf = NO_FACTS, readText = NO_FILES }: CompletionSurroundings,
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
      tricks: () => {
        // Parses the file without the word being typed.
        const rest = text.slice(0, start) + text.slice(end);
        return isCommandValue(marked.value)
          ? commandTricks(rest, fileName, readText, marked.value)
          : offeredTricks(trickFits(parseExperiment(rest, fileName, [], 'train', factsOf)));
      },
      suffix: comma,
      isKeyOfValue,
    });
  const items = [...(isItem && !isKeyOfValue ? values(parent) : []), ...(hasSchemaHelp ? [] : keys())];
  return { start, end, items };
}

interface KeyContext extends EntryContext {
  tricks(): readonly OfferedTrick[];
}

/** A key of `tricks` to complete. */
interface OfferedTrick {
  readonly name: string;
  /** Null for a name under `trainer.arguments` that is no trick. */
  readonly trick: Trick | null;
  readonly value: unknown;
  readonly detail: string;
}

/** Offers the tricks that fit, or all if the fits are unknown. */
function offeredTricks(fits: readonly TrickFit[]): OfferedTrick[] {
  if (fits.length === 0) return ALL_TRICKS.map((trick) => offeredTrick(trick));
  return fits.map((fit) => offeredTrick(fit.trick, fit.value, fit.effect()));
}

function offeredTrick(trick: Trick, value: unknown = true, detail: string | null = null): OfferedTrick {
  return { name: trick.name, trick, value, detail: detail ?? trick.title() };
}

/** Offers the tricks that a command can have, with the arguments that they become, and names under its arguments. */
function commandTricks(
  text: string,
  fileName: string,
  readText: ReadText,
  value: unknown,
): readonly OfferedTrick[] {
  const parsed = parseAnyExperiment(text, fileName, [], { readText });
  const fits = parsed.kind === 'command' ? commandFits(parsed, { fileName, readText }) : null;
  if (!fits?.space) return tricksOfSystem(value);
  const { experiment } = fits.space;
  return [
    ...fits.fits.flatMap((fit): OfferedTrick[] => {
      const both = fit.isIn ? null : fits.recipes(fit.trick.name);
      return both ? [offeredTrick(fit.trick, fit.value, addedArguments(both) || null)] : [];
    }),
    ...Object.keys(experiment.switches).map((name) => ({
      name,
      trick: null,
      value: true,
      detail: experiment.arguments[name]?.with.map(shellWord).join(' ') ?? '',
    })),
  ];
}

/** Offers the tricks that the system of a file with errors has in some command, or all if the system is unknown. */
function tricksOfSystem(value: unknown): OfferedTrick[] {
  const system = COMMAND_SYSTEMS.find((each) => each === valueAt(value, ['trainer', 'system']));
  const given = Object.keys(Object(valueAt(value, ['trainer', 'arguments'])));
  return ALL_TRICKS.filter(({ name, systems }) => {
    if (system === undefined || given.includes(name)) return true;
    return system !== 'generic' && systems[system].file !== NO_EQUIVALENT;
  }).map((trick) => offeredTrick(trick));
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

/** Completes the tricks that are offered and not in the file yet, with fitting options. */
function trickItems(document: ExperimentDocument, held: unknown, context: KeyContext): Completion[] {
  const written = Object.keys(Object(held)).map((key) => trickCalled(key)?.trick.name ?? key);
  return context
    .tricks()
    .filter(({ name }) => !written.includes(name))
    .map(({ name, trick, value, detail }) => ({
      kind: 'trick',
      label: name,
      detail,
      documentation: trick ? `${trick.summary()}\n\n\`${trick.formula}\`\n\n${evidenceText(trick)}` : '',
      snippet: context.isKeyOfValue
        ? escaped(document.notation.key(name))
        : `${escaped(document.notation.key(name))}: ${withStops(document.notation.inline(value))}${context.suffix}`,
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
