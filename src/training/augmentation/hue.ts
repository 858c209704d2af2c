import type { PixelImage } from '../../shared/pixelImage';

/**
 * Shifts hues by `turns` of the color circle, -0.5 to 0.5, like torchvision on Pillow images: in HSV bytes. Even a
 * shift of 0 rounds colors. A grayscale image does not change.
 */
export function adjustHue(image: PixelImage, turns: number): PixelImage {
  if (image.channels !== 3) return image;
  const { pixels: source } = image;
  const pixels = new Uint8Array(source.length);
  const shift = Math.trunc(turns * 255);
  for (let index = 0; index < source.length; index += 3) {
    const [red, green, blue] = [source[index]!, source[index + 1]!, source[index + 2]!];
    const value = Math.max(red, green, blue);
    const range = value - Math.min(red, green, blue);
    const saturation = range === 0 ? 0 : Math.trunc(Math.fround(range / value) * 255);
    if (saturation === 0) {
      pixels.fill(value, index, index + 3);
      continue;
    }
    const hue = (hueOf(red, green, blue, value, range) + shift) & 255;
    writeColor(pixels, index, hue, saturation, value);
  }
  return { ...image, pixels };
}

/** Returns the hue as a byte, with the same mix of float32 and float64 as Pillow's Convert.c. */
function hueOf(red: number, green: number, blue: number, value: number, range: number): number {
  const fromRed = Math.fround((value - red) / range);
  const fromGreen = Math.fround((value - green) / range);
  const fromBlue = Math.fround((value - blue) / range);
  let sixths: number;
  if (red === value) sixths = Math.fround(fromBlue - fromGreen);
  else if (green === value) sixths = Math.fround(2 + fromRed - fromBlue);
  else sixths = Math.fround(4 + fromGreen - fromRed);
  return Math.trunc(Math.fround((sixths / 6 + 1) % 1) * 255);
}

/** Writes the RGB bytes of a color, given in HSV bytes. */
function writeColor(pixels: Uint8Array, at: number, hue: number, saturation: number, value: number): void {
  const sextant = Math.floor((hue * 6) / 255);
  const rest = Math.fround((hue * 6) / 255 - sextant);
  const share = Math.fround(saturation / 255);
  const low = Math.round(value * (1 - share));
  const falling = Math.round(value * (1 - Math.fround(share * rest)));
  const rising = Math.round(value * (1 - share * (1 - rest)));
  const write = (red: number, green: number, blue: number) => {
    pixels[at] = red;
    pixels[at + 1] = green;
    pixels[at + 2] = blue;
  };
  switch (sextant) {
    case 1:
      write(falling, value, low);
      break;
    case 2:
      write(low, value, rising);
      break;
    case 3:
      write(low, falling, value);
      break;
    case 4:
      write(rising, low, value);
      break;
    case 5:
      write(value, low, falling);
      break;
    default:
      write(value, rising, low);
  }
}
