import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseExperiment } from '../../../src/experiment/parse';
import { formatProblem } from '../../../src/experiment/problem';
import { balancedWeights, classBalanceOf } from '../../../src/recipe/classBalance';
import type { SourceFacts } from '../../../src/recipe/datasets';
import { recipeKey } from '../../../src/recipe/recipe';
import { sourceFacts } from '../../support/sourceFacts';

const FILE = 'a.experiment.yaml';

function parsed(
  { data = '', loss = '' }: { readonly data?: string; readonly loss?: string },
  facts: SourceFacts | null = sourceFacts(),
  purpose: 'train' | 'inspect' = 'train',
) {
  const text = `name: a
data: { dataset: image_folder, path: pets${data && `, ${data}`} }
model: { name: resnet18 }
${loss && `loss: { ${loss} }\n`}`;
  return parseExperiment(text, FILE, [], purpose, () => facts);
}

function recipeOf(...args: Parameters<typeof parsed>) {
  const result = parsed(...args);
  if (!result.ok) throw new Error(JSON.stringify(result.problems));
  return result.recipe;
}

const weighted = { loss: 'class_weights: balanced' };
const sampled = { data: 'sampling: balanced' };

describe('class weights', () => {
  test('are n / (K n_c), of the training images counted by an index', () => {
    expect(recipeOf({}).loss.classWeights).toBeNull();
    expect(recipeOf({ loss: 'class_weights: none' }).loss.classWeights).toBeNull();
    // 900 / (2 x 600) and 900 / (2 x 300).
    expect(recipeOf(weighted).loss.classWeights).toEqual([0.75, 1.5]);
  });

  test('give all classes the same total weight, and images 1 on average', () => {
    const counts = fc.array(fc.nat({ max: 1000 }), { minLength: 1 }).filter((all) => all.some((n) => n > 0));
    fc.assert(
      fc.property(counts, (images) => {
        const weights = balancedWeights(images);
        const total = images.reduce((sum, count) => sum + count, 0);
        const present = images.filter((count) => count > 0).length;
        for (const [label, count] of images.entries()) {
          expect(weights[label]! * count).toBeCloseTo(count === 0 ? 0 : total / present, 6);
        }
      }),
    );
  });

  test('are 1 if all classes have equally many images', () => {
    const text =
      'name: a\ndata: { dataset: fashion-mnist }\nmodel: { name: resnet8 }\nloss: { class_weights: balanced }\n';
    const result = parseExperiment(text, FILE);
    expect(result.ok && result.recipe.loss.classWeights).toEqual(Array(10).fill(1));
  });

  test('of synthetic images use their labels, which cycle', () => {
    const text =
      'name: a\ndata: { dataset: synthetic, train_images: 128, classes: 3 }\nmodel: { name: resnet8 }\nloss: { class_weights: balanced }\n';
    const result = parseExperiment(text, FILE);
    expect(result.ok && result.recipe.loss.classWeights).toEqual([128 / 129, 128 / 129, 128 / 126]);
  });

  test('of images that are not indexed are left open', () => {
    const recipe = recipeOf(weighted, null, 'inspect');
    expect(recipe.loss.classWeights).toBeNull();
    expect(classBalanceOf(recipe)).toBeNull();
  });

  test('and balanced sampling each have their own key', () => {
    const keys = [{}, weighted, sampled].map((parts) => recipeKey(recipeOf(parts)));
    expect(new Set(keys).size).toBe(3);
  });
});

describe('what each class counts', () => {
  test('is not shown if a recipe treats classes equally', () => {
    expect(classBalanceOf(recipeOf({}))).toBeNull();
  });

  test('is its weight', () => {
    expect(classBalanceOf(recipeOf(weighted))).toEqual([
      { name: 'cat', images: 600, weight: 0.75, imagesPerEpoch: 600 },
      { name: 'dog', images: 300, weight: 1.5, imagesPerEpoch: 300 },
    ]);
  });

  test('is its images in an epoch', () => {
    const facts = sourceFacts({ classNames: ['cat', 'dog', 'eel'], trainCounts: [600, 300, 0] });
    expect(classBalanceOf(recipeOf(sampled, facts))).toEqual([
      { name: 'cat', images: 600, weight: 1, imagesPerEpoch: 450 },
      { name: 'dog', images: 300, weight: 1, imagesPerEpoch: 450 },
      { name: 'eel', images: 0, weight: 1, imagesPerEpoch: 0 },
    ]);
  });
});

const said = (parts: Parameters<typeof parsed>[0], facts = sourceFacts()) => {
  const result = parsed(parts, facts);
  return (result.ok ? result.warnings : result.problems).map((problem) => formatProblem(FILE, problem));
};

describe('a mistake is reported at its place:', () => {
  test('class weights beside balanced sampling', () => {
    expect(said({ ...weighted, ...sampled })).toEqual([
      'a.experiment.yaml:4:24: warning: Class weights and balanced sampling correct the same imbalance twice: rare classes count more than common ones. Use only one of them.',
    ]);
    expect(said(weighted)).toEqual([]);
    expect(said(sampled)).toEqual([]);
  });

  test('balanced sampling in the order of the data set', () => {
    expect(said({ data: 'sampling: balanced, shuffle: false' })).toEqual([
      'a.experiment.yaml:2:73: error: Balanced sampling draws images at random, but shuffle: false keeps their order. Remove shuffle: false, or use sampling: uniform.',
    ]);
  });

  test('no validation images', () => {
    expect(said({}, sourceFacts({ validationImages: 0 }))).toEqual([
      'a.experiment.yaml:2:7: error: There are no validation images. Raise data.split.validation, or add images to the validation split.',
    ]);
  });

  test('fewer training images than a batch', () => {
    expect(said({}, sourceFacts({ trainImages: 100, trainCounts: [60, 40] }))).toEqual([
      'a.experiment.yaml:2:1: error: A batch of 128 is larger than the 100 training images. Use at most 100.',
    ]);
  });

  test('an unknown kind of class weights', () => {
    expect(said({ loss: 'class_weights: balance' })).toEqual([
      'a.experiment.yaml:4:24: error: loss.class_weights must be none or balanced, not "balance". Did you mean balanced?',
    ]);
  });
});
