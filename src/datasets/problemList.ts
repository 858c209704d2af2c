import type { DataProblem } from './listing';

/** Places that a problem names; the rest are counted. */
const NAMED = 10;

/** Where one thing was found wrong, while a data set is gone through. */
export class ProblemList {
  #count = 0;
  readonly #where: string[] = [];

  add(where: string): void {
    if (this.#count++ < NAMED) this.#where.push(where);
  }

  /** The problem in a list; an empty one where nothing was found. */
  problem(
    severity: DataProblem['severity'],
    kind: DataProblem['kind'],
    what: string,
    remedy: string,
  ): DataProblem[] {
    if (this.#count === 0) return [];
    return [{ severity, kind, count: this.#count, where: this.#where, what, remedy }];
  }
}
