import { isDeepStrictEqual } from 'node:util';
import * as l10n from '@vscode/l10n';
import type { Path } from '../../shared/path';
import { valueAt, withValue } from '../../shared/values';
import { type ExperimentDocument, parseDocument } from './document';
import { applyEdits, type EditResult, type TextEdit } from './textEdits';

/** Edits that take an item out of a list of two items or more, its line and the comment on it included. */
export function removeItem(document: ExperimentDocument, path: Path): EditResult {
  const list = valueAt(document.value, path.slice(0, -1));
  const index = Number(path.at(-1));
  if (!Array.isArray(list) || list.length < 2 || !(index in list)) {
    return { ok: false, reason: l10n.t('The list would be empty.') };
  }
  const { start, end } = document.rangeOf(path);
  // The last of several between brackets goes with the comma before it.
  const isLastInBrackets = index === list.length - 1 && /^\s*\]/.test(document.text.slice(end.offset));
  const edit =
    (isLastInBrackets ? null : lineEdit(document.text, start.offset, end.offset)) ??
    inlineEdit(document.text, start.offset, end.offset);
  // Read again before anyone relies on it, as other edits are.
  const edited = parseDocument(applyEdits(document.text, [edit]), `.${document.format}`);
  const expected = withValue(
    document.value,
    path.slice(0, -1),
    list.filter((_, each) => each !== index),
  );
  if (edited.problems.length > document.problems.length || !isDeepStrictEqual(edited.value, expected)) {
    return {
      ok: false,
      reason: l10n.t('The edit would change other parts of the file, as it is written now.'),
    };
  }
  return { ok: true, edits: [edit] };
}

/** The lines of an item behind a dash, or alone on its lines in brackets; null where it shares its line. */
function lineEdit(text: string, start: number, end: number): TextEdit | null {
  const lineStart = text.lastIndexOf('\n', start - 1) + 1;
  if (!/^[ \t]*(-[ \t]+)?$/.test(text.slice(lineStart, start))) return null;
  const rest = /^[ \t]*,?[ \t]*(#[^\n]*|\/\/[^\n]*)?(\n|$)/.exec(text.slice(end));
  if (!rest) return null;
  return { offset: lineStart, length: end + rest[0].length - lineStart, text: '' };
}

/** Characters between two items, comments aside. */
const LONGEST_GAP = 200;

/** An item between commas, with one of them. */
function inlineEdit(text: string, start: number, end: number): TextEdit {
  const after = /^\s*,\s*/.exec(text.slice(end));
  if (after) return { offset: start, length: end + after[0].length - start, text: '' };
  // Each space could begin the match, so it is given no more than a gap between items is.
  const before = /\s*,\s*$/.exec(text.slice(Math.max(0, start - LONGEST_GAP), start));
  const from = start - (before?.[0].length ?? 0);
  return { offset: from, length: end - from, text: '' };
}
