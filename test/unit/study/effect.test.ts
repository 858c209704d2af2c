import { describe, expect, test } from 'vitest';
import { parseExperiment } from '../../../src/experiment/parse';
import type { Manifest } from '../../../src/protocol/manifest';
import type { SourceFacts } from '../../../src/recipe/datasets';
import { type Recipe, recipeKey } from '../../../src/recipe/recipe';
import { indexRuns, measuredEffect } from '../../../src/study/effect';
import { sourceFacts } from '../../support/sourceFacts';

/** A recipe on a folder of images, with label smoothing or without. */
function recipeOf(hasTrick: boolean, facts: Partial<SourceFacts> = {}, seed = 1): Recipe {
  const text = `name: a
data: { dataset: image_folder, path: pets }
model: { name: resnet18 }
seed: ${seed}
tricks: { label_smoothing: ${hasTrick} }
`;
  const parsed = parseExperiment(text, 'a.experiment.yaml', [], 'train', () => sourceFacts(facts));
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
  return parsed.recipe;
}

let created = 0;
function run(recipe: Recipe, validationAccuracy: number): Manifest {
  return {
    ...{ version: 1, id: `${created}`, name: 'a', createdAt: created++, endedAt: 0 },
    ...{ experiment: { file: 'a.experiment.yaml', text: '' }, recipe, versions: {} },
    engine: { name: 'wasm', description: '' },
    state: {
      status: 'done',
      result: {
        ...{ epochs: 1, validationLoss: 1, validationAccuracy },
        ...{ bestValidationAccuracy: validationAccuracy, seconds: 1 },
      },
    },
  };
}

const [plain, smoothed] = [recipeOf(false), recipeOf(true)];

describe('the effect of a trick', () => {
  test('is the difference of runs on the same images', () => {
    const runs = indexRuns([run(plain, 0.5), run(smoothed, 0.625)]);
    expect(measuredEffect(runs, plain, smoothed)).toEqual({ pairs: 1, mean: 12.5, halfWidth: null });
  });

  test('is not taken between runs on images of another fingerprint, whatever else is the same', () => {
    const others = { fingerprint: 'beef' };
    const runs = indexRuns([run(plain, 0.5), run(recipeOf(true, others), 0.75)]);
    expect(measuredEffect(runs, plain, smoothed)).toBeNull();
    expect(measuredEffect(runs, plain, recipeOf(true, others))).toBeNull();
    expect(recipeKey(recipeOf(true, others))).not.toBe(recipeKey(smoothed));
  });
});
