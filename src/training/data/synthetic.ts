import type { DatasetFacts, SyntheticOptions } from '../../recipe/datasets';
import type { ImageSplit, MemoryDataset } from './dataset';

/** A class's pattern is a grid with this many cells per side. Each cell has one value per channel. */
const CELLS = 4;

/**
 * Opens a data set that computes its images on demand. Keeps nothing in memory, and image `index` is always the same.
 * Labels cycle through the classes. A pixel is its class's coarse, fixed pattern plus noise three times as strong. A
 * single pixel does not reveal the class, but a network soon learns it from all of them.
 */
export function openSynthetic(options: SyntheticOptions, facts: DatasetFacts): MemoryDataset {
  // Hashes the two halves of the seed, which may be any safe integer.
  const key = hash(hash(0, options.seed), Math.floor(options.seed / 2 ** 32));
  return {
    facts,
    train: syntheticSplit(facts, facts.trainImages, hash(key, 0), hash(key, 1)),
    validation: syntheticSplit(facts, facts.validationImages, hash(key, 0), hash(key, 2)),
  };
}

function syntheticSplit(
  { height, width, channels, classes }: DatasetFacts,
  count: number,
  patternKey: number,
  noiseKey: number,
): ImageSplit {
  const label = (index: number) => index % classes;
  // For each class drawn so far, the rows of its pattern at the width of an image.
  const patterns = new Map<number, readonly Uint8Array[]>();
  const rowsOf = (of: number) => {
    const pattern = patternOf(hash(patternKey, of), channels);
    const rows = Array.from({ length: CELLS }, (_, row) => patternRow(pattern, row, width, channels));
    patterns.set(of, rows);
    return rows;
  };
  const draw = (index: number, target: Uint8Array) => {
    const rows = patterns.get(label(index)) ?? rowsOf(label(index));
    const imageKey = hash(noiseKey, index);
    let position = 0;
    let noise = 0;
    for (let y = 0; y < height; y++) {
      const row = rows[Math.floor((y * CELLS) / height)]!;
      for (let column = 0; column < row.length; column++, position++) {
        // A hash provides four bytes of noise.
        noise = (position & 3) === 0 ? hash(imageKey, position) : noise >> 8;
        target[position] = (row[column]! + 3 * (noise & 0xff)) >> 2;
      }
    }
  };
  return { count, label, draw };
}

/** Returns the cells of a class's pattern, [CELLS, CELLS, channels]. */
function patternOf(key: number, channels: number): Uint8Array {
  return Uint8Array.from({ length: CELLS * CELLS * channels }, (_, cell) => hash(key, cell));
}

/** Returns a row of the pattern at the width of an image, [width, channels]. */
function patternRow(pattern: Uint8Array, cellRow: number, width: number, channels: number): Uint8Array {
  const row = new Uint8Array(width * channels);
  for (let x = 0; x < width; x++) {
    const cell = (cellRow * CELLS + Math.floor((x * CELLS) / width)) * channels;
    for (let channel = 0; channel < channels; channel++)
      row[x * channels + channel] = pattern[cell + channel]!;
  }
  return row;
}

/**
 * Returns a random signed 32-bit integer for each pair, a random source with random access. The finalizer of
 * MurmurHash3 (Appleby) over a Weyl sequence of the golden ratio, as in SplitMix (Steele et al. 2014).
 */
function hash(key: number, counter: number): number {
  let h = (key + Math.imul(counter + 1, 0x9e3779b9)) | 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}
