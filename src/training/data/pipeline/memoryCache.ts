import type { PixelImage } from '../../../shared/pixelImage';
import {
  BLOCK_BYTES,
  emptyRoom,
  enter,
  isStorable,
  noPlaces,
  type Places,
  placeOf,
  type Room,
  take,
} from './places';

/**
 * Decoded images in shared memory: the first ones, until it is full. No image is evicted. An epoch takes every image
 * once, so an evicted image would be missed as much as its replacement.
 */
export interface MemoryCache {
  readonly places: Places;
  readonly room: Room;
  readonly pixels: Uint8Array;
}

export function emptyCache(bytes: number, images: number): MemoryCache {
  const blocks = Math.floor(bytes / BLOCK_BYTES);
  const pixels = new Uint8Array(new SharedArrayBuffer(blocks * BLOCK_BYTES));
  return { places: noPlaces(images), room: emptyRoom(blocks), pixels };
}

/** Returns an image as a view of the cache. Null if it is not cached. */
export function cached({ places, pixels }: MemoryCache, image: number, channels: number): PixelImage | null {
  const place = placeOf(places, image);
  if (!place) return null;
  const { height, width } = place;
  const start = place.block * BLOCK_BYTES;
  return { pixels: pixels.subarray(start, start + height * width * channels), height, width, channels };
}

/** Caches an image if there is room. */
export function keep({ places, room, pixels }: MemoryCache, image: number, decoded: PixelImage): void {
  if (!isStorable(decoded)) return;
  const block = take(room, decoded.pixels.length);
  if (block === null) return;
  pixels.set(decoded.pixels, block * BLOCK_BYTES);
  enter(places, image, { block, height: decoded.height, width: decoded.width });
}
