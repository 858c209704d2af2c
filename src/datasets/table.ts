import { basename, join } from 'node:path';
import { assertNever } from '../shared/assertNever';
import type { PixelImage } from '../shared/pixelImage';
import { openRegular, readRegular } from '../system/regularFiles';

/**
 * The images of one split, as data that threads share: typed arrays lie in shared memory, so that a worker gets them
 * by message without a copy. At most 100 bytes an image, pixels apart.
 */
export type SplitTable =
  /** Files of their own, below `root`. */
  | {
      readonly kind: 'files';
      readonly root: string;
      /** Paths relative to `root`, with slashes. */
      readonly names: NameTable;
      readonly labels: Uint32Array;
    }
  /** Parts of larger files, each an encoded image: members of tar archives, values of a table. */
  | {
      readonly kind: 'ranges';
      readonly files: readonly string[];
      /** By image: its file, where it begins there, and how long it is, in bytes. */
      readonly file: Uint32Array;
      readonly offset: Float64Array;
      readonly length: Uint32Array;
      readonly names: NameTable;
      readonly labels: Uint32Array;
    }
  /** Pixels of one size, in memory: bytes [count, height, width, channels]. */
  | {
      readonly kind: 'pixels';
      readonly pixels: Uint8Array;
      readonly height: number;
      readonly width: number;
      readonly channels: 1 | 3;
      readonly labels: Uint32Array;
    };

/** Many strings in two arrays of shared memory, since a string each would take a hundred bytes more. */
export interface NameTable {
  /** UTF-8, one after the other. */
  readonly text: Uint8Array;
  /** Where each begins, and the end of the last: [count + 1], bytes. */
  readonly starts: Float64Array;
}

/** An image as it is stored. */
export type StoredImage =
  | { readonly kind: 'encoded'; readonly bytes: Uint8Array }
  | { readonly kind: 'pixels'; readonly image: PixelImage };

/** Packs strings; they are not kept. */
export function nameTable(names: Iterable<string>): NameTable {
  const encoder = new TextEncoder();
  let text = new Uint8Array(new SharedArrayBuffer(1 << 16));
  let end = 0;
  const starts = [0];
  for (const name of names) {
    const bytes = encoder.encode(name);
    if (end + bytes.length > text.length) {
      const larger = new Uint8Array(new SharedArrayBuffer(Math.max(text.length * 2, end + bytes.length)));
      larger.set(text.subarray(0, end));
      text = larger;
    }
    text.set(bytes, end);
    end += bytes.length;
    starts.push(end);
  }
  const shared = new Float64Array(new SharedArrayBuffer(starts.length * 8));
  shared.set(starts);
  return { text: text.subarray(0, end), starts: shared };
}

/** String `index` of a table. */
export function nameAt({ text, starts }: NameTable, index: number): string {
  // A decoder refuses shared memory.
  return Buffer.from(text.subarray(starts[index]!, starts[index + 1]!)).toString('utf8');
}

/** What a person finds an image by: its path, the member of its archive, or its number. */
export function imageName(table: SplitTable, index: number): string {
  return table.kind === 'pixels' ? `#${index}` : nameAt(table.names, index);
}

/** A file of the cache that holds copies of images, whose names say where they were copied from. */
export const PACK_FILE = 'images.pack';

/** Where a person finds an image that is a part of a larger file. */
export function partPlace(table: Extract<SplitTable, { kind: 'ranges' }>, index: number): string {
  const file = table.files[table.file[index]!]!;
  const name = nameAt(table.names, index);
  return basename(file) === PACK_FILE ? name : `${file}: ${name}`;
}

/**
 * Reads an image as it is stored.
 *
 * @throws the file system's error
 */
export async function readStored(table: SplitTable, index: number): Promise<StoredImage> {
  switch (table.kind) {
    case 'files':
      return { kind: 'encoded', bytes: await readRegular(join(table.root, nameAt(table.names, index))) };
    case 'ranges': {
      const bytes = Buffer.alloc(table.length[index]!);
      const file = await openRegular(table.files[table.file[index]!]!);
      try {
        const { bytesRead } = await file.read(bytes, 0, bytes.length, table.offset[index]!);
        return { kind: 'encoded', bytes: bytes.subarray(0, bytesRead) };
      } finally {
        await file.close();
      }
    }
    case 'pixels': {
      const { height, width, channels } = table;
      const size = height * width * channels;
      const pixels = table.pixels.subarray(index * size, (index + 1) * size);
      return { kind: 'pixels', image: { pixels, height, width, channels } };
    }
    default:
      return assertNever(table);
  }
}
