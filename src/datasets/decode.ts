/**
 * The one decoder, shared by index and training. Its pixels match Pillow's `convert('RGB')` and `convert('L')` after
 * the EXIF orientation is applied: alpha is dropped, not composited, and color profiles are ignored. It deviates in one
 * case: Pillow clips a 16-bit gray PNG or TIFF at 255, which turns it white. This decoder keeps the high byte instead,
 * as for 16-bit color.
 */

import * as l10n from '@vscode/l10n';
import { assertNever } from '../shared/assertNever';
import { messageOf } from '../shared/failure';
import type { PixelImage } from '../shared/pixelImage';
import { BmpError, decodeBmp, readBmpHeader } from './formats/bmp';
import { type ImageFormat, recognizeImage } from './formats/imageFormat';
import { firstFrameOpaque, type Layout, layoutOf } from './formats/imageHeaders';
import { ImageError } from './imageError';
import { loadSharp } from './sharp';
import type { StoredImage } from './table';

/**
 * A small file can claim any picture size. Pillow, too, refuses images with more pixels than this (twice its
 * `MAX_IMAGE_PIXELS`).
 */
export const MAX_IMAGE_PIXELS = 178_956_970;

/** The contents of an image's header. */
export interface ImageProbe {
  readonly format: ImageFormat | 'pixels';
  /** In pixels, upright. */
  readonly width: number;
  readonly height: number;
  /** 1 if the format says that the image is gray. */
  readonly channels: 1 | 3;
  /** The EXIF orientation, 1 to 8; 1 if there is none. Already applied to width and height. */
  readonly orientation: number;
}

/** The first EXIF orientation that swaps width and height. */
const FIRST_TRANSPOSED = 5;

/**
 * Decodes an image upright to bytes [height, width, channels]. Gray becomes three equal channels. Color becomes gray by
 * ITU-R 601.
 *
 * @throws ImageError; UserError if sharp does not load
 */
export async function decodeImage(stored: StoredImage, channels: 1 | 3): Promise<PixelImage> {
  if (stored.kind === 'pixels') return toChannels(stored.image, channels);
  const { bytes } = stored;
  const format = formatOf(bytes);
  if (format !== 'bmp') return toChannels(await decodeBySharp(bytes, format), channels);
  return toChannels(
    ofBmp(() => {
      checkPixels(readBmpHeader(bytes));
      return decodeBmp(bytes);
    }),
    channels,
  );
}

/**
 * Reads an image's header but no pixels, so a truncated image may pass.
 *
 * @throws ImageError; UserError if sharp does not load
 */
export async function probeImage(stored: StoredImage): Promise<ImageProbe> {
  if (stored.kind === 'pixels') {
    const { width, height, channels } = stored.image;
    return { format: 'pixels', width, height, channels: channels === 1 ? 1 : 3, orientation: 1 };
  }
  const format = formatOf(stored.bytes);
  if (format === 'bmp') {
    const header = ofBmp(() => readBmpHeader(stored.bytes));
    checkPixels(header);
    const { width, height, channels } = header;
    return { format, width, height, channels, orientation: 1 };
  }
  const { width, height, space, orientation = 1 } = await metadataOf(stored.bytes, format);
  const isTransposed = orientation >= FIRST_TRANSPOSED;
  return {
    format,
    width: isTransposed ? height : width,
    height: isTransposed ? width : height,
    channels: space === 'b-w' || space === 'grey16' ? 1 : 3,
    orientation,
  };
}

/** Detects a file's format from its content. */
function formatOf(bytes: Uint8Array): ImageFormat {
  if (bytes.length === 0)
    throw new ImageError(
      'empty',
      l10n.t('The file is empty.'),
      l10n.t('Replace the file with a good copy, or delete it.'),
    );
  const recognized = recognizeImage(bytes);
  switch (recognized.kind) {
    case 'image':
      return recognized.format;
    case 'unsupported':
      throw unsupported(l10n.t('{0} images are not supported.', recognized.name));
    case 'unknown':
      throw new ImageError(
        'unreadable',
        l10n.t('The file is not an image.'),
        l10n.t('Delete the file, or move it out of the data set.'),
      );
    default:
      return assertNever(recognized);
  }
}

function sharpOptions(format: ImageFormat) {
  return {
    // Matches what Pillow refuses. Pillow tolerates stray bytes in a JPEG and a wrong checksum in a PNG, which 'error'
    // would refuse. For a TIFF, only 'error' detects truncation.
    failOn: format === 'tiff' ? 'error' : 'truncated',
    limitInputPixels: MAX_IMAGE_PIXELS,
    ignoreIcc: true,
    autoOrient: true,
    sequentialRead: true,
  } as const;
}

async function metadataOf(bytes: Uint8Array, format: ImageFormat) {
  const sharp = loadSharp();
  try {
    return await sharp(bytes, sharpOptions(format)).metadata();
  } catch (error) {
    throw sharpError(error);
  }
}

/** Decodes to 1 or 3 channels, depending on the image. */
async function decodeBySharp(bytes: Uint8Array, format: ImageFormat): Promise<PixelImage> {
  const sharp = loadSharp();
  const layout = format === 'tiff' ? tiffLayout(await metadataOf(bytes, format)) : layoutOf(bytes, format);
  const input = sharp(format === 'gif' ? firstFrameOpaque(bytes) : bytes, sharpOptions(format));
  try {
    switch (layout) {
      case 'gray': {
        const { data, info } = await input
          .toColourspace('b-w')
          .removeAlpha()
          .raw()
          .toBuffer({ resolveWithObject: true });
        return image(data, info);
      }
      case 'gray16': {
        const { data, info } = await input
          .toColourspace('grey16')
          .removeAlpha()
          .raw({ depth: 'ushort' })
          .toBuffer({ resolveWithObject: true });
        return image(highBytes(data), info);
      }
      case 'cmyk': {
        const { data, info } = await input
          .pipelineColourspace('cmyk')
          .toColourspace('cmyk')
          .raw()
          .toBuffer({ resolveWithObject: true });
        return image(fromCmyk(data, info.channels), { ...info, channels: 3 });
      }
      case 'color': {
        const { data, info } = await input.removeAlpha().raw().toBuffer({ resolveWithObject: true });
        return image(data, info);
      }
      default:
        return assertNever(layout);
    }
  } catch (error) {
    throw sharpError(error);
  }
}

function image(
  data: Uint8Array,
  { height, width, channels }: { height: number; width: number; channels: number },
): PixelImage {
  if (data.length !== height * width * channels || (channels !== 1 && channels !== 3))
    throw new Error(`sharp gave ${data.length} bytes for ${height} x ${width} x ${channels}.`);
  return {
    pixels: new Uint8Array(data.buffer, data.byteOffset, data.length),
    height,
    width,
    channels,
  };
}

function tiffLayout({ space }: { space?: string }): Layout {
  if (space === 'b-w') return 'gray';
  if (space === 'grey16') return 'gray16';
  if (space === 'cmyk') return 'cmyk';
  return 'color';
}

/** Takes 16-bit samples in native byte order. */
function highBytes(data: Buffer): Uint8Array {
  const samples = new Uint16Array(data.buffer, data.byteOffset, data.length / 2);
  return Uint8Array.from(samples, (sample) => sample >> 8);
}

/** Same as Pillow's `cmyk2rgb` (Convert.c). */
function fromCmyk(data: Uint8Array, channels: number): Uint8Array {
  const pixels = new Uint8Array((data.length / channels) * 3);
  for (let from = 0, to = 0; from < data.length; from += channels) {
    const light = 255 - data[from + 3]!;
    for (let ink = 0; ink < 3; ink++) {
      const scaled = data[from + ink]! * light + 128;
      pixels[to++] = Math.max(0, light - (((scaled >> 8) + scaled) >> 8));
    }
  }
  return pixels;
}

/** Converts color to gray like Pillow's `L24` (Convert.c): ITU-R 601 in 16-bit fixed point. */
export function toChannels(image: PixelImage, channels: 1 | 3): PixelImage {
  if (image.channels === channels) return image;
  const { pixels: from, height, width } = image;
  const count = height * width;
  const pixels = new Uint8Array(count * channels);
  if (channels === 1) {
    for (let i = 0, at = 0; i < count; i++, at += 3)
      pixels[i] = (from[at]! * 19595 + from[at + 1]! * 38470 + from[at + 2]! * 7471 + 0x8000) >> 16;
  } else {
    for (let i = 0, at = 0; i < count; i++) {
      const gray = from[i]!;
      pixels[at++] = gray;
      pixels[at++] = gray;
      pixels[at++] = gray;
    }
  }
  return { pixels, height, width, channels };
}

function checkPixels({ width, height }: { readonly width: number; readonly height: number }): void {
  if (width * height > MAX_IMAGE_PIXELS) throw tooLarge();
}

function ofBmp<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof BmpError)) throw error;
    throw error.kind === 'unsupported'
      ? unsupported(ofKind('BMP', error.message))
      : unreadable(error.message);
  }
}

function sharpError(error: unknown): unknown {
  const message = messageOf(error).split('\n')[0] ?? '';
  if (/exceeds pixel limit/.test(message)) return tooLarge();
  return unreadable(message.replace(/^Input buffer has corrupt header:\s*/, '') || 'corrupt header');
}

function ofKind(format: string, detail: string): string {
  return l10n.t('This kind of {0} image is not supported: {1}.', format, detail);
}

function unsupported(reason: string): ImageError {
  return new ImageError('unsupported', reason, l10n.t('Convert it to JPEG or PNG.'));
}

function unreadable(detail: string): ImageError {
  return new ImageError(
    'unreadable',
    l10n.t('The image is damaged or truncated: {0}.', detail.replace(/\.$/, '')),
    l10n.t('Replace the file with a good copy, or delete it.'),
  );
}

function tooLarge(): ImageError {
  return new ImageError(
    'too_large',
    l10n.t('The image has more than {0} pixels.', MAX_IMAGE_PIXELS.toLocaleString('en')),
    l10n.t('Resize it, or delete it.'),
  );
}
