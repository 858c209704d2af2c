/** The supported formats. */
export type ImageFormat = 'jpeg' | 'png' | 'webp' | 'gif' | 'tiff' | 'bmp' | 'avif';

/** The format of a file, detected from its first bytes. */
export type Recognized =
  | { readonly kind: 'image'; readonly format: ImageFormat }
  /** A known but unsupported format, under its common name. */
  | { readonly kind: 'unsupported'; readonly name: string }
  | { readonly kind: 'unknown' };

/** The number of leading bytes that format detection needs. */
export const RECOGNIZED_FROM_BYTES = 256;

const IMAGES: readonly (readonly [start: string, ImageFormat])[] = [
  ['\xff\xd8\xff', 'jpeg'],
  ['\x89PNG\r\n\x1a\n', 'png'],
  ['GIF87a', 'gif'],
  ['GIF89a', 'gif'],
  ['II*\0', 'tiff'],
  ['MM\0*', 'tiff'],
  // BigTIFF.
  ['II+\0', 'tiff'],
  ['MM\0+', 'tiff'],
];

const UNSUPPORTED: readonly (readonly [start: string, name: string])[] = [
  ['\0\0\0\x0cjP  ', 'JPEG 2000'],
  ['\xff\x4f\xff\x51', 'JPEG 2000'],
  ['\0\0\0\x0cJXL ', 'JPEG XL'],
  ['\xff\x0a', 'JPEG XL'],
  ['8BPS', 'Photoshop'],
  ['%PDF', 'PDF'],
  ['<svg', 'SVG'],
  ['\0\0\x01\0', 'ICO'],
  ['P1\n', 'Netpbm'],
  ['P2\n', 'Netpbm'],
  ['P3\n', 'Netpbm'],
  ['P4\n', 'Netpbm'],
  ['P5\n', 'Netpbm'],
  ['P6\n', 'Netpbm'],
  ['v/1\x01', 'OpenEXR'],
  ['#?RADIANCE', 'Radiance HDR'],
];

/** The brands of ISO base media files (ISO/IEC 23008-12) that contain HEVC. */
const HEIC_BRANDS = ['heic', 'heix', 'hevc', 'hevx', 'heim', 'heis', 'hevm', 'hevs'];
const AVIF_BRANDS = ['avif', 'avis'];

/**
 * Detects a file's format from its content, because extensions can be wrong. The first `RECOGNIZED_FROM_BYTES` bytes
 * suffice.
 */
export function recognizeImage(bytes: Uint8Array): Recognized {
  const start = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.length, RECOGNIZED_FROM_BYTES));
  const text = start.toString('latin1');
  const image = IMAGES.find(([magic]) => text.startsWith(magic));
  if (image) return { kind: 'image', format: image[1] };
  if (text.startsWith('RIFF') && text.startsWith('WEBP', 8)) return { kind: 'image', format: 'webp' };
  // Text can also begin with BM. The reserved fields of a BMP are zero.
  if (text.startsWith('BM') && text.startsWith('\0\0\0\0', 6)) return { kind: 'image', format: 'bmp' };
  if (text.startsWith('ftyp', 4)) {
    const brands = brandsOf(start, text);
    if (brands.some((brand) => AVIF_BRANDS.includes(brand))) return { kind: 'image', format: 'avif' };
    if (brands.some((brand) => HEIC_BRANDS.includes(brand))) return { kind: 'unsupported', name: 'HEIC' };
  }
  if (text.startsWith('DICM', 128)) return { kind: 'unsupported', name: 'DICOM' };
  const unsupported = UNSUPPORTED.find(([magic]) => text.startsWith(magic));
  if (unsupported) return { kind: 'unsupported', name: unsupported[1] };
  if (/^(?:\xef\xbb\xbf)?\s*<\?xml[^>]*>[\s\S]*<svg/.test(text)) return { kind: 'unsupported', name: 'SVG' };
  return { kind: 'unknown' };
}

/** Reads the brands from a file's type box: size, `ftyp`, the major brand, its version, and the compatible brands. */
function brandsOf(start: Buffer, text: string): string[] {
  if (start.length < 12) return [];
  const end = Math.min(start.readUInt32BE(0), start.length);
  const brands = [text.slice(8, 12)];
  for (let at = 16; at + 4 <= end; at += 4) brands.push(text.slice(at, at + 4));
  return brands;
}
