import { isDeepStrictEqual } from 'node:util';
import * as l10n from '@vscode/l10n';
import type { Path } from '../../shared/path';
import { valueAt, withValue } from '../../shared/values';
import { type ExperimentDocument, parseDocument } from './document';
import { applyEdits, type EditResult, type TextEdit } from './textEdits';

/** Returns the edits that remove an item from a list of two or more items, including its line and the comment on it. */
export function removeItem(document: ExperimentDocument, path: Path): EditResult {
  const list = valueAt(document.value, path.slice(0, -1));
  const index = Number(path.at(-1));
  if (!Array.isArray(list) || list.length < 2 || !(index in list)) {
    return { ok: false, reason: l10n.t('The list would be empty.') };
  }
  const { start, end } = document.rangeOf(path);
  // The last of several items in brackets is removed together with the comma before it.
  const isLastInBrackets = index === list.length - 1 && /^\s*\]/.test(document.text.slice(end.offset));
  const edit =
    (isLastInBrackets ? null : lineEdit(document.text, start.offset, end.offset)) ??
    inlineEdit(document.text, start.offset, end.offset);
  // Parses the result as a check, like all edits.
  const edited = parseDocument(applyEdits(document.text, [edit]), `.${document.format}`);
  const expected = withValue(
    document.value,
    path.slice(0, -1),
    list.filter((_, each) => each !== index),
  );
  if (edited.problems.length > document.problems.length || !isDeepStrictEqual(edited.value, expected)) {
    return {
      ok: false,
      reason: l10n.t('As the file is written now, the edit would change other parts of it.'),
    };
  }
  return { ok: true, edits: [edit] };
}

/** Removes the lines of an item after a dash, or alone on its lines in brackets; null if it shares its line. */
function lineEdit(text: string, start: number, end: number): TextEdit | null {
  const lineStart = text.lastIndexOf('\n', start - 1) + 1;
  if (!/^[ \t]*(-[ \t]+)?$/.test(text.slice(lineStart, start))) return null;
  const rest = /^[ \t]*,?[ \t]*(#[^\n]*|\/\/[^\n]*)?(\n|$)/.exec(text.slice(end));
  if (!rest) return null;
  return { offset: lineStart, length: end + rest[0].length - lineStart, text: '' };
}

/** The maximum number of characters between two items, without comments. */
const LONGEST_GAP = 200;

/** Removes an item between commas, with one of them. */
function inlineEdit(text: string, start: number, end: number): TextEdit {
  const after = /^\s*,\s*/.exec(text.slice(end));
  if (after) return { offset: start, length: end + after[0].length - start, text: '' };
  // The match could begin at each space, so only the length of a gap between items is searched.
  const before = /\s*,\s*$/.exec(text.slice(Math.max(0, start - LONGEST_GAP), start));
  const from = start - (before?.[0].length ?? 0);
  return { offset: from, length: end - from, text: '' };
}
