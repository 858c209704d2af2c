import { basename, join } from 'node:path';
import { assertNever } from '../shared/assertNever';
import type { PixelImage } from '../shared/pixelImage';
import { openRegular, readRegular } from '../system/regularFiles';

/**
 * The images of one split, as typed arrays in shared memory, so a worker receives them by message without a copy. At
 * most 100 bytes per image, excluding pixels.
 */
export type SplitTable =
  /** Separate files under `root`. */
  | {
      readonly kind: 'files';
      readonly root: string;
      /** Paths relative to `root`, with slashes. */
      readonly names: NameTable;
      readonly labels: Uint32Array;
    }
  /** Parts of larger files, each an encoded image: members of tar archives or values in a table. */
  | {
      readonly kind: 'ranges';
      readonly files: readonly string[];
      /** Per image: its file, and its offset and length there in bytes. */
      readonly file: Uint32Array;
      readonly offset: Float64Array;
      readonly length: Uint32Array;
      readonly names: NameTable;
      readonly labels: Uint32Array;
    }
  /** Pixels in memory, all images of one size: bytes [count, height, width, channels]. */
  | {
      readonly kind: 'pixels';
      readonly pixels: Uint8Array;
      readonly height: number;
      readonly width: number;
      readonly channels: 1 | 3;
      readonly labels: Uint32Array;
    };

/** Many strings in two shared arrays. Separate string objects would take a hundred more bytes each. */
export interface NameTable {
  /** Concatenated UTF-8. */
  readonly text: Uint8Array;
  /** The start of each string, and the end of the last one, in bytes: [count + 1]. */
  readonly starts: Float64Array;
}

/** An image in its stored form. */
export type StoredImage =
  | { readonly kind: 'encoded'; readonly bytes: Uint8Array }
  | { readonly kind: 'pixels'; readonly image: PixelImage };

/** Packs strings without retaining them. */
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

/** Returns string `index` of a table. */
export function nameAt({ text, starts }: NameTable, index: number): string {
  // A TextDecoder rejects shared memory.
  return Buffer.from(text.subarray(starts[index]!, starts[index + 1]!)).toString('utf8');
}

/** Returns the name that identifies an image to the user: its path, its archive member, or its number. */
export function imageName(table: SplitTable, index: number): string {
  return table.kind === 'pixels' ? `#${index}` : nameAt(table.names, index);
}

/** The name of a cache file that holds copies of images. The images' names say where they were copied from. */
export const PACK_FILE = 'images.pack';

/** Describes where the user finds an image that is part of a larger file. */
export function partPlace(table: Extract<SplitTable, { kind: 'ranges' }>, index: number): string {
  const file = table.files[table.file[index]!]!;
  const name = nameAt(table.names, index);
  return basename(file) === PACK_FILE ? name : `${file}: ${name}`;
}

/**
 * Reads an image in its stored form.
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
