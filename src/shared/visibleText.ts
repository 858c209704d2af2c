/**
 * Characters that a terminal would interpret instead of showing, and invisible ones that reorder text: C0 and C1 (ESC,
 * OSC, line breaks, tabs), line and paragraph separators, directional marks and overrides, other invisible characters,
 * and unpaired surrogates. Excludes ZWNJ and ZWJ, because Persian and emoji need them.
 *
 * Source: ECMA-48 (control functions), Unicode TR36 and "Trojan Source" (Boucher and Anderson, 2021) for directions.
 */
const INVISIBLE =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
  /[\u0000-\u001f\u007f-\u009f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]|\p{Surrogate}/gu;

/**
 * Returns untrusted text, such as a name in a file, as one line with all characters visible. Escapes control and
 * invisible characters like JSON, such as `\u001b` and `\n`, so JSON stays JSON.
 */
export function visibleText(text: string): string {
  return text.replace(INVISIBLE, (character) => SHORT.get(character) ?? escaped(character));
}

/** Like `visibleText`, for multi-line text: keeps line feeds and tabs. */
export function visibleLines(text: string): string {
  return text.replace(INVISIBLE, (character) =>
    character === '\n' || character === '\t' ? character : (SHORT.get(character) ?? escaped(character)),
  );
}

const SHORT: ReadonlyMap<string, string> = new Map([
  ['\n', '\\n'],
  ['\r', '\\r'],
  ['\t', '\\t'],
]);

function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
