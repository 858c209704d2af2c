/** Repeats a read on demand, but never runs two at the same time. */
export class Refreshing {
  #underWay: Promise<void> | null = null;
  #again = false;

  constructor(private readonly read: () => Promise<void>) {}

  get isUnderWay(): boolean {
    return this.#underWay !== null;
  }

  /** Resolves after a read that started no earlier than this call. */
  run(): Promise<void> {
    if (this.#underWay) {
      this.#again = true;
      return this.#underWay;
    }
    this.#underWay = this.#readAll().finally(() => {
      this.#underWay = null;
    });
    return this.#underWay;
  }

  async #readAll(): Promise<void> {
    do {
      this.#again = false;
      await this.read();
    } while (this.#again);
  }
}
