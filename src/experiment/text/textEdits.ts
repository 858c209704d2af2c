/** A replacement of `length` characters at `offset`. Edits in one result do not overlap. */
export interface TextEdit {
  readonly offset: number;
  readonly length: number;
  readonly text: string;
}

/** Edits that preserve everything else, or the reason why there are none. */
export type EditResult =
  | { readonly ok: true; readonly edits: readonly TextEdit[] }
  | { readonly ok: false; readonly reason: string };

/** Applies edits to a text. */
export function applyEdits(text: string, edits: readonly TextEdit[]): string {
  return edits
    .toSorted((a, b) => b.offset - a.offset)
    .reduce(
      (edited, { offset, length, text: inserted }) =>
        edited.slice(0, offset) + inserted + edited.slice(offset + length),
      text,
    );
}
