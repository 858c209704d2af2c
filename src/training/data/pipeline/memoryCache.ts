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
 * Decoded images in shared memory, as many of the first as have room. None is removed for another: an epoch takes every
 * image once, so whatever was removed would be missed as much as what took its place.
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

/** An image where it lies in the cache; null where it is not there. */
export function cached({ places, pixels }: MemoryCache, image: number, channels: number): PixelImage | null {
  const place = placeOf(places, image);
  if (!place) return null;
  const { height, width } = place;
  const start = place.block * BLOCK_BYTES;
  return { pixels: pixels.subarray(start, start + height * width * channels), height, width, channels };
}

/** Keeps an image, where there is room. */
export function keep({ places, room, pixels }: MemoryCache, image: number, decoded: PixelImage): void {
  if (!isStorable(decoded)) return;
  const block = take(room, decoded.pixels.length);
  if (block === null) return;
  pixels.set(decoded.pixels, block * BLOCK_BYTES);
  enter(places, image, { block, height: decoded.height, width: decoded.width });
}
