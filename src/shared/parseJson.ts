/** Values in one another beyond which JSON is none of ours: whoever walks it by recursion would run out of stack. */
const MAX_DEPTH = 100;

/**
 * The value of a JSON text of a file that anybody may have written.
 *
 * @throws SyntaxError where it is no JSON, or nests deeper than 100 values
 */
export function parseJson(text: string): unknown {
  if (isDeeperThan(text, MAX_DEPTH))
    throw new SyntaxError(`JSON of more than ${MAX_DEPTH} values in one another`);
  return JSON.parse(text);
}

/** Whether more brackets and braces stand open at once than `depth`, those in strings left out. */
function isDeeperThan(text: string, depth: number): boolean {
  let open = 0;
  for (let at = 0; at < text.length; at++) {
    switch (text.charCodeAt(at)) {
      case QUOTE:
        at = endOfString(text, at);
        break;
      case BRACKET:
      case BRACE:
        if (++open > depth) return true;
        break;
      case CLOSING_BRACKET:
      case CLOSING_BRACE:
        open--;
        break;
    }
  }
  return false;
}

const [QUOTE, BRACKET, BRACE, CLOSING_BRACKET, CLOSING_BRACE] = [0x22, 0x5b, 0x7b, 0x5d, 0x7d];

/** The closing quote of the string that begins at `start`; the text's end where it has none. */
function endOfString(text: string, start: number): number {
  for (let at = text.indexOf('"', start + 1); at !== -1; at = text.indexOf('"', at + 1)) {
    let backslashes = 0;
    while (text[at - 1 - backslashes] === '\\') backslashes++;
    if (backslashes % 2 === 0) return at;
  }
  return text.length;
}
