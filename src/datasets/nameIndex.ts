import { murmur3 } from './murmur3';

/**
 * Numbers names in order of arrival and looks them up: a hash table of numbers, because a Map would retain every
 * string.
 */
export class NameIndex {
  private slots = new Int32Array(1 << 10).fill(-1);
  private count = 0;

  /** @param nameOf returns the name for an assigned number */
  constructor(private readonly nameOf: (index: number) => string) {}

  /** Returns the number of a known name. Returns null for a new one, which gets the next number. */
  findOrAdd(name: string): number | null {
    // Grow before the name gets its number, because the caller adds the name afterwards.
    if ((this.count + 1) * 2 > this.slots.length) this.grow();
    let slot = this.slotOf(name);
    for (let index = this.slots[slot]!; index >= 0; index = this.slots[slot]!) {
      if (this.nameOf(index) === name) return index;
      slot = (slot + 1) % this.slots.length;
    }
    this.slots[slot] = this.count++;
    return null;
  }

  private slotOf(name: string): number {
    return murmur3(name, 0) % this.slots.length;
  }

  private grow(): void {
    this.slots = new Int32Array(this.slots.length * 2).fill(-1);
    for (let index = 0; index < this.count; index++) {
      let slot = this.slotOf(this.nameOf(index));
      while (this.slots[slot]! >= 0) slot = (slot + 1) % this.slots.length;
      this.slots[slot] = index;
    }
  }
}
