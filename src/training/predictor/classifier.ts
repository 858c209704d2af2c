import * as tf from '@tensorflow/tfjs-core';
import * as l10n from '@vscode/l10n';
import type { ClassChoice, Classified } from '../../protocol/predictor';
import type { Recipe } from '../../recipe/recipe';
import { UserError } from '../../shared/userError';
import { normalizationTable, normalize } from '../data/normalization';
import type { Predictor } from '../effects/effect';
import { type SeenImage, seeImage } from './arbitraryImage';

/** Number of images per batch, and number of images decoded at once: photos take 40 MB each. */
const IMAGES_AT_ONCE = 16;
const DECODED_AT_ONCE = 4;

/**
 * Predicts the classes of image files. Prepares each like the run's validation images.
 *
 * @param top number of classes per image
 * @param onClassified called with each image, in order
 * @throws UserError if no image can be read on this machine, or the network takes none
 */
export async function classify(
  network: Predictor,
  recipe: Recipe,
  paths: readonly string[],
  top: number,
  onClassified: (result: Classified) => void,
): Promise<void> {
  const { height, width, channels } = recipe.data.dataset;
  if (channels !== 1 && channels !== 3) {
    throw new UserError({
      what: l10n.t('The run was trained on images with {0} channels, which no image file has.', channels),
      remedy: l10n.t('Use a run that was trained on gray or RGB images.'),
    });
  }
  const table = normalizationTable(recipe.data.dataset);
  const values = height * width * channels;
  for (let start = 0; start < paths.length; start += IMAGES_AT_ONCE) {
    const part = paths.slice(start, start + IMAGES_AT_ONCE);
    const seen = await inParts(part, DECODED_AT_ONCE, (path) => seeImage(path, recipe.data));
    const shown = seen.filter((each) => each.ok);
    const batch = new Float32Array(shown.length * values);
    for (const [slot, { image }] of shown.entries()) normalize(image.pixels, table, batch, slot * values);
    const scores =
      shown.length === 0
        ? new Float32Array(0)
        : await scoresOf(network, tf.tensor4d(batch, [shown.length, height, width, channels]));
    for (const result of resultsOf(part, seen, scores, recipe, top)) onClassified(result);
  }
}

/** Returns logits [batch, classes]. */
async function scoresOf(network: Predictor, images: tf.Tensor4D): Promise<Float32Array> {
  const logits = await network.predict(images);
  images.dispose();
  try {
    return await logits.data<'float32'>();
  } finally {
    logits.dispose();
  }
}

function resultsOf(
  paths: readonly string[],
  seen: readonly SeenImage[],
  scores: Float32Array,
  { data: { dataset } }: Recipe,
  top: number,
): Classified[] {
  let row = 0;
  return seen.map((each, index): Classified => {
    const path = paths[index]!;
    if (!each.ok) return { ok: false, path, failure: each.failure };
    const own = scores.subarray(row * dataset.classes, (row + 1) * dataset.classes);
    row++;
    return { ok: true, path, classes: likeliest(own, dataset.classNames, top) };
  });
}

/**
 * Returns the classes with the highest scores and their softmax probabilities, highest first. Ties go to the first
 * class.
 */
export function likeliest(scores: Float32Array, classNames: readonly string[], top: number): ClassChoice[] {
  const highest = scores.reduce((most, score) => Math.max(most, score), Number.NEGATIVE_INFINITY);
  const exponentials = Float64Array.from(scores, (score) => Math.exp(score - highest));
  const sum = exponentials.reduce((total, value) => total + value, 0);
  const labels = Uint32Array.from(scores, (_, label) => label);
  labels.sort((a, b) => scores[b]! - scores[a]! || a - b);
  return [...labels.subarray(0, top)].map((label) => ({
    class: classNames[label]!,
    probability: exponentials[label]! / sum,
  }));
}

/** Processes several items concurrently. Returns the results in the order of the items. */
async function inParts<Item, Result>(
  items: readonly Item[],
  atOnce: number,
  work: (item: Item) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = [];
  for (let start = 0; start < items.length; start += atOnce) {
    results.push(...(await Promise.all(items.slice(start, start + atOnce).map(work))));
  }
  return results;
}
