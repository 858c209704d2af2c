/**
 * What a network makes of images whose classes are known, as pure functions: from scores to what became of each image,
 * and from that to the numbers of a whole split and of each class.
 */

/** What a network made of each image of a split, in the data set's order. All are of one length. */
export interface Predictions {
  /** The right class. */
  readonly labels: Uint32Array;
  /** The class with the highest score; of equals the first. */
  readonly predicted: Uint32Array;
  /** Cross entropy of the scores' softmax with the label. */
  readonly losses: Float32Array;
  /** How many classes come before the label in the order of their scores; 0 where the prediction is right. */
  readonly ranks: Uint32Array;
}

/** A class's part in the numbers of a split; null where a number is not defined. */
export interface ClassMetrics {
  /** Share of the images predicted to be of the class that are; null where none was. */
  readonly precision: number | null;
  /** Share of the class's images that are predicted to be of it; null where it has none. */
  readonly recall: number | null;
  /** 2 TP / (2 TP + FP + FN); null where the class has no images and none was predicted to be of it. */
  readonly f1: number | null;
  /** Images of the class. */
  readonly support: number;
}

/** The numbers of a split with at least one image. */
export interface ClassificationMetrics {
  readonly images: number;
  /** Mean cross entropy. */
  readonly loss: number;
  /** Top-1: the share of images that are given their class. */
  readonly accuracy: number;
  /** The share of images whose class is among the five with the highest scores; null below six classes. */
  readonly top5: number | null;
  /** Mean F1 of the classes that have one. */
  readonly macroF1: number;
  /** Mean recall of the classes that have images. */
  readonly balancedAccuracy: number;
  /** By label. */
  readonly classes: readonly ClassMetrics[];
}

const TOP = 5;

/** Predictions of so many images, to be filled by `predictImage`. */
export function emptyPredictions(images: number): Predictions {
  return {
    labels: new Uint32Array(images),
    predicted: new Uint32Array(images),
    losses: new Float32Array(images),
    ranks: new Uint32Array(images),
  };
}

/**
 * Writes down what became of one image.
 *
 * @param logits the scores of all images of a batch, [batch, `classes`]
 * @param row which of them is the image's
 */
export function predictImage(
  predictions: Predictions,
  image: number,
  label: number,
  logits: ArrayLike<number>,
  row: number,
  classes: number,
): void {
  const start = row * classes;
  const own = logits[start + label]!;
  let best = 0;
  let rank = 0;
  for (let index = 0; index < classes; index++) {
    const score = logits[start + index]!;
    if (score > logits[start + best]!) best = index;
    if (score > own || (score === own && index < label)) rank++;
  }
  const highest = logits[start + best]!;
  let sum = 0;
  // Subtracting the maximum changes nothing but keeps exp from overflowing.
  for (let index = 0; index < classes; index++) sum += Math.exp(logits[start + index]! - highest);
  predictions.labels[image] = label;
  predictions.predicted[image] = best;
  predictions.losses[image] = Math.log(sum) + highest - own;
  predictions.ranks[image] = rank;
}

/** The numbers of a split's predictions; at least one image. */
export function classificationMetrics(predictions: Predictions, classes: number): ClassificationMetrics {
  const { labels, predicted, losses, ranks } = predictions;
  const images = labels.length;
  if (images === 0) throw new Error('There are no images to measure');
  const support = new Uint32Array(classes);
  const given = new Uint32Array(classes);
  const right = new Uint32Array(classes);
  let loss = 0;
  let correct = 0;
  let amongTop = 0;
  for (let image = 0; image < images; image++) {
    const label = labels[image]!;
    support[label]!++;
    given[predicted[image]!]!++;
    loss += losses[image]!;
    if (ranks[image]! < TOP) amongTop++;
    if (predicted[image] !== label) continue;
    right[label]!++;
    correct++;
  }
  const byClass = Array.from(support, (own, label): ClassMetrics => {
    const asked = given[label]!;
    return {
      precision: asked === 0 ? null : right[label]! / asked,
      recall: own === 0 ? null : right[label]! / own,
      f1: own + asked === 0 ? null : (2 * right[label]!) / (own + asked),
      support: own,
    };
  });
  return {
    images,
    loss: loss / images,
    accuracy: correct / images,
    top5: classes > TOP ? amongTop / images : null,
    macroF1: meanOf(byClass.map(({ f1 }) => f1)),
    balancedAccuracy: meanOf(byClass.map(({ recall }) => recall)),
    classes: byClass,
  };
}

/** How many images of each class were predicted to be of each: [right class, predicted class], row-major. */
export function confusionMatrix({ labels, predicted }: Predictions, classes: number): Uint32Array {
  const matrix = new Uint32Array(classes * classes);
  for (let image = 0; image < labels.length; image++) {
    matrix[labels[image]! * classes + predicted[image]!]!++;
  }
  return matrix;
}

/** The images with the highest loss, highest first; of equals the first in the data set's order. */
export function mostWrong({ losses }: Predictions, count: number): number[] {
  const images = Uint32Array.from(losses, (_, image) => image);
  images.sort((a, b) => losses[b]! - losses[a]! || a - b);
  return [...images.subarray(0, count)];
}

/** Whether each image was given its class: [images], 1 or 0. */
export function correctness({ labels, predicted }: Predictions): Uint8Array {
  return Uint8Array.from(labels, (label, image) => (predicted[image] === label ? 1 : 0));
}

/** The mean of the values that there are, of which there is one. */
function meanOf(values: readonly (number | null)[]): number {
  const known = values.filter((value) => value !== null);
  return known.reduce((sum, value) => sum + value, 0) / known.length;
}
