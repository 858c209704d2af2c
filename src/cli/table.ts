import { visibleText } from '../shared/visibleText';

/**
 * Formats `rows` as lines with padded columns. Escapes control characters in cells. Columns in `rightAligned` (numbers)
 * are aligned to the right.
 */
export function table(given: readonly (readonly string[])[], rightAligned: readonly number[] = []): string[] {
  const rows = given.map((row) => row.map(visibleText));
  const widths: number[] = [];
  for (const row of rows) {
    for (const [column, cell] of row.entries()) {
      widths[column] = Math.max(widths[column] ?? 0, cell.length);
    }
  }
  return rows.map((row) =>
    row
      .map((cell, column) => {
        const width = widths[column] ?? 0;
        return rightAligned.includes(column) ? cell.padStart(width) : cell.padEnd(width);
      })
      .join('  ')
      .trimEnd(),
  );
}
