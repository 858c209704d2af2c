import { numberIn } from './metrics';

/** A CSV file: the cells of its first line, and of each later one. */
export interface Table {
  readonly header: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

/**
 * Parses CSV (RFC 4180), also with line feeds only. The last line is left out if it does not end, because its writer may
 * be in the middle of it. Empty lines are left out.
 *
 * @param separator one character
 */
export function parseTable(text: string, separator: string): Table {
  const lines: string[][] = [];
  let cells: string[] = [];
  let at = text.startsWith('\ufeff') ? 1 : 0;
  const endLine = () => {
    if (cells.length > 1 || cells[0] !== '') lines.push(cells);
    cells = [];
  };
  while (at < text.length) {
    const { cell, end } = text[at] === '"' ? quotedCell(text, at, separator) : plainCell(text, at, separator);
    cells.push(cell);
    if (text[end] === separator) {
      at = end + 1;
      // A separator at the end of the line has an empty cell behind it.
      if (at < text.length) continue;
      break;
    }
    if (end >= text.length) break;
    at = text[end] === '\r' && text[end + 1] === '\n' ? end + 2 : end + 1;
    endLine();
  }
  const [header = [], ...rows] = lines;
  return { header, rows };
}

/** Returns a cell without quotes, and the position of the separator or line break after it. */
function plainCell(text: string, start: number, separator: string): { cell: string; end: number } {
  let end = start;
  for (; end < text.length; end++) {
    const character = text[end];
    if (character === separator || character === '\n' || character === '\r') break;
  }
  return { cell: text.slice(start, end), end };
}

/** Returns a cell in quotes. Characters between its closing quote and the next separator are part of it, as in Python. */
function quotedCell(text: string, start: number, separator: string): { cell: string; end: number } {
  const parts: string[] = [];
  let from = start + 1;
  for (;;) {
    const quote = text.indexOf('"', from);
    if (quote === -1) return { cell: '', end: text.length };
    parts.push(text.slice(from, quote));
    if (text[quote + 1] !== '"') {
      const { cell, end } = plainCell(text, quote + 1, separator);
      return { cell: parts.join('') + cell, end };
    }
    parts.push('"');
    from = quote + 2;
  }
}

/** Returns the numbers of a row by their columns. Cells that are empty or have no number, such as NA, are left out. */
export function rowNumbers(header: readonly string[], row: readonly string[]): Map<string, number> {
  const numbers = new Map<string, number>();
  for (const [index, name] of header.entries()) {
    const value = numberIn(row[index] ?? '');
    if (value !== null) numbers.set(name, value);
  }
  return numbers;
}
