import * as l10n from '@vscode/l10n';
import { writtenTrick } from '../experiment/aliases';
import { setOption } from '../experiment/edits';
import { type ParseResult, readExperiment } from '../experiment/parse';
import { fieldAt } from '../experiment/schemaTree';
import { ExperimentDocument } from '../experiment/text/document';
import { applyEdits, type EditResult } from '../experiment/text/textEdits';
import type { Trick } from '../tricks/trick';

/** An option of a trick in a file. */
export interface TrickOption {
  readonly name: string;
  readonly meaning: string;
  /** The current value. */
  readonly value: unknown;
  readonly default: unknown;
  /** The allowed values, if they can be listed. */
  readonly choices: readonly (string | number | boolean)[];
  /** Whether other values can be typed. */
  readonly isOpen: boolean;
  readonly namesRun: boolean;
}

/** Returns all or the named options of a trick, with their current values. `written` holds the file's options. */
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

/** Parses a typed option value: text if the option accepts it, else a number. */
export function typedValue(trick: Trick, option: string, typed: string): unknown {
  const text = typed.trim();
  const isText = trick.options.shape[option]?.safeParse(text).success ?? false;
  return isText || text === '' || !Number.isFinite(Number(text)) ? text : Number(text);
}

/** Formats a value with its default, such as '0.5 (default 0.2)'. */
export function optionText({ value, default: standard }: TrickOption): string {
  if (value === standard) return l10n.t('{0} (default)', shownValue(value));
  return l10n.t('{0} (default {1})', shownValue(value), shownValue(standard));
}

/** Formats a value for a person. An empty text is shown as none. */
export function shownValue(value: unknown): string {
  return value === '' ? l10n.t('none') : String(value);
}

/** Returns edits that change an option of a trick in a file, or the problem that the new value would cause. */
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
  const problem = after.problems.find(({ path }) => parsed.ok || path.join('.') === place);
  return problem ? { ok: false, reason: `${problem.what} ${problem.remedy}` } : result;
}
