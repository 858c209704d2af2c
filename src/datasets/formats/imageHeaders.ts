import type { ImageFormat } from './imageFormat';

/** The sample layout of an image, as needed before decoding. */
export type Layout = 'gray' | 'gray16' | 'cmyk' | 'color';

/**
 * Returns the sample layout of an encoded image, from its first bytes. Does not report a damaged header, because
 * decoding will fail anyway. Does not inspect TIFF.
 */
export function layoutOf(bytes: Uint8Array, format: ImageFormat): Layout {
  switch (format) {
    case 'jpeg':
      return jpegLayout(bytes);
    case 'png':
      return pngLayout(bytes);
    default:
      return 'color';
  }
}

/** Uses the number of components in the frame header (ITU-T T.81, B.2.2). */
function jpegLayout(bytes: Uint8Array): Layout {
  let at = 2;
  while (at + 9 < bytes.length && bytes[at] === 0xff) {
    const marker = bytes[at + 1]!;
    // Fill bytes and markers without a segment.
    if (marker === 0xff) {
      at++;
      continue;
    }
    if (marker === 0x01 || (marker >= 0xd0 && marker <= 0xd8)) {
      at += 2;
      continue;
    }
    const isFrame = marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker);
    if (isFrame) {
      const components = bytes[at + 9]!;
      if (components === 1) return 'gray';
      return components === 4 ? 'cmyk' : 'color';
    }
    at += 2 + ((bytes[at + 2]! << 8) | bytes[at + 3]!);
  }
  return 'color';
}

/** Uses the bit depth and color type from the first chunk, whose position is fixed. */
function pngLayout(bytes: Uint8Array): Layout {
  const depth = bytes[24];
  const isGray = bytes[25] === 0 || bytes[25] === 4;
  if (!isGray) return 'color';
  return depth === 16 ? 'gray16' : 'gray';
}

/**
 * Returns a GIF whose first frame has no transparent color. libvips makes transparent pixels black, but Pillow gives
 * them the palette's color, and all formats here follow Pillow. Does not modify the input bytes.
 */
export function firstFrameOpaque(bytes: Uint8Array): Uint8Array {
  const hasTable = (bytes[10]! & 0x80) !== 0;
  let at = 13 + (hasTable ? 3 << ((bytes[10]! & 0x07) + 1) : 0);
  // Skips the extensions before the image.
  while (bytes[at] === 0x21 && at + 3 < bytes.length) {
    const isControl = bytes[at + 1] === 0xf9 && bytes[at + 2] === 4;
    if (isControl && (bytes[at + 3]! & 1) === 1) {
      const copy = Uint8Array.from(bytes);
      copy[at + 3] = bytes[at + 3]! & ~1;
      return copy;
    }
    at += 2;
    while (at < bytes.length && bytes[at] !== 0) at += bytes[at]! + 1;
    at++;
  }
  return bytes;
}
