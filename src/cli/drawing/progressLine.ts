/** A part of a progress line. */
export interface ProgressField {
  readonly text: string;
  /** The field with the highest rank is the first to go in a narrow terminal. */
  readonly rank: number;
}

/** Between two fields. */
const GAP = '  ';
const LONGEST_BAR = 30;
/** A shorter bar says less than the percentage does. */
const SHORTEST_BAR = 5;

/**
 * Formats a line of at most `columns` characters, or a single field if that is longer. Shows as many fields as fit, in
 * their order, after a bar that fills by `share` (from 0 to 1) and takes the remaining space.
 */
export function progressLine(columns: number, share: number, fields: readonly ProgressField[]): string {
  const text = joined(fitting(fields, columns));
  const bar = Math.min(columns - text.length - GAP.length, LONGEST_BAR);
  return bar < SHORTEST_BAR ? text : `${barOf(share, bar)}${GAP}${text}`;
}

/** Drops the fields with the highest ranks until the rest fits or one is left. */
function fitting(fields: readonly ProgressField[], room: number): readonly ProgressField[] {
  if (fields.length <= 1 || joined(fields).length <= room) return fields;
  const highest = fields.reduce((before, field) => (field.rank > before.rank ? field : before));
  return fitting(
    fields.filter((field) => field !== highest),
    room,
  );
}

function joined(fields: readonly ProgressField[]): string {
  return fields.map(({ text }) => text).join(GAP);
}

function barOf(share: number, width: number): string {
  const full = Math.floor(Math.min(Math.max(share, 0), 1) * width);
  return '█'.repeat(full) + '░'.repeat(width - full);
}
