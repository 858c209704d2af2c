/** Handling of a file that all attempts at a run write to. */

/**
 * Decides which lines of a log count. As soon as a higher attempt has begun, further lines of a lower attempt are void,
 * because its trainer was considered dead. Check the lines in file order.
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
