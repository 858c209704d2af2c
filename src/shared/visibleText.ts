/**
 * What a terminal would obey instead of showing it, or what shows nothing and turns the order of letters: C0 and C1
 * (ESC, OSC, line breaks, tabs), line and paragraph separators, marks and overrides of direction, other invisible
 * characters, and halves of surrogate pairs. ZWNJ and ZWJ stay: Persian and emoji are written with them.
 *
 * Source: ECMA-48 (control functions), Unicode TR36 and "Trojan Source" (Boucher and Anderson, 2021) for directions.
 */
const INVISIBLE =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
  /[\u0000-\u001f\u007f-\u009f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]|\p{Surrogate}/gu;

/**
 * A text from anywhere, such as a name in a file, as one line that shows all its characters: those that a terminal
 * obeys, and those that show nothing, are written as JSON writes them, such as `\u001b` and `\n`. So JSON stays JSON.
 */
export function visibleText(text: string): string {
  return text.replace(INVISIBLE, (character) => SHORT.get(character) ?? escaped(character));
}

/** As `visibleText`, of a text of several lines: its line feeds stay, and tabs. */
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
