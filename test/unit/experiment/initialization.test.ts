import { describe, expect, test } from 'vitest';
import { parseExperiment } from '../../../src/experiment/parse';
import { formatProblem } from '../../../src/experiment/problem';
import { resolve } from '../../../src/experiment/resolve';
import { experimentSchema } from '../../../src/experiment/schema';
import { smallExperiment, smallRecipe } from '../../support/smallTraining';

/** Returns the problems of a small experiment with these changes: where, what, and the remedy. */
function problemsOf(changes: Parameters<typeof smallExperiment>[0]): string[] {
  const resolution = resolve(experimentSchema.parse(smallExperiment(changes)));
  if (resolution.ok) return [];
  return resolution.problems.map(({ path, what, remedy }) => `${path.join('.')}: ${what} ${remedy}`);
}

const resnet50 = { data: { height: 32, width: 32, channels: 3 }, model: { name: 'resnet50', width: 64 } };

describe('init', () => {
  test('is short for a file with default options', () => {
    const short = smallRecipe({ init: 'weights.pth' }).initialization;
    expect(short).toEqual({ zeroGamma: false, weights: 'weights.pth', head: 'auto', freeze: [] });
    expect(smallRecipe({ init: { weights: 'weights.pth' } }).initialization).toEqual(short);
  });

  test('names published weights in full', () => {
    const changes = { ...resnet50, model: { ...resnet50.model, variant: 'B' }, init: 'torchvision:resnet50' };
    expect(smallRecipe(changes).initialization.weights).toBe('torchvision:resnet50.IMAGENET1K_V2');
  });

  test.each([
    [
      'weights of another variant',
      { ...resnet50, init: 'torchvision:resnet50' },
      'model.variant: torchvision:resnet50.IMAGENET1K_V2 are the weights of variant B. Use model.variant: B.',
    ],
    [
      'weights of another model',
      { ...resnet50, init: 'timm:resnet18.a1_in1k' },
      'model.name: timm:resnet18.a1_in1k are the weights of a resnet18. Use model.name: resnet18, or the weights of resnet50.',
    ],
    [
      'weights that nobody has',
      { ...resnet50, init: { weights: 'torchvision:resnet5O' } },
      'init.weights: The weights torchvision:resnet5O do not exist. Did you mean torchvision:resnet50?',
    ],
    [
      "a model of timm's without its weights' tag",
      { ...resnet50, init: 'timm:resnet50' },
      'init.weights: The weights timm:resnet50 do not exist. Did you mean timm:resnet50.a1_in1k?',
    ],
    [
      'a part to freeze that is misspelled',
      { init: { weights: 'a.pth', freeze: ['stem', 'layr1'] } },
      'init.freeze.1: The model has no part layr1 to freeze. Did you mean layer1?',
    ],
    [
      'a parameter to freeze',
      { init: { weights: 'a.pth', freeze: ['everything-else'] } },
      'init.freeze.0: The model has no part everything-else to freeze. Use parts such as stem, layer1, layer2, layer3, head, conv1.',
    ],
    [
      'nothing left to train',
      { init: { weights: 'a.pth', freeze: ['stem', 'layer1', 'layer2', 'layer3', 'head'] } },
      'init.freeze: The whole model is frozen, so nothing would be trained. Leave at least the head unfrozen.',
    ],
  ])('with %s is a problem', (_, changes, problem) => {
    expect(problemsOf(changes)).toEqual([problem]);
  });

  test('uses the variant that a trick makes of the model', () => {
    const init = 'torchvision:resnet50';
    expect(problemsOf({ ...resnet50, init, tricks: { resnet_b: true } })).toEqual([]);
    expect(problemsOf({ ...resnet50, init: 'timm:resnet50d.ra2_in1k', tricks: { resnet_d: true } })).toEqual(
      [],
    );
  });

  test.each([
    ['a list', 'init: [a.pth]', 'init must be text or a mapping, not a list.'],
    ['an unknown option', 'init: { weights: a.pth, frezee: [] }', 'Unknown key frezee. Did you mean freeze?'],
    ['another head', 'init: { weights: a.pth, head: old }', 'init.head must be auto or new, not "old".'],
    ['no weights', 'init: { freeze: [stem] }', 'init.weights is missing.'],
    [
      'a learning rate of 0 for the head',
      'optimizer: { head_learning_rate: 0x }',
      'optimizer.head_learning_rate cannot be "0x"',
    ],
    [
      'a layer decay above 1',
      'optimizer: { layer_decay: 1.5 }',
      'optimizer.layer_decay must be at most 1, not 1.5.',
    ],
  ])('as %s is refused at its position', (_, line, what) => {
    const text = `name: a\ndata: { dataset: fashion-mnist-sample }\nmodel: { name: resnet20 }\n${line}\n`;
    const parsed = parseExperiment(text, 'a.experiment.yaml');
    const problems = parsed.ok ? [] : parsed.problems.map((problem) => formatProblem('a.yaml', problem));
    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain('a.yaml:4:');
    expect(problems[0]).toContain(what);
  });
});
