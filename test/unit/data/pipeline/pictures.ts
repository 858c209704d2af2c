import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import sharp from 'sharp';
import { nameTable, type SplitTable } from '../../../../src/datasets/table';

/** A unique picture: waves with lengths and directions that depend on its number, [height, width, 3]. */
export function waves(number: number, height: number, width: number): Uint8Array {
  const pixels = new Uint8Array(height * width * 3);
  for (let y = 0, to = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      for (let channel = 0; channel < 3; channel++, to++) {
        const phase = (x * ((number % 7) + 1) + y * ((number % 5) + channel + 1)) / 23 + number;
        pixels[to] = Math.round(127.5 + 127.5 * Math.sin(phase));
      }
    }
  }
  return pixels;
}

/** Writes a picture in the format of the file extension. */
export async function writePicture(
  path: string,
  number: number,
  { height, width }: { readonly height: number; readonly width: number },
): Promise<void> {
  const raw = { raw: { height, width, channels: 3 as const } };
  const encoded = sharp(waves(number, height, width), raw);
  await mkdir(dirname(path), { recursive: true });
  const format = path.endsWith('.png') ? encoded.png() : encoded.jpeg({ quality: 90 });
  await writeFile(path, await format.toBuffer());
}

/**
 * Writes pictures of different sizes below a folder, with alternating classes.
 *
 * @returns their table
 */
export async function pictureTable(
  folder: string,
  {
    count,
    classes = 2,
    first = 0,
  }: { readonly count: number; readonly classes?: number; readonly first?: number },
): Promise<SplitTable & { kind: 'files' }> {
  const names = Array.from(
    { length: count },
    (_, image) => `c${image % classes}/${first + image}.${image % 4 === 3 ? 'png' : 'jpg'}`,
  );
  for (const [image, name] of names.entries()) {
    const number = first + image;
    await writePicture(join(folder, name), number, {
      height: 40 + ((number * 7) % 25),
      width: 36 + ((number * 11) % 31),
    });
  }
  const labels = new Uint32Array(new SharedArrayBuffer(count * 4));
  for (let image = 0; image < count; image++) labels[image] = image % classes;
  return { kind: 'files', root: folder, names: nameTable(names), labels };
}
