import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { assertNever } from '../../shared/assertNever';
import type { ListedDataset } from '../listing';
import { nameAt, partPlace, type SplitTable } from '../table';
import { MOMENTS } from './moments';
import { HASH_WORDS } from './perceptual';

export const SPLIT_NAMES = ['train', 'validation', 'test'] as const;
export type SplitName = (typeof SPLIT_NAMES)[number];

/** What is known of an image, as bits of its flags. */
export const SEEN = {
  /** It was looked at; without this all else is unknown. */
  looked: 1,
  /** It cannot be read. */
  bad: 2,
  grey: 4,
  /** It was decoded whole, and has moments. */
  decoded: 8,
  /** It has a perceptual hash. */
  hashed: 16,
} as const;

/** Bytes of a content hash. */
export const HASH_BYTES = 16;

/**
 * What a look at each image of a split found, in shared memory: threads write it. At most 33 bytes an image, and
 * `details` of those that are decoded.
 */
export interface Looks {
  /** Of a file of its own: milliseconds since 1970, as it was before it was read. */
  readonly modified: Float64Array;
  /** Of a file of its own: bytes, as it was before it was read; 4 GiB and more are 2^32 - 1. */
  readonly size: Uint32Array;
  /** The first bytes of the content's SHA-256, [count, HASH_BYTES]: of the encoded file, else of the pixels. */
  readonly hash: Uint8Array;
  /** Pixels, upright; 65535 for longer edges. */
  readonly height: Uint16Array;
  readonly width: Uint16Array;
  /** Bits of SEEN. */
  readonly flags: Uint8Array;
  readonly details: Details;
}

/** What is known of the images that are decoded whole: all of a small data set, some of a large one. */
export interface Details {
  /** Which images they are, ascending. */
  readonly images: Uint32Array;
  /** [images, MOMENTS] */
  readonly moments: Float32Array;
  /** [images, HASH_WORDS], where the image has a perceptual hash. */
  readonly perceptual: Uint32Array;
}

/** The images of a split, with what is known of them. */
export interface SeenSplit {
  readonly name: SplitName;
  readonly table: SplitTable;
  readonly looks: Looks;
}

/** What tells an image's content from any other's. */
export function contentHash(content: Uint8Array): Buffer {
  return createHash('sha256').update(content).digest().subarray(0, HASH_BYTES);
}

/** The splits of a listing that have images, in the order of SPLIT_NAMES. */
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

/** Looks at nothing yet. */
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

/** Where an image's details are; -1 where it has none. */
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

/** Images of all splits. */
export function countOf(splits: readonly { readonly table: SplitTable }[]): number {
  return splits.reduce((sum, { table }) => sum + table.labels.length, 0);
}

/**
 * Which images of a split are decoded whole: all where a data set has at most `limit`, else about `limit` of all
 * splits' images, chosen by a hash of their names. So images that come or go leave the choice of most others as it was.
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

/** A 32-bit hash of an image's name, evenly spread: FNV-1a with MurmurHash3's finish. */
export function nameHash(table: Exclude<SplitTable, { kind: 'pixels' }>, image: number): number {
  const { text, starts } = table.names;
  let hash = 0x811c9dc5;
  const end = starts[image + 1]!;
  for (let at = starts[image]!; at < end; at++) hash = Math.imul(hash ^ text[at]!, 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/** An image as a person finds it: its path, an archive's member, or its number. */
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
