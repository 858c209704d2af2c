/**
 * Escapes untrusted text for Markdown. Editors render links, images and, in trusted Markdown, links that run commands,
 * so a file's contents must arrive as plain text.
 *
 * Source: CommonMark 0.31 (code spans, backslash escapes, entities), GitHub's autolinks.
 */
import { visibleText } from './visibleText';

/**
 * Escapes text to render literally: no markup, links (explicit or automatic), images, HTML, `$(icon)` or line breaks.
 */
export function markdownText(text: string): string {
  return visibleText(text)
    .replace(/ {2,}/g, ' ')
    .trim()
    .replace(MARKUP, '\\$&')
    .replace(/^(\d+)(?=[.)](?: |$))|^(?=[-+=])/, (digits) => `${digits}\\`);
}

/** Characters with a meaning in Markdown or an editor. `:`, `.` and `@` only if they turn an address into a link. */
const MARKUP = /[\\`*_{}[\]<>|#!~&$@]|:(?=\/\/)|(?<=www)\.|(?<=mailto|xmpp):/gi;

/**
 * Returns text as a code span that it cannot break out of. Not for tables, in which `|` ends a cell even within code.
 */
export function markdownCode(text: string): string {
  const shown = visibleText(text);
  const longest = Math.max(0, ...Array.from(shown.matchAll(/`+/g), ([ticks]) => ticks.length));
  const fence = '`'.repeat(longest + 1);
  // Code that is empty, or that begins or ends with a backtick or a space, needs a space on each side, which is not
  // rendered.
  const isPlain = /^[^\s`](?:.*[^\s`])?$/su.test(shown);
  return isPlain ? `${fence}${shown}${fence}` : `${fence} ${shown === '' ? '\u00a0' : shown} ${fence}`;
}
