/** The maximum nesting depth of the product's JSON. Recursive code would overflow the stack on deeper values. */
const MAX_DEPTH = 100;

/**
 * Parses JSON from an untrusted file.
 *
 * @throws SyntaxError if it is not JSON, or nests deeper than 100 values
 */
export function parseJson(text: string): unknown {
  if (isDeeperThan(text, MAX_DEPTH))
    throw new SyntaxError(`JSON of more than ${MAX_DEPTH} values in one another`);
  return JSON.parse(text);
}

/** Whether brackets and braces, except in strings, nest deeper than `depth`. */
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

/**
 * Returns the position of the closing quote of the string that begins at `start`; the end of the text if there is none.
 */
function endOfString(text: string, start: number): number {
  for (let at = text.indexOf('"', start + 1); at !== -1; at = text.indexOf('"', at + 1)) {
    let backslashes = 0;
    while (text[at - 1 - backslashes] === '\\') backslashes++;
    if (backslashes % 2 === 0) return at;
  }
  return text.length;
}
