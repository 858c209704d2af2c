import type { PixelImage } from '../../shared/pixelImage';

/**
 * Tone changes: each byte of the result depends only on the input byte and its channel. They match Pillow's ImageOps.
 */

/** Keeps the highest bits of each byte. 8 changes nothing. */
export function posterize(image: PixelImage, bits: number): PixelImage {
  const mask = ~(2 ** (8 - bits) - 1);
  return mapTones(image, [tones((tone) => tone & mask)]);
}

/** Inverts bytes of `threshold` and above. */
export function solarize(image: PixelImage, threshold: number): PixelImage {
  return mapTones(image, [tones((tone) => (tone < threshold ? tone : 255 - tone))]);
}

/** Stretches each channel's tones linearly: its darkest becomes 0 and its lightest 255. */
export function autocontrast(image: PixelImage): PixelImage {
  return mapTones(image, histograms(image).map(stretching));
}

function stretching(histogram: Uint32Array): Uint8Array {
  const darkest = histogram.findIndex((count) => count > 0);
  const lightest = histogram.findLastIndex((count) => count > 0);
  if (lightest <= darkest) return tones((tone) => tone);
  const scale = 255 / (lightest - darkest);
  const offset = -darkest * scale;
  return tones((tone) => Math.trunc(Math.min(255, Math.max(0, tone * scale + offset))));
}

/** Equalizes each channel's histogram. */
export function equalize(image: PixelImage): PixelImage {
  return mapTones(image, histograms(image).map(equalizing));
}

function equalizing(histogram: Uint32Array): Uint8Array {
  const counts = histogram.filter((count) => count > 0);
  const pixels = counts.reduce((sum, count) => sum + count, 0);
  const step = Math.floor((pixels - counts.at(-1)!) / 255);
  if (step === 0) return tones((tone) => tone);
  let seen = Math.floor(step / 2);
  return tones((tone) => {
    const equalized = Math.floor(seen / step);
    seen += histogram[tone]!;
    return Math.min(255, equalized);
  });
}

/** Counts the pixels of each tone, per channel. */
function histograms({ pixels, channels }: PixelImage): Uint32Array[] {
  return Array.from({ length: channels }, (_, channel) => {
    const histogram = new Uint32Array(256);
    for (let index = channel; index < pixels.length; index += channels) histogram[pixels[index]!]!++;
    return histogram;
  });
}

/** Builds the lookup table of a tone change, for tones 0 to 255. */
export function tones(change: (tone: number) => number): Uint8Array {
  const table = new Uint8Array(256);
  for (let tone = 0; tone < 256; tone++) table[tone] = change(tone);
  return table;
}

/** Looks up each byte in its channel's table, or in the only table. */
export function mapTones(image: PixelImage, tables: readonly Uint8Array[]): PixelImage {
  const { pixels: source, channels } = image;
  const pixels = new Uint8Array(source.length);
  if (tables.length === 1) {
    const table = tables[0]!;
    for (let index = 0; index < source.length; index++) pixels[index] = table[source[index]!]!;
  } else {
    for (let channel = 0; channel < channels; channel++) {
      const table = tables[channel]!;
      for (let index = channel; index < source.length; index += channels) {
        pixels[index] = table[source[index]!]!;
      }
    }
  }
  return { ...image, pixels };
}
