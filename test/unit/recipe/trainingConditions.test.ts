import { expect, test } from 'vitest';
import { buildGraph, CIFAR_RESNET_NAMES, defaultTask, RESNET_NAMES } from '../../../src/models/catalog';
import { trainingAccuracyNote, trainingLossNote } from '../../../src/recipe/trainingConditions';
import { resolvedRecipe, smallRecipe } from '../../support/smallTraining';

test('a recipe that trains on images as it validates them has no conditions to name', () => {
  const plain = smallRecipe({ data: { augment: 'crop_flip' } });
  expect(trainingAccuracyNote(plain)).toBeNull();
  expect(trainingLossNote(plain)).toBeNull();
});

test.each([
  ['mixup', true],
  ['cutmix', true],
  ['random_erasing', true],
  ['stochastic_depth', true],
])('%s is named next to accuracy and loss', (name, options) => {
  const recipe = smallRecipe({ tricks: { [name]: options } });
  expect(trainingAccuracyNote(recipe)).toBe(
    `Training accuracy is measured with ${name}, validation accuracy without, so training accuracy may be lower.`,
  );
  expect(trainingLossNote(recipe)).toBe(
    `Training loss is measured with ${name}, validation loss without, so training loss may be higher.`,
  );
});

test('label smoothing raises only the loss, and all that applies is named', () => {
  expect(trainingAccuracyNote(smallRecipe({ tricks: { label_smoothing: true } }))).toBeNull();
  const both = smallRecipe({ tricks: { label_smoothing: true, mixup: true, cutmix: true } });
  expect(trainingAccuracyNote(both)).toContain('with mixup, cutmix, validation');
  expect(trainingLossNote(both)).toContain('with label_smoothing, mixup, cutmix, validation');
});

test('only the strong augmentation steps are named', () => {
  const plain = smallRecipe();
  const augment = [
    { step: 'padded_crop', padding: 4 },
    { step: 'flip', probability: 0.5 },
    { step: 'trivialaugment' },
  ] as const;
  const recipe = { ...plain, data: { ...plain.data, augment } };
  expect(trainingAccuracyNote(recipe)).toContain('with trivialaugment, validation');
});

const OTHERS = ['resnet9', 'mobilenet_v1', 'inception_v3', 'vgg16_bn', 'densenet121', 'cnn', 'mlp'] as const;

test.each([CIFAR_RESNET_NAMES[0]!, RESNET_NAMES[0]!, ...OTHERS])(
  '%s has dropout named if its network has it',
  (name) => {
    const { inputSize, classes } = defaultTask(name);
    const channels = 3;
    const recipe = resolvedRecipe({
      name,
      data: { dataset: 'synthetic', height: inputSize, width: inputSize, channels, classes },
      model: { name },
      schedule: { epochs: 1 },
    });
    const graph = buildGraph(recipe.model, [inputSize, inputSize, channels], classes);
    const hasDropout = graph.layers.some((layer) => layer.kind === 'dropout' && layer.per === 'value');
    expect(trainingAccuracyNote(recipe)?.includes('dropout') ?? false).toBe(hasDropout);
  },
);
