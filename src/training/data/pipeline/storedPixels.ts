import { closeSync, readSync, writeSync } from 'node:fs';
import type { PixelImage } from '../../../shared/pixelImage';
import { openPlainSync } from '../../../system/plainFiles';
import { BLOCK_BYTES, enter, isStorable, placeOf, take } from './places';
import { checksumOf, type StoredPixels } from './presizeIndex';
import type { SharedStore } from './presizeStore';

/** One thread's access to the pixels of a store. */
export class StoreFile {
  #reading: number | null = null;
  #writing: number | null = null;

  constructor(private readonly store: SharedStore) {}

  /** Returns an image of the store. Null if it is missing or damaged. */
  read(image: number): PixelImage | null {
    const { path, places, channels, checksums, verified } = this.store;
    const place = placeOf(places, image);
    if (!place) return null;
    const { height, width } = place;
    const pixels = new Uint8Array(height * width * channels);
    try {
      this.#reading ??= openPlainSync(path);
      if (readSync(this.#reading, pixels, 0, pixels.length, place.block * BLOCK_BYTES) < pixels.length)
        return null;
    } catch {
      return null;
    }
    if (verified[image] === 0) {
      if (checksumOf(pixels) !== checksums[image]) return null;
      verified[image] = 1;
    }
    return { pixels, height, width, channels };
  }

  /**
   * Stores an image. Returns null if storing has stopped or there is no room.
   *
   * @throws the file system's error
   */
  write(image: number, { pixels, height, width }: PixelImage): StoredPixels | null {
    const { path, places, room, checksums, verified, isWriting } = this.store;
    if (Atomics.load(isWriting, 0) === 0 || !isStorable({ height, width })) return null;
    const block = take(room, pixels.length);
    if (block === null) return null;
    this.#writing ??= openPlainSync(path, 'r+');
    for (let end = 0; end < pixels.length; ) {
      end += writeSync(this.#writing, pixels, end, pixels.length - end, block * BLOCK_BYTES + end);
    }
    const place = { block, height, width };
    const checksum = checksumOf(pixels);
    checksums[image] = checksum;
    verified[image] = 1;
    enter(places, image, place);
    return { image, ...place, checksum };
  }

  close(): void {
    for (const descriptor of [this.#reading, this.#writing]) if (descriptor !== null) closeSync(descriptor);
    this.#reading = null;
    this.#writing = null;
  }
}
