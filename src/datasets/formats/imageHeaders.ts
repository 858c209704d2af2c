import type { ImageFormat } from './imageFormat';

/** How an image's samples lie, as far as decoding must know it beforehand. */
export type Layout = 'grey' | 'grey16' | 'cmyk' | 'colour';

/**
 * How an encoded image's samples lie, from its first bytes; of a damaged header it says nothing wrong, since decoding
 * will fail. TIFF is not looked into.
 */
export function layoutOf(bytes: Uint8Array, format: ImageFormat): Layout {
  switch (format) {
    case 'jpeg':
      return jpegLayout(bytes);
    case 'png':
      return pngLayout(bytes);
    default:
      return 'colour';
  }
}

/** By the number of components in the frame's header (ITU-T T.81, B.2.2). */
function jpegLayout(bytes: Uint8Array): Layout {
  let at = 2;
  while (at + 9 < bytes.length && bytes[at] === 0xff) {
    const marker = bytes[at + 1]!;
    // Fill bytes, and markers without a segment.
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
      if (components === 1) return 'grey';
      return components === 4 ? 'cmyk' : 'colour';
    }
    at += 2 + ((bytes[at + 2]! << 8) | bytes[at + 3]!);
  }
  return 'colour';
}

/** By bit depth and colour type in the first chunk, whose place is fixed. */
function pngLayout(bytes: Uint8Array): Layout {
  const depth = bytes[24];
  const isGrey = bytes[25] === 0 || bytes[25] === 4;
  if (!isGrey) return 'colour';
  return depth === 16 ? 'grey16' : 'grey';
}

/**
 * A GIF whose first frame has no transparent colour: libvips makes such pixels black, where Pillow gives them the
 * palette's colour, as all formats are read here. The bytes themselves stay as they are.
 */
export function firstFrameOpaque(bytes: Uint8Array): Uint8Array {
  const hasTable = (bytes[10]! & 0x80) !== 0;
  let at = 13 + (hasTable ? 3 << ((bytes[10]! & 0x07) + 1) : 0);
  // Extensions, up to the image.
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
