import type { PixelImage } from '../../shared/pixelImage';
import { decodeImage, toChannels } from '../decode';
import { loadSharp } from '../sharp';
import { readStored, type SplitTable } from '../table';

/** The gap between the tiles of a sheet in pixels, and its gray level. */
const GAP = 4;
const GAP_LEVEL = 255;

/** Some images of one class. */
export interface ClassImages {
  readonly label: number;
  readonly images: readonly number[];
}

/**
 * Chooses images for a sheet: up to `classes` classes, evenly spaced over all nonempty ones, and up to `count` images
 * per class, evenly spaced over the class.
 */
export function chooseImages(
  { labels }: Pick<SplitTable, 'labels'>,
  { classes, count }: { readonly classes: number; readonly count: number },
): ClassImages[] {
  const totals = new Map<number, number>();
  for (const label of labels) totals.set(label, (totals.get(label) ?? 0) + 1);
  const present = [...totals.keys()].sort((a, b) => a - b);
  const chosen = new Map(spread(present.length, classes).map((at) => [present[at]!, [] as number[]]));
  const wanted = new Map(
    [...chosen.keys()].map((label) => [label, new Set(spread(totals.get(label)!, count))]),
  );
  const seen = new Map<number, number>();
  for (const [image, label] of labels.entries()) {
    const place = seen.get(label) ?? 0;
    seen.set(label, place + 1);
    if (wanted.get(label)?.has(place)) chosen.get(label)?.push(image);
  }
  return [...chosen].map(([label, images]) => ({ label, images }));
}

/** Returns up to `count` evenly spaced integers below `total`. */
function spread(total: number, count: number): number[] {
  if (total <= count) return Array.from({ length: total }, (_, index) => index);
  return Array.from({ length: count }, (_, index) => Math.floor((index * total) / count));
}

/**
 * Decodes an image of a table.
 *
 * @throws ImageError; the file system's error
 */
export async function decodeFrom(table: SplitTable, image: number, channels: 1 | 3): Promise<PixelImage> {
  return decodeImage(await readStored(table, image), channels);
}

/** Arranges tiles of one size in rows, with gaps between them: [height, width, 3]. */
export function sheetOf(rows: readonly (readonly PixelImage[])[], size: number): PixelImage {
  const columns = Math.max(...rows.map((row) => row.length));
  const [height, width] = [rows.length * (size + GAP) + GAP, columns * (size + GAP) + GAP];
  const pixels = new Uint8Array(height * width * 3).fill(GAP_LEVEL);
  for (const [row, tiles] of rows.entries()) {
    for (const [column, tile] of tiles.entries()) {
      const colors = toChannels(tile, 3);
      const left = column * (size + GAP) + GAP;
      for (let y = 0; y < tile.height; y++) {
        const line = colors.pixels.subarray(y * tile.width * 3, (y + 1) * tile.width * 3);
        pixels.set(line, ((row * (size + GAP) + GAP + y) * width + left) * 3);
      }
    }
  }
  return { pixels, height, width, channels: 3 };
}

/** Encodes an image as PNG. */
export async function encodePng({ pixels, height, width, channels }: PixelImage): Promise<Buffer> {
  const raw = { height, width, channels: channels === 1 ? 1 : 3 } as const;
  return loadSharp()(pixels, { raw }).png().toBuffer();
}
