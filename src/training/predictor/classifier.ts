import * as tf from '@tensorflow/tfjs-core';
import * as l10n from '@vscode/l10n';
import type { ClassChoice, Classified } from '../../protocol/predictor';
import type { Recipe } from '../../recipe/recipe';
import { UserError } from '../../shared/userError';
import { normalisationTable, normalise } from '../data/normalisation';
import type { Predictor } from '../effects/effect';
import { type SeenImage, seeImage } from './arbitraryImage';

/** Images that the network is asked about at once, and that are decoded at once: photos take 40 MB each. */
const IMAGES_AT_ONCE = 16;
const DECODED_AT_ONCE = 4;

/**
 * Says what classes image files have, each prepared as the run's validation images.
 *
 * @param top how many classes of each
 * @param onClassified told of each image, in their order
 * @throws UserError where no image can be read on this machine, or the network takes none
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
      what: l10n.t('The run was trained on images of {0} channels, which no image file has.', channels),
      remedy: l10n.t('Use a run that was trained on grey or coloured images.'),
    });
  }
  const table = normalisationTable(recipe.data.dataset);
  const values = height * width * channels;
  for (let start = 0; start < paths.length; start += IMAGES_AT_ONCE) {
    const part = paths.slice(start, start + IMAGES_AT_ONCE);
    const seen = await inParts(part, DECODED_AT_ONCE, (path) => seeImage(path, recipe.data));
    const shown = seen.filter((each) => each.ok);
    const batch = new Float32Array(shown.length * values);
    for (const [slot, { image }] of shown.entries()) normalise(image.pixels, table, batch, slot * values);
    const scores =
      shown.length === 0
        ? new Float32Array(0)
        : await scoresOf(network, tf.tensor4d(batch, [shown.length, height, width, channels]));
    for (const result of resultsOf(part, seen, scores, recipe, top)) onClassified(result);
  }
}

/** Logits [batch, classes]. */
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

/** The classes of the highest scores with their softmax's probabilities, highest first; of equals the first class. */
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

/** Works on several items at once; the results are in the order of the items. */
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
