import { murmur3 } from './murmur3';

/** Numbers names as they come, and finds one again: a hash table of numbers, since a Map would keep every string. */
export class NameIndex {
  private slots = new Int32Array(1 << 10).fill(-1);
  private count = 0;

  /** @param nameOf the name of a number that was given */
  constructor(private readonly nameOf: (index: number) => string) {}

  /** The number of a name that is there; null where it is new, and gets the next number. */
  findOrAdd(name: string): number | null {
    // Before the name gets its number, since those who call add it afterwards.
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
