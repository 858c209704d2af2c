/**
 * Text from anywhere in Markdown. Editors render Markdown with links, images and, where it is trusted, links that run
 * commands: what a file holds must come to them as text.
 *
 * Source: CommonMark 0.31 (code spans, backslash escapes, entities), GitHub's autolinks.
 */
import { visibleText } from './visibleText';

/** A text as itself: no mark-up, no link (written out or not), no image, no HTML, no `$(icon)`, no line break. */
export function markdownText(text: string): string {
  return visibleText(text)
    .replace(/ {2,}/g, ' ')
    .trim()
    .replace(MARKUP, '\\$&')
    .replace(/^(\d+)(?=[.)](?: |$))|^(?=[-+=])/, (digits) => `${digits}\\`);
}

/** Characters that mean something to Markdown or an editor; `:`, `.` and `@` where they make a link of an address. */
const MARKUP = /[\\`*_{}[\]<>|#!~&$@]|:(?=\/\/)|(?<=www)\.|(?<=mailto|xmpp):/gi;

/** A text in a code span that it cannot end. Not for a table, whose cells end at `|` within code as well. */
export function markdownCode(text: string): string {
  const shown = visibleText(text);
  const longest = Math.max(0, ...Array.from(shown.matchAll(/`+/g), ([ticks]) => ticks.length));
  const fence = '`'.repeat(longest + 1);
  // Code that begins or ends with a backtick or a space, or is empty, needs a space on each side, which is not shown.
  const isPlain = /^[^\s`](?:.*[^\s`])?$/su.test(shown);
  return isPlain ? `${fence}${shown}${fence}` : `${fence} ${shown === '' ? '\u00a0' : shown} ${fence}`;
}
