import { describe, expect, test } from 'vitest';
import { buildGraph } from '../../../src/models/catalog';
import { parametersOf } from '../../../src/models/graph';
import { graphOf } from '../../../src/recipe/draft';
import { inspect } from '../../../src/recipe/inspection';
import {
  frozenParametersOf,
  groupOf,
  type ParameterGroupsPlan,
  parameterGroupsOf,
} from '../../../src/recipe/parameterGroups';
import { recipeKey } from '../../../src/recipe/recipe';
import { smallRecipe } from '../../support/smallTraining';

const graph = buildGraph({ name: 'resnet18', width: 4, variant: 'B' }, [32, 32, 3], 5);
const PLAIN: ParameterGroupsPlan = {
  weightDecay: 0.1,
  decayOn: 'all',
  headLearningRateFactor: 1,
  layerDecay: 1,
};
const groupsOf = (plan: Partial<ParameterGroupsPlan>, freeze: readonly string[] = []) =>
  parameterGroupsOf({ ...PLAIN, ...plan }, freeze, () => graph);
const facts = (plan: Partial<ParameterGroupsPlan>, freeze: readonly string[] = []) =>
  groupsOf(plan, freeze).map(({ name, weightDecay, learningRateFactor = 1 }) => [
    ...[name, weightDecay, learningRateFactor],
  ]);

describe('parameter groups', () => {
  test('need no network and mention no learning rates if all are the same', () => {
    const asked = () => {
      throw new Error('asked');
    };
    expect(parameterGroupsOf(PLAIN, [], asked)).toEqual([
      { name: 'all', kinds: ['kernel', 'bias', 'gamma', 'beta'], weightDecay: 0.1 },
    ]);
  });

  test('give the head its own learning rate', () => {
    expect(facts({ headLearningRateFactor: 10 })).toEqual([
      ['head', 0.1, 10],
      ['all', 0.1, 1],
    ]);
    expect(facts({ headLearningRateFactor: 10, decayOn: 'kernels' })).toEqual([
      ['head.decay', 0.1, 10],
      ['head.no_decay', 0, 10],
      ['decay', 0.1, 1],
      ['no_decay', 0, 1],
    ]);
  });

  test('decay the learning rate from the head to the stem', () => {
    expect(facts({ layerDecay: 0.5, headLearningRateFactor: 4 })).toEqual([
      ['stem', 0.1, 1 / 32],
      ['layer1', 0.1, 1 / 16],
      ['layer2', 0.1, 1 / 8],
      ['layer3', 0.1, 1 / 4],
      ['layer4', 0.1, 1 / 2],
      ['head', 0.1, 4],
    ]);
  });

  test('freeze stages and modules before all else, and leave out empty groups', () => {
    expect(facts({ layerDecay: 0.5 }, ['stem', 'layer1', 'layer2.0'])).toEqual([
      ['frozen', 0, 0],
      ['layer2', 0.1, 1 / 8],
      ['layer3', 0.1, 1 / 4],
      ['layer4', 0.1, 1 / 2],
      ['head', 0.1, 1],
    ]);
    const groups = groupsOf({}, ['stem', 'layer2.0']);
    const frozen = frozenParametersOf(groups, graph);
    for (const { name } of parametersOf(graph)) {
      expect(frozen.has(name), name).toBe(/^(conv1|bn1|layer2\.0)\./.test(name));
    }
    expect(frozenParametersOf(groupsOf({ headLearningRateFactor: 3 }), graph).size).toBe(0);
  });

  test('contain every parameter', () => {
    const groups = groupsOf({ layerDecay: 0.7, decayOn: 'kernels' }, ['layer1']);
    for (const parameter of parametersOf(graph)) {
      const { name, kinds } = groupOf(groups, parameter);
      expect(kinds).toContain(parameter.kind);
      if (parameter.name.startsWith('layer3')) expect(name).toMatch(/^layer3\.(no_)?decay$/);
    }
  });
});

describe('a recipe', () => {
  const init = { weights: 'a.pth', freeze: ['stem'] };

  test('with other learning rates or frozen parts has another key', () => {
    const keys = [
      smallRecipe({ init: 'a.pth' }),
      smallRecipe({ init }),
      smallRecipe({ init: { ...init, head: 'new' } }),
      smallRecipe({ init: 'a.pth', optimizer: { head_learning_rate: '10x' } }),
      smallRecipe({ init: 'a.pth', optimizer: { layer_decay: 0.5 } }),
    ].map(recipeKey);
    expect(new Set(keys).size).toBe(keys.length);
    expect(recipeKey(smallRecipe({ init: { weights: 'a.pth' } }))).toBe(
      recipeKey(smallRecipe({ init: 'a.pth' })),
    );
  });

  test('takes a learning rate of the head as a multiple, or in place of base_lr', () => {
    const factor = (head_learning_rate: unknown) =>
      smallRecipe({ optimizer: { base_lr: 0.05, head_learning_rate } }).parameterGroups[0]
        ?.learningRateFactor;
    expect(factor('10x')).toBe(10);
    expect(factor('2.5x')).toBe(2.5);
    expect(factor(0.2)).toBeCloseTo(4, 12);
    expect(factor('1x')).toBeUndefined();
  });

  test('is inspected with the learning rates of its groups', () => {
    const recipe = smallRecipe({ init, optimizer: { head_learning_rate: '10x', weight_decay: 0.1 } });
    const { parameterGroups, parameters } = inspect(recipe);
    expect(
      parameterGroups.map(({ name, learningRateFactor, tensors }) => [name, learningRateFactor, tensors]),
    ).toEqual([
      ['frozen', 0, 3],
      ['head', 10, 2],
      ['all', 1, parametersOf(graphOf(recipe)).length - 5],
    ]);
    expect(parameterGroups.reduce((sum, { elements }) => sum + elements, 0)).toBe(parameters);
  });
});
