import { describe, expect, test } from 'vitest';
import { rangeTestRecipe, SmoothedLoss } from '../../../src/recipe/rangeTest';
import { recipeKey } from '../../../src/recipe/recipe';
import { hasRecipeShape } from '../../../src/recipe/recipeShape';
import { learningRateAt } from '../../../src/recipe/schedule';
import { resolvedRecipe, smallRecipe } from '../../support/smallTraining';

const PLAN = { from: 1e-4, to: 10, steps: 101 };

describe("a range test's recipe", () => {
  const plain = smallRecipe({ tricks: { warmup: { epochs: 1 }, cosine_decay: true } });
  const recipe = rangeTestRecipe(plain, PLAN, 0.1, 'found');

  test('rises from the lowest to the highest learning rate by a constant factor per step, without warmup', () => {
    const { schedule } = recipe;
    const rates = Array.from({ length: schedule.totalSteps }, (_, step) => learningRateAt(schedule, step));
    expect(rates[0]).toBeCloseTo(1e-4, 12);
    expect(rates.at(-1)).toBeCloseTo(10, 12);
    const factor = (10 / 1e-4) ** (1 / (schedule.totalSteps - 1));
    for (const [step, rate] of rates.slice(1).entries()) expect(rate / rates[step]!).toBeCloseTo(factor, 10);
  });

  test('takes the requested steps, in epochs no longer than the images last', () => {
    // 64 images in batches of 16.
    expect(plain.schedule.stepsPerEpoch).toBe(4);
    expect(recipe.schedule.stepsPerEpoch).toBe(4);
    expect(recipe.epochs).toBe(26);
    expect(recipe.schedule.totalSteps).toBe(104);
    const long = rangeTestRecipe(smallRecipe({ data: { train_images: 16_000 } }), PLAN, 0.1, 'found');
    expect(long.epochs).toBe(1);
    expect(long.schedule.totalSteps).toBe(101);
  });

  test('counts the range in base learning rates if scaling changes the learning rate', () => {
    const scaled = resolvedRecipe({
      name: 'a',
      data: { dataset: 'synthetic', train_images: 4096, batch_size: 1024 },
      model: { name: 'resnet8' },
      optimizer: { base_lr: 0.1 },
      tricks: { linear_scaling: { base_batch_size: 256 } },
    });
    expect(rangeTestRecipe(scaled, PLAN, 0.1, 'found').schedule.peakLearningRate).toBeCloseTo(40, 10);
  });

  test('is a recipe that readers know, and is never taken for that of the experiment', () => {
    expect(hasRecipeShape(recipe)).toBe(true);
    expect(recipe.name).toBe('found');
    expect(recipeKey(recipe)).not.toBe(recipeKey(plain));
  });
});

describe('the smoothed loss', () => {
  test('is an exponential average with bias correction', () => {
    // 0.9 = 1 - 20 / 200. By hand: (0.1 * 3) / 0.1, (0.27 + 0.1) / 0.19, (0.333 + 0.2) / 0.271.
    const loss = new SmoothedLoss(200);
    expect(loss.take(3)).toBeCloseTo(3, 12);
    expect(loss.take(1)).toBeCloseTo(0.37 / 0.19, 12);
    expect(loss.take(2)).toBeCloseTo(0.533 / 0.271, 12);
  });

  test('has exploded once it exceeds four times its minimum, not before', () => {
    // With 20 steps there is no smoothing.
    const loss = new SmoothedLoss(20);
    expect(loss.hasExploded).toBe(false);
    loss.take(1);
    loss.take(4);
    expect(loss.hasExploded).toBe(false);
    loss.take(4.001);
    expect(loss.hasExploded).toBe(true);
  });
});
