import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseExperiment } from '../../../src/experiment/parse';
import { STARTER_WEIGHTS, starterExperiment } from '../../../src/insight/starterExperiment';
import type { OwnDatasetRequest, SourceFacts } from '../../../src/recipe/datasets';
import { sourceFacts } from '../../support/sourceFacts';

const data: OwnDatasetRequest = {
  dataset: 'image_folder',
  path: 'my photos: 2024 #1',
  split: { validation: 0.1, seed: 0 },
};
const square = (side: number) => ({ min: side, p05: side, median: side, p95: side, max: side });

function recipeOf(text: string, facts: SourceFacts) {
  const parsed = parseExperiment(text, 'a.experiment.yaml', [], 'train', () => facts);
  if (!parsed.ok) throw new Error(`${text}\n${JSON.stringify(parsed.problems)}`);
  return { recipe: parsed.recipe, warnings: parsed.warnings };
}

describe('a first experiment for images', () => {
  test('of photos trains a ResNet at 128 pixels on crops and flips', () => {
    const facts = sourceFacts();
    const text = starterExperiment({ name: 'photos', data, facts });
    const { recipe, warnings } = recipeOf(text, facts);
    expect(warnings).toEqual([]);
    expect(recipe.data).toMatchObject({ batchSize: 32, images: { size: 128 }, sampling: 'uniform' });
    expect(recipe.data.source).toEqual(data);
    expect(recipe.model.name).toBe('resnet18');
    expect(recipe.epochs).toBe(120);
    expect(text).toContain('batch_size: 32 # 28 steps per epoch');
  });

  test('of small images keeps their size', () => {
    const facts = sourceFacts({ height: square(28), width: square(28), shortEdge: square(28), channels: 1 });
    const { recipe } = recipeOf(starterExperiment({ name: 'digits', data, facts }), facts);
    expect(recipe.data.images?.size).toBe(28);
    expect(recipe.model.name).toBe('resnet20');
  });

  test('samples rare classes more often if one has three times the images of another', () => {
    const facts = sourceFacts({ trainCounts: [900, 300] });
    const text = starterExperiment({ name: 'a', data, facts });
    expect(recipeOf(text, facts).recipe.data.sampling).toBe('balanced');
    expect(text).toContain('the largest class has 3 times as many images as the smallest');
  });

  test.each(STARTER_WEIGHTS.map((weights) => [weights.name, weights] as const))(
    'fine-tunes %s, with a model that takes it',
    (_, weights) => {
      const facts = sourceFacts();
      const { recipe, warnings } = recipeOf(starterExperiment({ name: 'a', data, facts, weights }), facts);
      expect(warnings).toEqual([]);
      expect(recipe.initialization.weights).toMatch(new RegExp(`^${weights.name}[.]`));
      expect(recipe.epochs).toBe(15);
    },
  );

  test('can be trained, whatever the counts and the sizes', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 2e6 }), fc.integer({ min: 1, max: 8000 }), (count, side) => {
        const facts = sourceFacts({
          ...{ trainImages: count, trainCounts: [count, count] },
          ...{ height: square(side), width: square(side), shortEdge: square(side) },
        });
        const { recipe } = recipeOf(starterExperiment({ name: 'any', data, facts }), facts);
        expect(recipe.schedule.totalSteps).toBeGreaterThan(0);
      }),
      { numRuns: 50 },
    );
  });
});
