import * as l10n from '@vscode/l10n';
import { writtenTrick } from '../experiment/aliases';
import { setOption } from '../experiment/edits';
import { type ParseResult, readExperiment } from '../experiment/parse';
import { type ResolutionProblem, resolve } from '../experiment/resolve';
import type { Experiment } from '../experiment/schema';
import { fieldAt } from '../experiment/schemaTree';
import { ExperimentDocument } from '../experiment/text/document';
import { applyEdits, type EditResult } from '../experiment/text/textEdits';
import type { Trick } from '../tricks/trick';
import { whateverTheImages } from './unindexed';

/** An option of a trick that is in a file. */
export interface TrickOption {
  readonly name: string;
  readonly meaning: string;
  /** What it is now. */
  readonly value: unknown;
  readonly default: unknown;
  /** The values there are, where they can be listed. */
  readonly choices: readonly (string | number | boolean)[];
  /** Whether other values can be typed. */
  readonly isOpen: boolean;
  readonly namesRun: boolean;
}

/** Options of a trick, all of them or those named, as they are where `written` is what the file says of them. */
export function trickOptions(
  trick: Trick,
  written: Readonly<Record<string, unknown>>,
  names: readonly string[] = Object.keys(trick.options.shape),
): TrickOption[] {
  return names.flatMap((name): TrickOption[] => {
    const field = fieldAt(['tricks', trick.name, name], { tricks: { [trick.name]: {} } });
    if (!field) return [];
    return [
      {
        name,
        meaning: field.description ?? '',
        value: written[name] ?? field.default,
        default: field.default,
        choices: [...field.values.keys()],
        isOpen: field.isOpen,
        namesRun: trick.runOptions?.includes(name) ?? false,
      },
    ];
  });
}

/** What a person typed as an option's value: text where the option takes it, else the number that it says. */
export function typedValue(trick: Trick, option: string, typed: string): unknown {
  const text = typed.trim();
  const isText = trick.options.shape[option]?.safeParse(text).success ?? false;
  return isText || text === '' || !Number.isFinite(Number(text)) ? text : Number(text);
}

/** A value with what it is left out for, such as '0.5 (default 0.2)'. */
export function optionText({ value, default: standard }: TrickOption): string {
  if (value === standard) return l10n.t('{0} (default)', shownValue(value));
  return l10n.t('{0} (default {1})', shownValue(value), shownValue(standard));
}

/** A value as a person reads it; a text that is empty is none. */
export function shownValue(value: unknown): string {
  return value === '' ? l10n.t('none') : String(value);
}

/**
 * Edits that give an option of a trick that is in a file another value, or why it cannot have it: what the file
 * would be told of it.
 */
export function configured(parsed: ParseResult, trick: Trick, option: string, value: unknown): EditResult {
  const { document, factsOf } = parsed;
  const result = setOption(document, trick.name, option, value);
  if (!result.ok) return result;
  const after = readExperiment(
    new ExperimentDocument(applyEdits(document.text, result.edits), document.format),
    [],
    'train',
    factsOf,
  );
  if (after.ok) return result;
  const place = ['tricks', writtenTrick(after.document.value, trick.name), option].join('.');
  const problem = problemsOf(after).find(({ path }) => parsed.ok || path.join('.') === place);
  return problem ? { ok: false, reason: `${problem.what} ${problem.remedy}` } : result;
}

/** What is wrong with a file that cannot be trained; of one whose images are not indexed, what is wrong whatever they are. */
function problemsOf({
  problems,
  unindexed,
}: Extract<ParseResult, { ok: false }>): readonly ResolutionProblem[] {
  return unindexed ? (whateverTheImages(unindexed.experiment, resolutionProblems) ?? []) : problems;
}

function resolutionProblems(experiment: Experiment): readonly ResolutionProblem[] {
  const resolution = resolve(experiment);
  return resolution.ok ? [] : resolution.problems;
}
