/**
 * Reads Windows bitmaps, which libvips does not support. Covers the same files as Pillow's BmpImagePlugin, with the
 * same pixels.
 */

import type { PixelImage } from '../../shared/pixelImage';

/** A validated bitmap header. */
export interface BmpHeader {
  /** In pixels. */
  readonly width: number;
  readonly height: number;
  /** 1 if the palette contains only shades of gray. */
  readonly channels: 1 | 3;
  readonly isTopDown: boolean;
  readonly bits: 1 | 4 | 8 | 16 | 24 | 32;
  readonly compression: 'none' | 'rle8' | 'rle4';
  /** Indexed colors as red, green, blue. Empty from 16 bits on. */
  readonly palette: readonly Color[];
  /** For 16 and 32 bits: the bit masks of red, green and blue in a pixel. */
  readonly masks: Color;
  /** Offset of the pixels, in bytes. */
  readonly offset: number;
}

/** Red, green, blue. */
type Color = readonly [number, number, number];

/** Why a bitmap cannot be read. `unsupported` if the file may be valid. */
export class BmpError extends Error {
  constructor(
    readonly kind: 'unreadable' | 'unsupported',
    message: string,
  ) {
    super(message);
  }
}

const FILE_HEADER_BYTES = 14;
/** The OS/2 header, with 16-bit sizes. */
const CORE_HEADER_BYTES = 12;
const HEADER_BYTES = [CORE_HEADER_BYTES, 40, 52, 56, 64, 108, 124];
const BITS = [1, 4, 8, 16, 24, 32] as const;
const MASKS_555: Color = [0x7c00, 0x03e0, 0x001f];
const MASKS_888: Color = [0xff0000, 0x00ff00, 0x0000ff];

/**
 * Reads a bitmap's header and palette.
 *
 * @throws BmpError
 */
export function readBmpHeader(bytes: Uint8Array): BmpHeader {
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const need = (end: number) => {
    if (end > file.length) throw new BmpError('unreadable', 'truncated header');
  };
  need(FILE_HEADER_BYTES + 4);
  const headerBytes = file.readUInt32LE(FILE_HEADER_BYTES);
  if (!HEADER_BYTES.includes(headerBytes))
    throw new BmpError('unsupported', `header of ${headerBytes} bytes`);
  need(FILE_HEADER_BYTES + headerBytes);
  const isCore = headerBytes === CORE_HEADER_BYTES;
  const width = isCore ? file.readUInt16LE(18) : file.readInt32LE(18);
  const signedHeight = isCore ? file.readUInt16LE(20) : file.readInt32LE(22);
  const height = Math.abs(signedHeight);
  if (width <= 0 || height === 0) throw new BmpError('unreadable', `size ${width} x ${signedHeight}`);
  const depth = file.readUInt16LE(isCore ? 24 : 28);
  const bits = BITS.find((each) => each === depth);
  if (bits === undefined) throw new BmpError('unsupported', `${depth} bits per pixel`);
  const method = isCore ? 0 : file.readUInt32LE(30);
  const compression = compressionOf(method, bits);

  let end = FILE_HEADER_BYTES + headerBytes;
  let masks = bits === 16 ? MASKS_555 : MASKS_888;
  if (method === 3 || method === 6) {
    // Longer headers contain the masks. After the shortest one, they follow it.
    const at = FILE_HEADER_BYTES + 40;
    need(at + 12);
    masks = [file.readUInt32LE(at), file.readUInt32LE(at + 4), file.readUInt32LE(at + 8)];
    if (headerBytes === 40) end += method === 6 ? 16 : 12;
    // Like Pillow, treats missing masks as the usual ones.
    if (masks.every((mask) => mask === 0)) masks = MASKS_888;
    if (masks.some((mask) => mask === 0)) throw new BmpError('unsupported', 'a color without bits');
  }
  const palette: Color[] = [];
  if (bits <= 8) {
    const colors = (isCore ? 0 : file.readUInt32LE(46)) || 1 << bits;
    const entryBytes = isCore ? 3 : 4;
    if (colors > 1 << 16) throw new BmpError('unreadable', `palette of ${colors} colors`);
    need(end + colors * entryBytes);
    for (let index = 0; index < colors; index++, end += entryBytes)
      palette.push([file[end + 2]!, file[end + 1]!, file[end]!]);
  }
  const stated = file.readUInt32LE(10);
  const isGray = palette.length > 0 && palette.every(([red, green, blue]) => red === green && green === blue);
  return {
    width,
    height,
    channels: isGray ? 1 : 3,
    isTopDown: signedHeight < 0,
    bits,
    compression,
    palette,
    masks,
    // Some writers give the end of the header, even if a palette follows.
    offset: stated <= FILE_HEADER_BYTES + headerBytes ? end : stated,
  };
}

/**
 * Decodes a bitmap to [height, width, channels], top row first. Drops an alpha channel.
 *
 * @throws BmpError
 */
export function decodeBmp(bytes: Uint8Array): PixelImage {
  const header = readBmpHeader(bytes);
  const { width, height, bits, channels, palette } = header;
  // Checked before allocating the memory that the header asks for.
  if (header.compression === 'none' && header.offset + storedBytes(header) > bytes.length)
    throw new BmpError('unreadable', 'truncated pixels');
  const pixels = new Uint8Array(width * height * channels);
  if (bits > 8) {
    readColors(bytes, header, pixels);
  } else {
    const indices = header.compression === 'none' ? readIndices(bytes, header) : readRuns(bytes, header);
    for (let i = 0; i < indices.length; i++) {
      const color = palette[indices[i]!] ?? [0, 0, 0];
      for (let channel = 0; channel < channels; channel++) pixels[i * channels + channel] = color[channel]!;
    }
  }
  return { pixels, height, width, channels };
}

function compressionOf(method: number, bits: number): BmpHeader['compression'] {
  if (method === 0) return 'none';
  if (method === 1 && bits === 8) return 'rle8';
  if (method === 2 && bits === 4) return 'rle4';
  if ((method === 3 || method === 6) && bits >= 16) return 'none';
  throw new BmpError('unsupported', `compression ${method} of ${bits} bits`);
}

/** Rows are padded to four bytes. Writers may omit the padding of the last row. */
function storedBytes({ width, height, bits }: BmpHeader): number {
  return strideBytes(width, bits) * (height - 1) + Math.ceil((width * bits) / 8);
}

function strideBytes(width: number, bits: number): number {
  return Math.ceil((width * bits) / 32) * 4;
}

/** Yields the position of each row, the image's top row first. */
function* rowsOf({ width, height, bits, offset, isTopDown }: BmpHeader) {
  const stride = strideBytes(width, bits);
  for (let y = 0; y < height; y++) {
    const stored = isTopDown ? y : height - 1 - y;
    yield { y, at: offset + stored * stride };
  }
}

function readColors(bytes: Uint8Array, header: BmpHeader, pixels: Uint8Array): void {
  const { width, bits, masks } = header;
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const fields = masks.map((mask) => {
    const shift = 31 - Math.clz32(mask & -mask);
    return { mask, shift, max: mask >>> shift };
  });
  for (const { y, at } of rowsOf(header)) {
    for (let x = 0, to = y * width * 3; x < width; x++, to += 3) {
      if (bits === 24) {
        const from = at + x * 3;
        pixels[to] = bytes[from + 2]!;
        pixels[to + 1] = bytes[from + 1]!;
        pixels[to + 2] = bytes[from]!;
        continue;
      }
      const pixel = bits === 16 ? view.readUInt16LE(at + x * 2) : view.readUInt32LE(at + x * 4);
      for (let channel = 0; channel < 3; channel++) {
        const { mask, shift, max } = fields[channel]!;
        pixels[to + channel] = Math.floor((((pixel & mask) >>> shift) * 255) / max);
      }
    }
  }
}

function readIndices(bytes: Uint8Array, header: BmpHeader): Uint8Array {
  const { width, height, bits } = header;
  const indices = new Uint8Array(width * height);
  const perByte = 8 / bits;
  const mask = (1 << bits) - 1;
  for (const { y, at } of rowsOf(header)) {
    for (let x = 0; x < width; x++) {
      const shift = 8 - bits * ((x % perByte) + 1);
      indices[y * width + x] = (bytes[at + Math.floor(x / perByte)]! >> shift) & mask;
    }
  }
  return indices;
}

/** Decodes run-length encoding of bytes or half bytes. Skipped pixels get color 0. */
function readRuns(bytes: Uint8Array, header: BmpHeader): Uint8Array {
  const { width, height, isTopDown } = header;
  const isHalf = header.compression === 'rle4';
  const indices = new Uint8Array(width * height);
  let at = header.offset;
  const next = () => {
    if (at >= bytes.length) throw new BmpError('unreadable', 'truncated pixels');
    return bytes[at++]!;
  };
  let x = 0;
  let row = 0;
  const put = (index: number) => {
    if (x < width && row < height) indices[(isTopDown ? row : height - 1 - row) * width + x] = index;
    x++;
  };
  const half = (byte: number, position: number) => (position % 2 === 0 ? byte >> 4 : byte & 0x0f);
  while (row < height) {
    const count = next();
    const byte = next();
    if (count > 0) {
      for (let i = 0; i < count; i++) put(isHalf ? half(byte, i) : byte);
    } else if (byte === 0) {
      x = 0;
      row++;
    } else if (byte === 1) {
      break;
    } else if (byte === 2) {
      x += next();
      row += next();
    } else {
      const dataBytes = isHalf ? Math.ceil(byte / 2) : byte;
      for (let i = 0, value = 0; i < byte; i++) {
        if (!isHalf || i % 2 === 0) value = next();
        put(isHalf ? half(value, i) : value);
      }
      if (dataBytes % 2 === 1) next();
    }
    // Writers may omit the end marker of the last row.
    if (row === height - 1 && x >= width) break;
  }
  return indices;
}
