import type { PixelImage } from '../../shared/pixelImage';

/** Side of the gray reduction that a hash is computed from, in pixels. */
const REDUCED = 32;
/** Side of the block of lowest frequencies. */
const KEPT = 8;
/** Images with a shorter edge look alike too often, for example digits, garments and thumbnails in general. */
export const LEAST_HASHED_EDGE = 64;
/** If a reduction's standard deviation, in levels of 255, is below this, it is flat and its hash is noise. */
const LEAST_DEVIATION = 2;
/** The minimum difference between neighboring areas, in levels of 255. */
const LEAST_STEP = 1;
/** The maximum Hamming distances of near copies: for the frequency hash and for the step hash. */
export const NEAR_FREQUENCIES = 4;
export const NEAR_STEPS = 6;

/** 32-bit words in a hash: high and low half of the 64 frequency bits, then of the 64 step bits. */
export const HASH_WORDS = 4;

/** COSINES[f * REDUCED + x]: the DCT-II basis. */
const COSINES = Float64Array.from({ length: KEPT * REDUCED }, (_, index) => {
  const [frequency, x] = [Math.floor(index / REDUCED), index % REDUCED];
  return Math.cos((Math.PI * frequency * (2 * x + 1)) / (2 * REDUCED));
});

/**
 * Returns the perceptual hash of an image, [HASH_WORDS]. It has two parts. The first says which of the 8x8 lowest
 * frequencies of the 32x32 gray reduction are above their median (Zauner 2010, section 3.2.1, pHash by DCT). The second
 * says which of its 8x8 areas are brighter than their right neighbor (dHash). The last area in a row is compared with
 * the first.
 *
 * Different smooth images may share the first part, and different images on a plain background the second. Near copies
 * share both. Recompression, resizing and slight brightness changes barely alter the hash. Mirroring and cropping
 * change it. Null if the image is too small or too flat to distinguish.
 */
export function perceptualHash(image: PixelImage): Uint32Array | null {
  if (Math.min(image.height, image.width) < LEAST_HASHED_EDGE) return null;
  const gray = reduced(image);
  if (deviation(gray) < LEAST_DEVIATION) return null;
  const coefficients = lowFrequencies(gray);
  const sorted = coefficients.slice(1).sort();
  const median = sorted[(sorted.length - 1) / 2]!;
  const areas = areasOf(gray);
  const hash = new Uint32Array(HASH_WORDS);
  for (let bit = 0; bit < KEPT * KEPT; bit++) {
    // A word holds 32 bits, lowest first. The low half is the second word.
    const [word, place] = [1 - (bit >> 5), 1 << (bit & 31)];
    // Coefficient 0 is the mean brightness and gets no bit.
    if (bit > 0 && coefficients[bit]! > median) hash[word]! |= place;
    const right = bit % KEPT === KEPT - 1 ? bit - KEPT + 1 : bit + 1;
    if (areas[bit]! > areas[right]! + LEAST_STEP) hash[2 + word]! |= place;
  }
  return hash;
}

/** Whether two hashes, each at a position in an array, belong to near copies. */
export function isNear(one: Uint32Array, at: number, other: Uint32Array, otherAt: number): boolean {
  const distance = (word: number) => bitCount(one[at + word]! ^ other[otherAt + word]!);
  return distance(0) + distance(1) <= NEAR_FREQUENCIES && distance(2) + distance(3) <= NEAR_STEPS;
}

/** Counts the set bits of a 32-bit number (Warren, Hacker's Delight, section 5-1). */
function bitCount(word: number): number {
  let bits = word - ((word >>> 1) & 0x55555555);
  bits = (bits & 0x33333333) + ((bits >>> 2) & 0x33333333);
  return Math.imul((bits + (bits >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}

/** Returns the mean gray levels of areas, [REDUCED, REDUCED], in levels of 255. */
function reduced({ pixels, height, width, channels }: PixelImage): Float64Array {
  const sums = new Float64Array(REDUCED * REDUCED);
  const counts = new Uint32Array(REDUCED * REDUCED);
  const columns = Uint8Array.from({ length: width }, (_, x) => Math.floor((x * REDUCED) / width));
  for (let y = 0, at = 0; y < height; y++) {
    const row = Math.floor((y * REDUCED) / height) * REDUCED;
    for (let x = 0; x < width; x++, at += channels) {
      const cell = row + columns[x]!;
      sums[cell]! +=
        channels === 1
          ? pixels[at]!
          : 0.299 * pixels[at]! + 0.587 * pixels[at + 1]! + 0.114 * pixels[at + 2]!;
      counts[cell]!++;
    }
  }
  return sums.map((sum, cell) => sum / counts[cell]!);
}

/** Returns the means of 8x8 areas of a reduction. */
function areasOf(gray: Float64Array): Float64Array {
  const areas = new Float64Array(KEPT * KEPT);
  const side = REDUCED / KEPT;
  for (let y = 0; y < REDUCED; y++) {
    for (let x = 0; x < REDUCED; x++) {
      areas[Math.floor(y / side) * KEPT + Math.floor(x / side)]! += gray[y * REDUCED + x]! / side ** 2;
    }
  }
  return areas;
}

function deviation(values: Float64Array): number {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length);
}

/** Returns the lowest coefficients of an unscaled two-dimensional DCT-II, [KEPT, KEPT], rows first. */
function lowFrequencies(values: Float64Array): Float64Array {
  const rows = new Float64Array(REDUCED * KEPT);
  for (let y = 0; y < REDUCED; y++) {
    for (let f = 0; f < KEPT; f++) {
      let sum = 0;
      for (let x = 0; x < REDUCED; x++) sum += values[y * REDUCED + x]! * COSINES[f * REDUCED + x]!;
      rows[y * KEPT + f] = sum;
    }
  }
  const coefficients = new Float64Array(KEPT * KEPT);
  for (let g = 0; g < KEPT; g++) {
    for (let f = 0; f < KEPT; f++) {
      let sum = 0;
      for (let y = 0; y < REDUCED; y++) sum += rows[y * KEPT + f]! * COSINES[g * REDUCED + y]!;
      coefficients[g * KEPT + f] = sum;
    }
  }
  return coefficients;
}
