import * as l10n from '@vscode/l10n';
import { decodeImage } from '../../datasets/decode';
import { ImageError } from '../../datasets/imageError';
import type { DataRecipe } from '../../recipe/recipe';
import type { Failure } from '../../shared/failure';
import type { PixelImage } from '../../shared/pixelImage';
import { UserError } from '../../shared/userError';
import { isSystemError } from '../../system/errors';
import { readRegular } from '../../system/regularFiles';
import { evaluationView } from '../augmentation/evaluationView';
import { resize, wholeOf } from '../augmentation/resize';
import { reasonOf } from '../data/errors';
import { presized } from '../data/pipeline/preparer';

/** An image from outside the data set as the network sees it, or the reason why it is unusable. */
export type SeenImage =
  | { readonly ok: true; readonly image: PixelImage }
  | { readonly ok: false; readonly failure: Failure };

/**
 * Reads any image file the way a run's network sees images, [height, width, channels] of its recipe. Prepares it like
 * the run's validation images, whatever its size and colors.
 *
 * @throws UserError if no image can be read on this machine
 */
export async function seeImage(
  path: string,
  recipe: Pick<DataRecipe, 'dataset' | 'images'>,
): Promise<SeenImage> {
  try {
    const bytes = await bytesOf(path);
    const channels = recipe.dataset.channels === 1 ? 1 : 3;
    return { ok: true, image: viewOf(await decodeImage({ kind: 'encoded', bytes }, channels), recipe) };
  } catch (error) {
    const failure = failureIn(path, error);
    if (!failure) throw error;
    return { ok: false, failure };
  }
}

/** @throws ImageError for a pipe or a device, which may be endless; the file system's error */
async function bytesOf(path: string): Promise<Uint8Array> {
  try {
    return await readRegular(path);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    throw new ImageError('unreadable', l10n.t('It is not a file.'), '');
  }
}

/** Returns the evaluation view of an image. */
function viewOf(image: PixelImage, { dataset, images }: Pick<DataRecipe, 'dataset' | 'images'>): PixelImage {
  const { height, width } = dataset;
  if (images) {
    const { presize, interpolation } = images;
    return evaluationView(presize === null ? image : presized(image, presize, interpolation), images);
  }
  // Data sets stored in the network's input format define no preprocessing. Use the standard one, on the whole picture.
  return height === width
    ? evaluationView(image, { size: height, cropPct: 1, interpolation: 'bilinear' })
    : resize(image, wholeOf(image), { height, width }, 'bilinear');
}

function failureIn(path: string, error: unknown): Failure | null {
  if (error instanceof ImageError) {
    // The remedy for a file of a data set does not apply to an arbitrary file.
    const isNoImage = error.kind === 'unreadable' || error.kind === 'empty';
    return {
      what: `${path}: ${error.reason}`,
      remedy: isNoImage ? l10n.t('Specify an undamaged image file.') : error.remedy,
    };
  }
  if (isSystemError(error, 'ENOENT', 'ENOTDIR')) {
    return { what: l10n.t('{0} does not exist.', path), remedy: l10n.t('Check the path.') };
  }
  if ((error as NodeJS.ErrnoException).code === undefined) return null;
  return {
    what: l10n.t('{0} cannot be read: {1}', path, reasonOf(error)),
    remedy: l10n.t('Check that it is a file and that you have permission to read it.'),
  };
}
