import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decodeImage, MAX_IMAGE_PIXELS, probeImage, toChannels } from '../../../src/datasets/decode';
import { recognizeImage } from '../../../src/datasets/formats/imageFormat';
import { firstFrameOpaque } from '../../../src/datasets/formats/imageHeaders';
import { ImageError } from '../../../src/datasets/imageError';
import { explainSharpError } from '../../../src/datasets/sharp';
import type { StoredImage } from '../../../src/datasets/table';

const folder = fileURLToPath(new URL('../../fixtures/images', import.meta.url));

/** Pillow's decoding of an image, upright: bytes in base64. */
interface Golden {
  readonly width: number;
  readonly height: number;
  readonly mode: string;
  readonly rgb: string;
  readonly grey: string;
}
const goldens: Record<string, Golden> = JSON.parse(readFileSync(join(folder, 'goldens.json'), 'utf8'));

const bytesOf = (name: string) => new Uint8Array(readFileSync(join(folder, name)));
const encoded = (bytes: Uint8Array): StoredImage => ({ kind: 'encoded', bytes });
const stored = (name: string) => encoded(bytesOf(name));

/** Pillow decodes AV1 with dav1d, this code with libaom: the planes are equal, but the colors round differently. */
const LEVELS: Readonly<Record<string, number>> = { 'rgb.avif': 1 };

function largestDifference(actual: Uint8Array, base64: string): number {
  const expected = Buffer.from(base64, 'base64');
  expect(actual).toHaveLength(expected.length);
  return actual.reduce((largest, value, i) => Math.max(largest, Math.abs(value - expected[i]!)), 0);
}

async function errorOf(work: Promise<unknown>): Promise<ImageError> {
  const error = await work.then(
    () => null,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(ImageError);
  return error as ImageError;
}

describe("the pixels of an image equal Pillow's", () => {
  test('of every format and kind', () => {
    const made = readdirSync(folder).filter((name) => !/\.(py|json)$/.test(name));
    const refused = made.filter((name) => !(name in goldens));
    expect(refused).toEqual(['bomb.bmp', 'bomb.png', 'photo.heic', 'text.jpg']);
    const modes = new Set(Object.values(goldens).map(({ mode }) => mode));
    expect([...modes].sort()).toEqual(['1', 'CMYK', 'I;16', 'L', 'LA', 'P', 'RGB', 'RGBA']);
  });

  test.each(Object.entries(goldens))('%s', async (name, golden) => {
    const color = await decodeImage(stored(name), 3);
    expect(color).toMatchObject({ width: golden.width, height: golden.height, channels: 3 });
    expect(largestDifference(color.pixels, golden.rgb)).toBeLessThanOrEqual(LEVELS[name] ?? 0);
    const gray = await decodeImage(stored(name), 1);
    expect(gray).toMatchObject({ width: golden.width, height: golden.height, channels: 1 });
    expect(largestDifference(gray.pixels, golden.grey)).toBeLessThanOrEqual(LEVELS[name] ?? 0);
  });

  test.each(Object.entries(goldens))('and the header of %s gives their size', async (name, golden) => {
    const { width, height, channels } = await probeImage(stored(name));
    expect([width, height]).toEqual([golden.width, golden.height]);
    // 1-bit bitmaps have a black and white palette. Pillow reads 16-bit gray with alpha as RGBA.
    const isGray = ['1', 'L', 'LA', 'I;16'].includes(golden.mode) || name === 'grey-alpha16.png';
    expect(channels).toBe(isGray ? 1 : 3);
  });
});

describe('an image', () => {
  test('is recognized by its content, whatever its name says', async () => {
    expect(await probeImage(stored('lying.jpg'))).toMatchObject({ format: 'png' });
  });

  test.each([1, 2, 3, 4, 5, 6, 7, 8])('with orientation %i reports it', async (orientation) => {
    expect(await probeImage(stored(`oriented-${orientation}.jpg`))).toMatchObject({ orientation });
  });

  test('may have meaningless EXIF', async () => {
    expect(await probeImage(stored('damaged-exif.jpg'))).toMatchObject({ orientation: 1 });
    expect(await probeImage(stored('oriented-9.jpg'))).toMatchObject({ orientation: 1 });
  });

  test('may already be pixels', async () => {
    const image = { pixels: Uint8Array.of(255, 0, 0, 0, 0, 255), height: 1, width: 2, channels: 3 };
    expect(await decodeImage({ kind: 'pixels', image }, 3)).toEqual(image);
    expect((await decodeImage({ kind: 'pixels', image }, 1)).pixels).toEqual(Uint8Array.of(76, 29));
    expect(await probeImage({ kind: 'pixels', image })).toMatchObject({ width: 2, height: 1, channels: 3 });
  });

  test('in shared memory is decoded too, and its bytes do not change', async () => {
    for (const name of ['rgb-420.jpg', 'transparent.gif', 'bits24.bmp']) {
      const bytes = bytesOf(name);
      const shared = new Uint8Array(new SharedArrayBuffer(bytes.length + 3), 3);
      shared.set(bytes);
      const { pixels } = await decodeImage(encoded(shared), 3);
      expect(largestDifference(pixels, goldens[name]!.rgb)).toBe(0);
      expect(shared).toEqual(bytes);
    }
  });
});

describe('an unusable image gives the reason', () => {
  test('an empty file', async () => {
    for (const work of [decodeImage(encoded(new Uint8Array()), 3), probeImage(encoded(new Uint8Array()))])
      expect(await errorOf(work)).toMatchObject({ kind: 'empty', reason: 'The file is empty.' });
  });

  test('a file that is not an image', async () => {
    const error = await errorOf(decodeImage(stored('text.jpg'), 3));
    expect(error).toMatchObject({ kind: 'unreadable', reason: 'The file is not an image.' });
  });

  test('an unsupported format, with the remedy to convert it', async () => {
    const error = await errorOf(probeImage(stored('photo.heic')));
    expect(error).toMatchObject({ kind: 'unsupported', reason: 'HEIC images are not supported.' });
    expect(error.remedy).toBe('Convert it to JPEG or PNG.');
  });

  test.each(['bomb.png', 'bomb.bmp'])('a decompression bomb, without unpacking it: %s', async (name) => {
    const before = process.memoryUsage.rss();
    expect(await errorOf(decodeImage(stored(name), 3))).toMatchObject({ kind: 'too_large' });
    expect(await errorOf(probeImage(stored(name)))).toMatchObject({ kind: 'too_large' });
    expect(process.memoryUsage.rss() - before).toBeLessThan(MAX_IMAGE_PIXELS);
  });

  test.each([
    ...['rgb-420.jpg', 'progressive.jpg', 'grey.jpg', 'cmyk.jpg', 'rgb.png', 'grey16.png', 'lossy.webp'],
    ...[
      'palette.gif',
      'lzw.tif',
      'grey16.tif',
      'bits24.bmp',
      'bits4.bmp',
      'rle8.bmp',
      'rle4.bmp',
      'rgb.avif',
    ],
  ])('a truncated image, as Pillow does: %s', async (name) => {
    const bytes = bytesOf(name);
    for (const share of [0.5, 0.8]) {
      const truncated = encoded(bytes.subarray(0, Math.floor(bytes.length * share)));
      expect(await errorOf(decodeImage(truncated, 3))).toMatchObject({ kind: 'unreadable' });
    }
    // Only the header.
    expect(await errorOf(decodeImage(encoded(bytes.subarray(0, 16)), 3))).toMatchObject({
      kind: 'unreadable',
    });
  });

  test('a wrong header that claims more pixels than there are', async () => {
    const bytes = bytesOf('bits24.bmp');
    new DataView(bytes.buffer).setInt32(22, 4000, true);
    expect(await errorOf(decodeImage(encoded(bytes), 3))).toMatchObject({
      kind: 'unreadable',
      reason: 'The image is damaged or truncated: truncated pixels.',
    });
    const png = bytesOf('rgb.png');
    png[41] = png[41]! ^ 0x55;
    expect(await errorOf(decodeImage(encoded(png), 3))).toMatchObject({ kind: 'unreadable' });
  });

  test('any bytes: always an image or an ImageError', async () => {
    const names = [
      'rgb-420.jpg',
      'rgb.png',
      'palette.gif',
      'bits4.bmp',
      'rle8.bmp',
      'bits16-565.bmp',
      'core-header.bmp',
    ];
    const damage = fc.record({
      name: fc.constantFrom(...names),
      at: fc.nat(200),
      by: fc.integer({ min: 1, max: 255 }),
      length: fc.double({ min: 0, max: 1, noNaN: true }),
    });
    await fc.assert(
      fc.asyncProperty(damage, async ({ name, at, by, length }) => {
        const bytes = bytesOf(name);
        bytes[at % bytes.length] = bytes[at % bytes.length]! ^ by;
        const whole = encoded(length > 0.5 ? bytes : bytes.subarray(0, Math.ceil(bytes.length * length * 2)));
        try {
          const { pixels, height, width, channels } = await decodeImage(whole, 3);
          expect(pixels).toHaveLength(height * width * channels);
        } catch (error) {
          expect(error).toBeInstanceOf(ImageError);
        }
      }),
      { numRuns: 300 },
    );
  });
});

describe('parts of decoding', () => {
  test('gray to color and back is the same', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 20 }), (pixels) => {
        const gray = { pixels, height: 1, width: pixels.length, channels: 1 };
        expect(toChannels(toChannels(gray, 3), 1)).toEqual(gray);
      }),
    );
  });

  test('a GIF without a transparent color is not copied', () => {
    const bytes = bytesOf('palette.gif');
    expect(firstFrameOpaque(bytes)).toBe(bytes);
    expect(firstFrameOpaque(bytesOf('transparent.gif'))).not.toEqual(bytesOf('transparent.gif'));
  });

  test.each([
    ['\xff\x0a\0', 'JPEG XL'],
    ['\0\0\0\x0cjP  \r\n', 'JPEG 2000'],
    ['<?xml version="1.0"?>\n<svg xmlns="x">', 'SVG'],
    [`${'\0'.repeat(128)}DICM`, 'DICOM'],
    ['P6\n2 2\n255\n', 'Netpbm'],
  ])('a known format that is not supported has a name: %j', (text, name) => {
    expect(recognizeImage(Buffer.from(text, 'latin1'))).toEqual({ kind: 'unsupported', name });
  });

  test('a text that starts like a bitmap is not one', () => {
    expect(recognizeImage(Buffer.from('BMW and other cars'))).toEqual({ kind: 'unknown' });
  });

  test.each([
    ["libc.so.6: version `GLIBC_2.28' not found (required by libvips)", 'needs GLIBC_2.28', 'newer system'],
    ['Prebuilt binaries for Linux x64 require v2 microarchitecture', 'SSE 4.2', 'another machine'],
    [
      'Could not load the "sharp" module using the linux-x64 runtime\nmore',
      'is missing for',
      'package for this',
    ],
    ['dlopen failed\nmore', 'dlopen failed', 'package for this system'],
  ])('sharp that does not load gives the reason: %s', (message, what, remedy) => {
    const failure = explainSharpError(message);
    expect(failure.what).toContain(what);
    expect(failure.remedy).toContain(remedy);
  });
});
