/** What the attempts at a run leave in one file, which all of them write. */

/**
 * Decides which lines of a log count: those of an attempt are void once a higher one has begun, for its trainer was
 * taken for dead. Lines are to be asked about in the order of the file.
 */
export class AttemptFence {
  #highest = 0;

  /** The highest attempt so far. */
  get highest(): number {
    return this.#highest;
  }

  accepts({ attempt = 0 }: { readonly attempt?: number | undefined }): boolean {
    if (attempt < this.#highest) return false;
    this.#highest = attempt;
    return true;
  }
}
