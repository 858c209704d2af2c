import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { PixelImage } from '../../../src/shared/pixelImage';

/** [height, width, channels]. */
export type Shape = readonly [number, number, number];

/**
 * Draws gradients, a disc and noise, the same as `picture` in bench/parity/augmentation.py. Uses only integers. The
 * noise is MurmurHash3's finalizer of each value's index.
 */
export function picture([height, width, channels]: Shape): PixelImage {
  const pixels = new Uint8Array(height * width * channels);
  let index = 0;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const distance = (2 * x - width) ** 2 + (2 * y - height) ** 2;
      const disc = distance < Math.floor(Math.min(height, width) ** 2 / 3) ? 50 : 0;
      for (let c = 0; c < channels; c++) {
        const gradient = Math.floor(c === 1 ? (150 * y) / height : (150 * x) / width) + 12 * c;
        pixels[index] = 10 + gradient + disc + (hash(index) % 16);
        index++;
      }
    }
  }
  return { pixels, height, width, channels };
}

function hash(index: number): number {
  let h = (index + 0x9e3779b9) >>> 0;
  h ^= h >>> 16;
  h = Math.imul(h, 0x85ebca6b);
  h ^= h >>> 13;
  h = Math.imul(h, 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/** Returns the first 64 bits of the SHA-256 of an image's bytes. */
export function digest({ pixels }: PixelImage): string {
  return createHash('sha256').update(pixels).digest('hex').slice(0, 16);
}

/** Reads a fixture that bench/parity/augmentation.py writes. */
export function readFixture(name: string): unknown {
  return JSON.parse(readFileSync(join(__dirname, '../../fixtures/augmentation', name), 'utf8'));
}
