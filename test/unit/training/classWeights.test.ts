import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, test } from 'vitest';
import { loadEngine } from '../../../src/backends/index';
import { weigh } from '../../../src/training/effects/classWeights';
import { mix } from '../../../src/training/effects/mixing';
import { softmaxCrossEntropy } from '../../../src/training/ops/softmaxCrossEntropy';
import pytorch from '../../fixtures/class-weights/losses.json';
import { smallRecipe } from '../../support/smallTraining';
import { targetsOf } from '../support/targets';
import { threadPrograms } from '../support/threads';
import { trainHere } from '../support/trainHere';

const threads = threadPrograms();
beforeAll(async () => {
  await loadEngine('wasm');
});

const { weights, labels, logits } = pytorch;
const IMAGES = labels.length;
const CLASSES = weights.length;

/** Returns the targets of the fixture's batch, as in training. */
function targets({ smoothing, mixed }: { readonly smoothing: number; readonly mixed: boolean }) {
  const made = targetsOf(Int32Array.from(labels), CLASSES, smoothing);
  const batch = { size: IMAGES, images: new Float32Array(IMAGES), targets: made };
  if (mixed) mix(batch, { height: 1, width: 1, channels: 1 }, { kind: 'mixup', lambda: pytorch.lambda });
  return made;
}

describe("weighted targets lead to PyTorch's weighted CrossEntropyLoss", () => {
  test.each(pytorch.cases)('of $name', (each) => {
    const made = targets(each);
    weigh(made, weights, { isMixed: each.mixed });
    const { loss, dLogits } = softmaxCrossEntropy(
      tf.tensor2d(logits, [IMAGES, CLASSES]),
      tf.tensor2d(made, [IMAGES, CLASSES]),
    );
    expect(loss.dataSync()[0]).toBeCloseTo(each.loss, 5);
    for (const [index, value] of dLogits.dataSync().entries()) {
      expect(value, `${index}`).toBeCloseTo(each.gradient[index]!, 6);
    }
  });
});

test('weights of 1 do not change targets', () => {
  for (const mixed of [false, true]) {
    const made = targets({ smoothing: 0.1, mixed });
    const weighed = made.slice();
    weigh(weighed, [1, 1, 1, 1], { isMixed: mixed });
    for (const [index, value] of weighed.entries()) expect(value).toBeCloseTo(made[index]!, 6);
  }
});

test('a batch with only classes without a weight has no loss', () => {
  const made = targetsOf(Int32Array.of(1, 1), 2, 0);
  weigh(made, [2, 0], { isMixed: false });
  expect([...made]).toEqual([0, 0, 0, 0]);
});

/** A recipe without batch norm that weights images of class 0 by far the most. */
function weightedRecipe(tricks: object = {}) {
  const recipe = smallRecipe({ tricks, schedule: { epochs: 1 } });
  return {
    ...recipe,
    model: { name: 'mlp' as const, hidden: [8] },
    loss: { ...recipe.loss, classWeights: [20, 0.5, 1] },
  };
}

test.each([
  ['labels', {}],
  ['mixed, smoothed labels', { mixup: true, label_smoothing: true }],
])('a training on two threads is that on one, of %s', async (_, tricks) => {
  const recipe = weightedRecipe(tricks);
  const [one, two] = [await trainHere(recipe), await trainHere(recipe, { threads: threads(2) })];
  expect(one.steps).toHaveLength(4);
  for (const [index, { loss }] of one.steps.entries()) {
    expect(two.steps[index]!.loss).toBeCloseTo(loss, 4);
  }
  const weightsOf = ({ snapshots }: typeof one) =>
    snapshots.at(-1)!.tensors.flatMap(({ values }) => [...values]);
  const theirs = weightsOf(two);
  for (const [index, value] of weightsOf(one).entries()) expect(theirs[index]).toBeCloseTo(value, 4);
});

test('a training minimizes the weighted loss, and validation images count equally', async () => {
  const { loss, ...rest } = weightedRecipe();
  const outcome = async (classWeights: number[] | null) =>
    trainHere({ ...rest, loss: { ...loss, classWeights } });
  const [plain, weighted, alike] = [
    await outcome(null),
    await outcome([20, 0.5, 1]),
    await outcome([1, 1, 1]),
  ];
  expect(weighted.steps[0]!.loss).not.toBeCloseTo(plain.steps[0]!.loss, 3);
  expect(alike.steps[0]!.loss).toBeCloseTo(plain.steps[0]!.loss, 5);
  expect(weighted.epochs[0]!.validationLoss).not.toBeCloseTo(plain.epochs[0]!.validationLoss, 4);
});

test('a training with balanced sampling sees other batches', async () => {
  const losses = async (sampling: string) =>
    (await trainHere(smallRecipe({ data: { sampling } }))).steps.map(({ loss }) => loss);
  expect(await losses('balanced')).not.toEqual(await losses('uniform'));
});
