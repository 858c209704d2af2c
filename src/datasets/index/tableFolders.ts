import type { SplitTable } from '../table';

const SLASH = 0x2f;

/**
 * Yields the folders of a table's images, relative to its root ('' for the root itself). Repeats a folder only if
 * images of other folders come between its own.
 */
export function* tableFolders({ names, labels }: Extract<SplitTable, { kind: 'files' }>): Generator<string> {
  const { text, starts } = names;
  let [before, beforeEnd] = [-1, -1];
  for (let image = 0; image < labels.length; image++) {
    const start = starts[image]!;
    let end = starts[image + 1]!;
    while (end > start && text[end] !== SLASH) end--;
    // Decodes a name once per folder, not once per image.
    if (before !== -1 && isSameText(text, before, beforeEnd, start, end)) continue;
    [before, beforeEnd] = [start, end];
    yield Buffer.from(text.subarray(start, end)).toString('utf8');
  }
}

function isSameText(text: Uint8Array, a: number, endA: number, b: number, endB: number): boolean {
  if (endA - a !== endB - b) return false;
  for (let at = 0; at < endA - a; at++) if (text[a + at] !== text[b + at]) return false;
  return true;
}
