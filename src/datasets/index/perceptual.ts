import type { PixelImage } from '../../shared/pixelImage';

/** Side of the grey reduction that a hash is made of, in pixels. */
const REDUCED = 32;
/** Side of the block of lowest frequencies. */
const KEPT = 8;
/** Images with a shorter edge look alike too often: digits, garments, and thumbnails in general. */
export const LEAST_HASHED_EDGE = 64;
/** Standard deviation, in levels of 255, below which a reduction is flat and its hash is noise. */
const LEAST_DEVIATION = 2;
/** Levels of 255 by which neighbouring areas have to differ. */
const LEAST_STEP = 1;
/** Hamming distances up to which images are near copies: of the hashes of frequencies, and of those of steps. */
export const NEAR_FREQUENCIES = 4;
export const NEAR_STEPS = 6;

/** 32-bit numbers in a hash: high and low half of the frequencies' 64 bits, then of the steps'. */
export const HASH_WORDS = 4;

/** COSINES[f * REDUCED + x]: the DCT-II's basis. */
const COSINES = Float64Array.from({ length: KEPT * REDUCED }, (_, index) => {
  const [frequency, x] = [Math.floor(index / REDUCED), index % REDUCED];
  return Math.cos((Math.PI * frequency * (2 * x + 1)) / (2 * REDUCED));
});

/**
 * The perceptual hash of an image, [HASH_WORDS]: which of the 8x8 lowest frequencies of its 32x32 grey reduction are
 * above their median (Zauner 2010, section 3.2.1, pHash by DCT), and which of its 8x8 areas are brighter than their
 * right neighbours, in a row's last the first (dHash). Smooth images that differ may share the first, those with a plain
 * ground the second; near copies share both. Recompression, resizing and slight changes of brightness leave it nearly as
 * it is; mirrored and cropped images have another. Null for images that are too small or flat to tell apart.
 */
export function perceptualHash(image: PixelImage): Uint32Array | null {
  if (Math.min(image.height, image.width) < LEAST_HASHED_EDGE) return null;
  const grey = reduced(image);
  if (deviation(grey) < LEAST_DEVIATION) return null;
  const coefficients = lowFrequencies(grey);
  const sorted = coefficients.slice(1).sort();
  const median = sorted[(sorted.length - 1) / 2]!;
  const areas = areasOf(grey);
  const hash = new Uint32Array(HASH_WORDS);
  for (let bit = 0; bit < KEPT * KEPT; bit++) {
    // A word holds 32 bits, its lowest first; the low half comes second.
    const [word, place] = [1 - (bit >> 5), 1 << (bit & 31)];
    // The first is the mean brightness, and no bit.
    if (bit > 0 && coefficients[bit]! > median) hash[word]! |= place;
    const right = bit % KEPT === KEPT - 1 ? bit - KEPT + 1 : bit + 1;
    if (areas[bit]! > areas[right]! + LEAST_STEP) hash[2 + word]! |= place;
  }
  return hash;
}

/** Whether two hashes, each from a place in an array of them, are those of near copies. */
export function isNear(one: Uint32Array, at: number, other: Uint32Array, otherAt: number): boolean {
  const distance = (word: number) => bitCount(one[at + word]! ^ other[otherAt + word]!);
  return distance(0) + distance(1) <= NEAR_FREQUENCIES && distance(2) + distance(3) <= NEAR_STEPS;
}

/** Set bits of a 32-bit number (Warren, Hacker's Delight, section 5-1). */
function bitCount(word: number): number {
  let bits = word - ((word >>> 1) & 0x55555555);
  bits = (bits & 0x33333333) + ((bits >>> 2) & 0x33333333);
  return Math.imul((bits + (bits >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}

/** Grey means of areas, [REDUCED, REDUCED], in levels of 255. */
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

/** Means of 8x8 areas of a reduction. */
function areasOf(grey: Float64Array): Float64Array {
  const areas = new Float64Array(KEPT * KEPT);
  const side = REDUCED / KEPT;
  for (let y = 0; y < REDUCED; y++) {
    for (let x = 0; x < REDUCED; x++) {
      areas[Math.floor(y / side) * KEPT + Math.floor(x / side)]! += grey[y * REDUCED + x]! / side ** 2;
    }
  }
  return areas;
}

function deviation(values: Float64Array): number {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length);
}

/** The lowest coefficients of a two-dimensional DCT-II, [KEPT, KEPT], rows first; without its scale. */
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
