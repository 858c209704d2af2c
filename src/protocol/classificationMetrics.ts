/**
 * Evaluation of a network on images with known classes, as pure functions: from scores to predictions per image, and
 * from these to the metrics of a whole split and of each class.
 */

/** Predictions for the images of a split, in the data set's order. All arrays have the same length. */
export interface Predictions {
  /** The true class. */
  readonly labels: Uint32Array;
  /** The class with the highest score. Ties go to the first. */
  readonly predicted: Uint32Array;
  /** Cross entropy of the softmax of the scores with the label. */
  readonly losses: Float32Array;
  /** Number of classes ranked before the label by score, 0 if the prediction is correct. */
  readonly ranks: Uint32Array;
}

/** The metrics of a class. Undefined metrics are null. */
export interface ClassMetrics {
  /**
   * TP / (TP + FP), the fraction of the images predicted as this class that belong to it. Null if none was predicted.
   */
  readonly precision: number | null;
  /** TP / (TP + FN), the fraction of the class's images that are predicted as it. Null if it has no images. */
  readonly recall: number | null;
  /** 2 TP / (2 TP + FP + FN). Null if the class has no images and was never predicted. */
  readonly f1: number | null;
  /** Number of images of the class. */
  readonly support: number;
}

/** The metrics of a split with at least one image. */
export interface ClassificationMetrics {
  readonly images: number;
  /** Mean cross entropy. */
  readonly loss: number;
  /** Top-1: the fraction of images that are classified correctly. */
  readonly accuracy: number;
  /** Top-5: the fraction of images whose class has one of the five highest scores. Null for fewer than six classes. */
  readonly top5: number | null;
  /** Mean F1 over the classes that have one. */
  readonly macroF1: number;
  /** Mean recall over the classes that have images. */
  readonly balancedAccuracy: number;
  /** By label. */
  readonly classes: readonly ClassMetrics[];
}

const TOP = 5;

/** Allocates predictions for a number of images, to be filled by `predictImage`. */
export function emptyPredictions(images: number): Predictions {
  return {
    labels: new Uint32Array(images),
    predicted: new Uint32Array(images),
    losses: new Float32Array(images),
    ranks: new Uint32Array(images),
  };
}

/**
 * Records the prediction for one image.
 *
 * @param logits the scores of a batch, [batch, `classes`]
 * @param row the image's row in the batch
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
  // Subtracting the maximum does not change the result, but keeps exp from overflowing.
  for (let index = 0; index < classes; index++) sum += Math.exp(logits[start + index]! - highest);
  predictions.labels[image] = label;
  predictions.predicted[image] = best;
  predictions.losses[image] = Math.log(sum) + highest - own;
  predictions.ranks[image] = rank;
}

/** Computes the metrics of a split with at least one image. */
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

/** Counts the images by class: [true class, predicted class], row-major. */
export function confusionMatrix({ labels, predicted }: Predictions, classes: number): Uint32Array {
  const matrix = new Uint32Array(classes * classes);
  for (let image = 0; image < labels.length; image++) {
    matrix[labels[image]! * classes + predicted[image]!]!++;
  }
  return matrix;
}

/** Returns the images with the highest loss, in descending order. Ties keep the data set's order. */
export function mostWrong({ losses }: Predictions, count: number): number[] {
  const images = Uint32Array.from(losses, (_, image) => image);
  images.sort((a, b) => losses[b]! - losses[a]! || a - b);
  return [...images.subarray(0, count)];
}

/** Returns whether each image was classified correctly: [images], 1 or 0. */
export function correctness({ labels, predicted }: Predictions): Uint8Array {
  return Uint8Array.from(labels, (label, image) => (predicted[image] === label ? 1 : 0));
}

/** Returns the mean of the values that are not null. At least one must not be. */
function meanOf(values: readonly (number | null)[]): number {
  const known = values.filter((value) => value !== null);
  return known.reduce((sum, value) => sum + value, 0) / known.length;
}
