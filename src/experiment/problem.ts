import * as l10n from '@vscode/l10n';
import type { Path } from '../shared/path';

/** A position in a text. `line` and `character` count from 0, characters in UTF-16 units like in editors. */
export interface Position {
  readonly offset: number;
  readonly line: number;
  readonly character: number;
}

export interface Range {
  readonly start: Position;
  readonly end: Position;
}

/** An edit that fixes a problem. */
export type Fix =
  /** `isMeant` if the value is what the user meant, and not just an example of a valid value. */
  | { readonly type: 'set'; readonly path: Path; readonly value: unknown; readonly isMeant: boolean }
  /** The value at the problem's path belongs elsewhere. `value` holds it. */
  | { readonly type: 'move'; readonly to: Path; readonly value: unknown }
  /** Removes the value at the problem's path. */
  | { readonly type: 'remove' };

/** An error or warning about the user's input, with its location and remedy. */
export interface Problem {
  readonly severity: 'error' | 'warning';
  /** The part of the experiment concerned. Empty for the whole file. */
  readonly path: Path;
  readonly range: Range;
  readonly what: string;
  readonly remedy: string;
  /** The key or value that was probably meant. */
  readonly replacement?: string;
  /** The fix, if it is more than another word. */
  readonly fix?: Fix;
  /** The command line's `key=value` that caused it. `range` is then only the nearest position in the file. */
  readonly override?: string;
}

/** A problem that makes a valid experiment impossible to train. */
export interface ResolutionProblem {
  readonly path: Path;
  readonly what: string;
  readonly remedy: string;
  readonly replacement?: string;
  readonly fix?: Fix;
}

/** Formats a problem like compilers do: `file:line:column: error: what remedy`, counted from 1. */
export function formatProblem(file: string, problem: Problem): string {
  const { start } = problem.range;
  const place =
    problem.override === undefined
      ? `${file}:${start.line + 1}:${start.character + 1}`
      : `--set ${problem.override}`;
  const severity = problem.severity === 'error' ? l10n.t('error') : l10n.t('warning');
  return `${place}: ${severity}: ${problem.what} ${problem.remedy}`;
}

/** The line starts of a text, for converting offsets to positions. Clamps offsets to the text. */
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
