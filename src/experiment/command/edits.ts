import { isDeepStrictEqual } from 'node:util';
import * as l10n from '@vscode/l10n';
import { valueAt } from '../../shared/values';
import { ExperimentDocument } from '../text/document';
import { applyEdits, type EditResult, type TextEdit } from '../text/textEdits';
import { quotedWord, splitWords } from './words';

const COMMAND = ['trainer', 'command'];

/** Returns the words of a file's command as written. Null if it has none, or none that can be split. */
export function writtenWords(document: ExperimentDocument): readonly string[] | null {
  const command = valueAt(document.value, COMMAND);
  if (Array.isArray(command)) return command.every((word) => typeof word === 'string') ? command : null;
  const split = typeof command === 'string' ? splitWords(command) : null;
  return split?.ok ? split.words : null;
}

/** Returns the edits that change the words of a file's command. They keep its lines if only one place changes. */
export function setCommandWords(document: ExperimentDocument, words: readonly string[]): EditResult {
  const before = writtenWords(document);
  if (!before) return { ok: false, reason: l10n.t('The command cannot be read.') };
  if (Array.isArray(valueAt(document.value, COMMAND))) return document.setIn(COMMAND, words);
  const edit = editInPlace(document, before, words);
  const after = edit && new ExperimentDocument(applyEdits(document.text, [edit]), document.format);
  return edit && after && isDeepStrictEqual(writtenWords(after), words)
    ? { ok: true, edits: [edit] }
    : document.setIn(COMMAND, words.map(quotedWord).join(' '));
}

/** Returns the edit of the only place where two commands differ. Null if the place is not found. */
function editInPlace(
  document: ExperimentDocument,
  before: readonly string[],
  after: readonly string[],
): TextEdit | null {
  const most = Math.min(before.length, after.length);
  let start = 0;
  while (start < most && before[start] === after[start]) start += 1;
  let end = 0;
  while (end < most - start && before.at(-1 - end) === after.at(-1 - end)) end += 1;
  const { start: from, end: to } = document.rangeOf(COMMAND);
  const source = document.text.slice(from.offset, to.offset);
  const added = after.slice(start, after.length - end).map(quotedWord);
  const removed = before.slice(start, before.length - end);
  if (removed.length === 0 && end === 0) {
    const trimmed = source.trimEnd();
    const isQuoted = /^(["'])[\s\S]*\1$/.test(trimmed);
    const offset = from.offset + trimmed.length - (isQuoted ? 1 : 0);
    return { offset, length: 0, text: ` ${added.join(' ')}` };
  }
  const anchor = before[start - 1];
  if (anchor === undefined) return null;
  const words = [anchor, ...removed].map((word) => word.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  const places = [...source.matchAll(new RegExp(`(?<![^\\s"'])${words.join('\\s+')}(?![^\\s"'])`, 'g'))];
  const [place] = places;
  if (!place || places.length > 1) return null;
  const offset = from.offset + place.index + anchor.length;
  const length = place[0].length - anchor.length;
  return { offset, length, text: added.map((word) => ` ${word}`).join('') };
}
