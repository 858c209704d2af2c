/**
 * Draws sheets of a data set's images: some of each class, or originals next to the augmented samples that the network
 * sees.
 */
import { chooseImages, decodeFrom, encodePng, sheetOf } from '../datasets/index/sheet';
import type { SplitTable } from '../datasets/table';
import type { Recipe } from '../recipe/recipe';
import type { PixelImage } from '../shared/pixelImage';
import { augmentImage } from '../training/augmentation/augmentImage';
import { evaluationView } from '../training/augmentation/evaluationView';
import { drawPlacement, placeImage } from '../training/data/augment';
import { Random } from '../training/random';

const COLUMNS = 8;
/** Maximum number of classes on a sheet. */
const CLASSES = 50;
/** Side of a thumbnail in pixels. */
const THUMBNAIL = 96;
/** Number of images to show with their augmentation. */
const AUGMENTED_ROWS = 8;

export interface Sheet {
  readonly png: Buffer;
  /** The classes of the rows, from the top. */
  readonly labels: readonly number[];
}

/** Draws some training images of each class, one row per class. */
export async function classSheet(table: SplitTable): Promise<Sheet> {
  const classes = chooseImages(table, { classes: CLASSES, count: COLUMNS });
  const rows: PixelImage[][] = [];
  for (const { images } of classes) {
    const tiles: PixelImage[] = [];
    for (const image of images) {
      const decoded = await decodeFrom(table, image, 3);
      tiles.push(evaluationView(decoded, { size: THUMBNAIL, cropPct: 1, interpolation: 'bilinear' }));
    }
    rows.push(tiles);
  }
  return { png: await encodePng(sheetOf(rows, THUMBNAIL)), labels: classes.map(({ label }) => label) };
}

/**
 * Draws training images as the evaluation would see them. Each is followed by samples of the augmented input, in the
 * network's image size and channels. The random numbers derive from the recipe's seed but differ from those of
 * training.
 */
export async function augmentedSheet(table: SplitTable, { data, seed }: Recipe): Promise<Sheet> {
  const classes = chooseImages(table, { classes: AUGMENTED_ROWS, count: Math.ceil(AUGMENTED_ROWS / 2) });
  // Take one image of each class, and more of each if there are few classes.
  const chosen = Array.from({ length: AUGMENTED_ROWS }, (_, place) =>
    classes.flatMap(({ label, images }) => images.slice(place, place + 1).map((image) => ({ label, image }))),
  )
    .flat()
    .slice(0, AUGMENTED_ROWS);
  const rows: PixelImage[][] = [];
  for (const { image } of chosen) {
    const decoded = await decodeFrom(table, image, data.dataset.channels === 1 ? 1 : 3);
    const random = Random.seeded(seed, `sheet ${image}`);
    const samples = Array.from({ length: COLUMNS - 1 }, () =>
      sampleOf(decoded, data, () => random.uniform()),
    );
    rows.push([originalOf(decoded, data), ...samples]);
  }
  const size = data.images?.size ?? data.dataset.width;
  return { png: await encodePng(sheetOf(rows, size)), labels: chosen.map(({ label }) => label) };
}

function originalOf(image: PixelImage, { images }: Recipe['data']): PixelImage {
  return images ? evaluationView(image, images) : image;
}

function sampleOf(image: PixelImage, { images, augment }: Recipe['data'], uniform: () => number): PixelImage {
  if (typeof augment !== 'string') {
    return images ? augmentImage(image, augment, images, uniform) : image;
  }
  const placed = new Uint8Array(image.pixels.length);
  placeImage(image.pixels, placed, image, drawPlacement(augment, image, uniform));
  return { ...image, pixels: placed };
}
