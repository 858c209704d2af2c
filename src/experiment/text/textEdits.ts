/** A replacement of `length` characters at `offset`. The edits of one result do not overlap. */
export interface TextEdit {
  readonly offset: number;
  readonly length: number;
  readonly text: string;
}

/** Edits that leave everything else as it was, or why there are none. */
export type EditResult =
  | { readonly ok: true; readonly edits: readonly TextEdit[] }
  | { readonly ok: false; readonly reason: string };

/** The text with edits applied. */
export function applyEdits(text: string, edits: readonly TextEdit[]): string {
  return edits
    .toSorted((a, b) => b.offset - a.offset)
    .reduce(
      (edited, { offset, length, text: inserted }) =>
        edited.slice(0, offset) + inserted + edited.slice(offset + length),
      text,
    );
}
