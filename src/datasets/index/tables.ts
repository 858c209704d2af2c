import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { assertNever } from '../../shared/assertNever';
import type { ListedDataset } from '../listing';
import { nameAt, partPlace, type SplitTable } from '../table';
import { MOMENTS } from './moments';
import { HASH_WORDS } from './perceptual';

export const SPLIT_NAMES = ['train', 'validation', 'test'] as const;
export type SplitName = (typeof SPLIT_NAMES)[number];

/** Flag bits for what is known of an image. */
export const SEEN = {
  /** The image was scanned. Without this flag, nothing else is known. */
  looked: 1,
  /** The image cannot be read. */
  bad: 2,
  gray: 4,
  /** The image was fully decoded and has moments. */
  decoded: 8,
  /** The image has a perceptual hash. */
  hashed: 16,
} as const;

/** The size of a content hash in bytes. */
export const HASH_BYTES = 16;

/**
 * The scan results for each image of a split, in shared memory that worker threads write. At most 33 bytes per image,
 * plus `details` for decoded images.
 */
export interface Looks {
  /** The mtime before the read, in milliseconds since 1970. Only for an image in its own file. */
  readonly modified: Float64Array;
  /** The size before the read, in bytes. 2^32 - 1 for 4 GiB and more. Only for an image in its own file. */
  readonly size: Uint32Array;
  /** The first bytes of the SHA-256 of the encoded file, or else of the pixels: [count, HASH_BYTES]. */
  readonly hash: Uint8Array;
  /** In pixels, upright. 65535 for longer edges. */
  readonly height: Uint16Array;
  readonly width: Uint16Array;
  /** Bits of SEEN. */
  readonly flags: Uint8Array;
  readonly details: Details;
}

/** What is known of the fully decoded images: all images of a small data set, some of a large one. */
export interface Details {
  /** The images' numbers, ascending. */
  readonly images: Uint32Array;
  /** [images, MOMENTS] */
  readonly moments: Float32Array;
  /** [images, HASH_WORDS], if the image has a perceptual hash. */
  readonly perceptual: Uint32Array;
}

/** The images of a split, with their scan results. */
export interface SeenSplit {
  readonly name: SplitName;
  readonly table: SplitTable;
  readonly looks: Looks;
}

/** Hashes an image's content. */
export function contentHash(content: Uint8Array): Buffer {
  return createHash('sha256').update(content).digest().subarray(0, HASH_BYTES);
}

/** Returns a listing's nonempty splits, in the order of SPLIT_NAMES. */
export function splitsOf({ train, validation, test }: Pick<ListedDataset, 'train' | 'validation' | 'test'>): {
  readonly name: SplitName;
  readonly table: SplitTable;
}[] {
  const tables = { train, validation, test };
  return SPLIT_NAMES.flatMap((name) => {
    const table = tables[name];
    return table && table.labels.length > 0 ? [{ name, table }] : [];
  });
}

/** Returns empty scan results. */
export function newLooks(count: number, detailed: Uint32Array): Looks {
  return {
    modified: new Float64Array(new SharedArrayBuffer(count * 8)),
    size: new Uint32Array(new SharedArrayBuffer(count * 4)),
    hash: new Uint8Array(new SharedArrayBuffer(count * HASH_BYTES)),
    height: new Uint16Array(new SharedArrayBuffer(count * 2)),
    width: new Uint16Array(new SharedArrayBuffer(count * 2)),
    flags: new Uint8Array(new SharedArrayBuffer(count)),
    details: {
      images: detailed,
      moments: new Float32Array(new SharedArrayBuffer(detailed.length * MOMENTS * 4)),
      perceptual: new Uint32Array(new SharedArrayBuffer(detailed.length * HASH_WORDS * 4)),
    },
  };
}

/** Returns the index of an image's details; -1 if it has none. */
export function slotOf({ images }: Details, image: number): number {
  if (images.length > image && images[image] === image) return image;
  let [low, high] = [0, images.length - 1];
  while (low <= high) {
    const middle = (low + high) >> 1;
    const found = images[middle]!;
    if (found === image) return middle;
    if (found < image) low = middle + 1;
    else high = middle - 1;
  }
  return -1;
}

/** Counts the images of all splits. */
export function countOf(splits: readonly { readonly table: SplitTable }[]): number {
  return splits.reduce((sum, { table }) => sum + table.labels.length, 0);
}

/**
 * Chooses the images of a split to decode fully: all if the data set has at most `limit` images, else about `limit`
 * across all splits, chosen by a hash of their names. Adding or removing images therefore leaves the choice of most
 * others unchanged.
 */
export function detailedImages(table: SplitTable, total: number, limit: number): Uint32Array {
  const count = table.labels.length;
  const isAll = table.kind === 'pixels' || total <= limit;
  const chosen: number[] = [];
  const below = (limit / total) * 2 ** 32;
  if (!isAll) {
    for (let image = 0; image < count; image++) if (nameHash(table, image) < below) chosen.push(image);
  }
  const images = new Uint32Array(new SharedArrayBuffer((isAll ? count : chosen.length) * 4));
  if (isAll) for (let image = 0; image < count; image++) images[image] = image;
  else images.set(chosen);
  return images;
}

/** Returns a 32-bit hash of an image's name, evenly distributed: FNV-1a with MurmurHash3's finalizer. */
export function nameHash(table: Exclude<SplitTable, { kind: 'pixels' }>, image: number): number {
  const { text, starts } = table.names;
  let hash = 0x811c9dc5;
  const end = starts[image + 1]!;
  for (let at = starts[image]!; at < end; at++) hash = Math.imul(hash ^ text[at]!, 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/** Describes where the user finds an image: its path, an archive's member, or its number. */
export function placeOf({ name, table }: Pick<SeenSplit, 'name' | 'table'>, image: number): string {
  switch (table.kind) {
    case 'files':
      return join(table.root, nameAt(table.names, image));
    case 'ranges':
      return partPlace(table, image);
    case 'pixels':
      return `${name} #${image}`;
    default:
      return assertNever(table);
  }
}
