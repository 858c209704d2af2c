import { visibleText } from './visibleText';

/**
 * A text from anywhere as a code span of Markdown that ends where the text does: between more backticks than it has in a row
 * (CommonMark, section 6.1).
 */
export function codeSpan(text: string): string {
  const shown = visibleText(text);
  const longest = Math.max(0, ...[...shown.matchAll(/`+/g)].map(([ticks]) => ticks.length));
  const fence = '`'.repeat(longest + 1);
  // A space at each end is not shown, and keeps a backtick there apart from the fence.
  const pad = /^`|`$|^ .* $/.test(shown) ? ' ' : '';
  return shown === '' ? '' : `${fence}${pad}${shown}${pad}${fence}`;
}

/**
 * A text from anywhere as Markdown that shows it as it is: no link, image, element, entity, table cell or icon of VS Code
 * comes of it. Underscores stay: within words they mark nothing, and names have them.
 */
export function markdownText(text: string): string {
  return visibleText(text)
    .replace(/[\\`*[\]<>|~&!$]/g, '\\$&')
    .replaceAll('://', '\\://')
    .replace(/\b(www)\./gi, '$1\\.');
}

/** A text from anywhere where VS Code makes icons of `$(name)`, as in the titles of lenses and items of lists. */
export function withoutIcons(text: string): string {
  return text.replaceAll('$(', '\\$(');
}
