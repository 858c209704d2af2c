import * as l10n from '@vscode/l10n';
import type { Path } from '../shared/path';

/** A place in a text; `line` and `character` count from 0, characters in UTF-16 units as editors count them. */
export interface Position {
  readonly offset: number;
  readonly line: number;
  readonly character: number;
}

export interface Range {
  readonly start: Position;
  readonly end: Position;
}

/** Something a person wrote that is wrong, where it stands, and what would be right. */
export interface Problem {
  readonly severity: 'error' | 'warning';
  /** The part of the experiment it is about; empty for the whole file. */
  readonly path: Path;
  readonly range: Range;
  readonly what: string;
  readonly remedy: string;
  /** The key or value that was probably meant. */
  readonly replacement?: string;
  /** The `key=value` of the command line that brought it in; then `range` is only the nearest place in the file. */
  readonly override?: string;
}

/** Something in a valid experiment that cannot be trained. */
export interface ResolutionProblem {
  readonly path: Path;
  readonly what: string;
  readonly remedy: string;
}

/** A problem as compilers print one: `file:line:column: error: what remedy`, counted from 1. */
export function formatProblem(file: string, problem: Problem): string {
  const { start } = problem.range;
  const place =
    problem.override === undefined
      ? `${file}:${start.line + 1}:${start.character + 1}`
      : `--set ${problem.override}`;
  const severity = problem.severity === 'error' ? l10n.t('error') : l10n.t('warning');
  return `${place}: ${severity}: ${problem.what} ${problem.remedy}`;
}

/** Where the lines of a text start, to turn offsets into positions. Offsets outside the text are moved into it. */
export class Lines {
  readonly #starts: readonly number[];
  readonly #length: number;

  constructor(text: string) {
    this.#starts = [0, ...Array.from(text.matchAll(/\r\n|\r|\n/g), (end) => end.index + end[0].length)];
    this.#length = text.length;
  }

  range(start: number, end: number): Range {
    return { start: this.position(start), end: this.position(Math.max(start, end)) };
  }

  position(at: number): Position {
    const offset = Math.min(Math.max(at, 0), this.#length);
    let line = 0;
    for (let after = this.#starts.length; after - line > 1; ) {
      const middle = (line + after) >> 1;
      if (this.#starts[middle]! <= offset) line = middle;
      else after = middle;
    }
    return { offset, line, character: offset - this.#starts[line]! };
  }
}
