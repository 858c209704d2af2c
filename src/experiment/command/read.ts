import { translate } from '../aliases';
import { parseOverride, withOverrides } from '../overrides';
import { besideSyntax, place, readOverrides, withoutEmptyParts } from '../placing';
import type { Problem } from '../problem';
import type { ExperimentDocument } from '../text/document';
import type { Finding } from '../validate';
import type { CommandExperiment } from './commandExperiment';
import { isCommandValue } from './schema';
import { validateCommand } from './validate';

/** A command experiment as read from its file, before its tricks become arguments. */
export type CommandReading =
  | {
      readonly ok: true;
      readonly experiment: CommandExperiment;
      /** Things that are understood but should be written differently. */
      readonly warnings: readonly Problem[];
      /** Returns the problems of further findings at their places in the file. */
      place(findings: readonly Finding[], severity: Problem['severity']): Problem[];
    }
  | { readonly ok: false; readonly problems: readonly Problem[] };

/** Whether a document holds a command experiment, also if it has syntax errors, or if overrides make it one. */
export function isCommandDocument(document: ExperimentDocument, settings: readonly string[] = []): boolean {
  if (document.value === undefined) return /^\s*(["']?)trainer\1\s*:/m.test(document.text);
  const overrides = settings.flatMap((source) => {
    const result = parseOverride(source);
    return result.ok ? [result.override] : [];
  });
  return isCommandValue(withOverrides(document.value, overrides));
}

/**
 * Reads the command experiment in a document. `settings` are `key=value` pairs from the command line that override the
 * file. Problems come in file order.
 */
export function readCommand(document: ExperimentDocument, settings: readonly string[] = []): CommandReading {
  const { value, isWhole } = document.certain;
  if (!isWhole || value === undefined) return { ok: false, problems: document.problems };
  const { overrides, unread } = readOverrides(document, settings);
  const translation = translate(withOverrides(withoutEmptyParts(value), overrides));
  const placed = (findings: readonly Finding[], severity: Problem['severity']) =>
    place(document, findings, overrides, translation).map((found) => ({ ...found, severity }));
  const validation = validateCommand(translation.value, document.format);
  const findings = [...translation.errors, ...(validation.ok ? [] : validation.findings)];
  if (!validation.ok || findings.length + unread.length + document.problems.length > 0) {
    return { ok: false, problems: [...unread, ...besideSyntax(document, placed(findings, 'error'))] };
  }
  return {
    ok: true,
    experiment: validation.experiment,
    warnings: placed(translation.warnings, 'warning'),
    place: placed,
  };
}
