import type { Copies, DataReport } from './datasetIndex';
import { isReadable } from './facts';
import { HASH_WORDS, isNear, NEAR_FREQUENCIES } from './perceptual';
import { countOf, HASH_BYTES, placeOf, SEEN, type SeenSplit } from './tables';

/** The maximum number of pairs of copies to keep. */
const KEPT_PAIRS = 10;

/** Counts copies and keeps some of them. */
class CopyCounter {
  count = 0;
  readonly pairs: (readonly [string, string])[] = [];

  add(pair: () => readonly [string, string]): void {
    this.count++;
    if (this.pairs.length < KEPT_PAIRS) this.pairs.push(pair());
  }

  get copies(): Copies {
    return { count: this.count, pairs: this.pairs };
  }
}

/** An image's position among all splits: its split, and its index in that split. */
interface Place {
  readonly split: SeenSplit;
  readonly image: number;
}

/** Finds images with identical bytes (of the encoded files, or of the pixels for data in memory). */
export function exactCopies(splits: readonly SeenSplit[]): Pick<
  DataReport,
  'copiesWithin' | 'copiesAcross' | 'copiesMislabelled'
> & {
  /** For each image, numbered across all splits: whether it is a copy of an image in another split. */
  readonly isAcross: Uint8Array;
} {
  const total = countOf(splits);
  const mask = 2 ** Math.ceil(Math.log2(total * 1.5 + 1)) - 1;
  /** The first image with each content, by open addressing over the hashes, which are evenly distributed. */
  const firsts = new Int32Array(mask + 1).fill(-1);
  const isAcross = new Uint8Array(total);
  const [within, across, mislabeled] = [new CopyCounter(), new CopyCounter(), new CopyCounter()];
  let number = 0;
  for (const split of splits) {
    for (let image = 0; image < split.table.labels.length; image++, number++) {
      if (!isReadable(split.looks, image)) continue;
      let slot = hashStart(split, image) & mask;
      let first: Place | null = null;
      for (; firsts[slot] !== -1; slot = (slot + 1) & mask) {
        const candidate = placeAt(splits, firsts[slot]!);
        if (!hasSameHash(candidate, { split, image })) continue;
        first = candidate;
        break;
      }
      if (!first) {
        firsts[slot] = number;
        continue;
      }
      const original = first;
      const pair = () => [placeOf(original.split, original.image), placeOf(split, image)] as const;
      if (original.split === split) within.add(pair);
      else {
        across.add(pair);
        isAcross[number] = 1;
      }
      if (original.split.table.labels[original.image] !== split.table.labels[image]) mislabeled.add(pair);
    }
  }
  return {
    copiesWithin: within.copies,
    copiesAcross: across.copies,
    copiesMislabelled: mislabeled.copies,
    isAcross,
  };
}

function placeAt(splits: readonly SeenSplit[], number: number): Place {
  let image = number;
  for (const split of splits) {
    if (image < split.table.labels.length) return { split, image };
    image -= split.table.labels.length;
  }
  throw new RangeError(`No image ${number}`);
}

function hashStart({ looks: { hash } }: SeenSplit, image: number): number {
  const at = image * HASH_BYTES;
  return hash[at]! | (hash[at + 1]! << 8) | (hash[at + 2]! << 16) | ((hash[at + 3]! & 0x7f) << 24);
}

function hasSameHash(one: Place, other: Place): boolean {
  const [a, b] = [one.image * HASH_BYTES, other.image * HASH_BYTES];
  for (let at = 0; at < HASH_BYTES; at++) {
    if (one.split.looks.hash[a + at] !== other.split.looks.hash[b + at]) return false;
  }
  return true;
}

/**
 * If two 64-bit hashes differ in at most NEAR_FREQUENCIES bits, at least one of NEAR_FREQUENCIES + 1 bands is equal
 * (Norouzi, Punjani and Fleet 2012, section 3.1). Holds the start and the number of bits per band.
 */
const BANDS = Array.from({ length: NEAR_FREQUENCIES + 1 }, (_, band) => {
  const start = Math.floor((64 * band) / (NEAR_FREQUENCIES + 1));
  return { start, bits: Math.floor((64 * (band + 1)) / (NEAR_FREQUENCIES + 1)) - start };
});

/** After this many hash comparisons, no more images are compared. Only nearly identical hashes need so many. */
const MAX_COMPARISONS = 2e9;

/**
 * Finds validation and test images that look like an image of an earlier split, by perceptual hash. Skips exact copies
 * across splits.
 */
export function nearCopies(
  splits: readonly SeenSplit[],
  isAcross: Uint8Array,
): DataReport['nearCopiesAcross'] {
  const found = new CopyCounter();
  const before: Hashed[] = [];
  let [compared, comparisons, offset] = [0, 0, 0];
  for (const split of splits) {
    const own = hashedOf(split);
    for (let at = 0; at < own.images.length && comparisons <= MAX_COMPARISONS; at++) {
      compared++;
      const image = own.images[at]!;
      if (isAcross[offset + image]) continue;
      for (const other of before) {
        const match = other.find(own.hashes, at * HASH_WORDS);
        comparisons += match.comparisons;
        if (match.image === -1) continue;
        found.add(() => [placeOf(other.split, match.image), placeOf(split, image)]);
        break;
      }
    }
    before.push(own);
    offset += split.table.labels.length;
  }
  return { ...found.copies, compared };
}

interface Hashed {
  readonly split: SeenSplit;
  readonly images: readonly number[];
  /** [images, HASH_WORDS] */
  readonly hashes: Uint32Array;
  /** Finds the first image with a nearby hash; -1 if there is none. */
  find(hashes: Uint32Array, at: number): { readonly image: number; readonly comparisons: number };
}

/** Puts a split's images with a perceptual hash into buckets, per band. */
function hashedOf(split: SeenSplit): Hashed {
  const { looks } = split;
  const { perceptual } = looks.details;
  const slots = [...looks.details.images.entries()].filter(
    ([, image]) => isReadable(looks, image) && (looks.flags[image]! & SEEN.hashed) !== 0,
  );
  const images = slots.map(([, image]) => image);
  const hashes = new Uint32Array(slots.length * HASH_WORDS);
  for (const [at, [slot]] of slots.entries()) {
    hashes.set(perceptual.subarray(slot * HASH_WORDS, (slot + 1) * HASH_WORDS), at * HASH_WORDS);
  }
  // Per band: the first image of each bucket, and each image's successor in its bucket.
  const buckets = BANDS.map(({ start, bits }) => {
    const firsts = new Int32Array(2 ** bits).fill(-1);
    const nexts = new Int32Array(images.length);
    for (let at = images.length - 1; at >= 0; at--) {
      const bucket = bitsOf(hashes, at * HASH_WORDS, start, bits);
      nexts[at] = firsts[bucket]!;
      firsts[bucket] = at;
    }
    return { start, bits, firsts, nexts };
  });
  const find: Hashed['find'] = (others, other) => {
    let comparisons = 0;
    for (const { start, bits, firsts, nexts } of buckets) {
      const bucket = bitsOf(others, other, start, bits);
      for (let at = firsts[bucket]!; at !== -1; at = nexts[at]!, comparisons++) {
        if (isNear(hashes, at * HASH_WORDS, others, other)) return { image: images[at]!, comparisons };
      }
    }
    return { image: -1, comparisons };
  };
  return { split, images, hashes, find };
}

/** Returns `bits` of a hash's first 64 bits, from bit `start` on. Bit 0 is the lowest bit of the low half. */
function bitsOf(hashes: Uint32Array, at: number, start: number, bits: number): number {
  const [high, low] = [hashes[at]!, hashes[at + 1]!];
  const mask = 2 ** bits - 1;
  if (start >= 32) return (high >>> (start - 32)) & mask;
  const fromLow = low >>> start;
  return (start + bits <= 32 ? fromLow : fromLow | (high << (32 - start))) & mask;
}
