import type { CommandExperiment } from '../../experiment/command/commandExperiment';
import { isCommandDocument, readCommand } from '../../experiment/command/read';
import { type ParseResult, readExperiment } from '../../experiment/parse';
import type { Problem } from '../../experiment/problem';
import { type ExperimentDocument, parseDocument } from '../../experiment/text/document';
import type { Purpose } from '../../experiment/validate';
import type { CommandRecipe } from '../../recipe/commandRecipe';
import { type FactsLookup, NO_FACTS } from '../../recipe/datasets';
import type { ReadText } from '../import/adapter';
import { NO_FILES } from '../import/adapters';
import { type ExperimentPlace, resolveCommand } from './resolve';

/** The result of parsing a command experiment. */
export type CommandParseResult = {
  readonly document: ExperimentDocument;
  /** What the command is resolved with. A second resolution must use the same. */
  readonly place: ExperimentPlace;
} & (
  | {
      readonly ok: true;
      readonly experiment: CommandExperiment;
      readonly recipe: CommandRecipe;
      /** Things that are understood but should be written differently. */
      readonly warnings: readonly Problem[];
    }
  | { readonly ok: false; readonly problems: readonly Problem[] }
);

/** The result of parsing an experiment file of our own trainer or of a command. */
export type AnyParseResult =
  | ({ readonly kind: 'ours' } & ParseResult)
  | ({ readonly kind: 'command' } & CommandParseResult);

export interface AnyParseOptions {
  readonly purpose?: Purpose;
  /** The facts of indexed images, for experiments of our own trainer. */
  readonly factsOf?: FactsLookup;
  /** Reads the files that a command names. Their paths start with the folder of the experiment's file name. */
  readonly readText?: ReadText;
  readonly fileName?: string;
}

/** Parses an experiment file, as JSON or YAML by its extension. See `readAnyExperiment`. */
export function parseAnyExperiment(
  text: string,
  fileName: string,
  settings: readonly string[] = [],
  options: Omit<AnyParseOptions, 'fileName'> = {},
): AnyParseResult {
  return readAnyExperiment(parseDocument(text, fileName), settings, { ...options, fileName });
}

/**
 * Reads the experiment in a document. One with `trainer` is a command experiment. `settings` are `key=value` pairs from
 * the command line that override the file. Problems come in file order.
 */
export function readAnyExperiment(
  document: ExperimentDocument,
  settings: readonly string[] = [],
  { purpose = 'train', factsOf = NO_FACTS, readText = NO_FILES, fileName = '' }: AnyParseOptions = {},
): AnyParseResult {
  if (!isCommandDocument(document, settings)) {
    return { kind: 'ours', ...readExperiment(document, settings, purpose, factsOf) };
  }
  const reading = readCommand(document, settings);
  const place: ExperimentPlace = { fileName, readText };
  const common = { kind: 'command', document, place } as const;
  if (!reading.ok) return { ...common, ...reading };
  const { experiment } = reading;
  const resolution = resolveCommand(experiment, place);
  if (!resolution.ok) {
    return { ...common, ok: false, problems: reading.place(resolution.findings, 'error') };
  }
  const warnings = [...reading.warnings, ...reading.place(resolution.warnings, 'warning')].toSorted(
    (one, other) => one.range.start.offset - other.range.start.offset,
  );
  return { ...common, ok: true, experiment, recipe: resolution.recipe, warnings };
}
