import { describe, expect, test } from 'vitest';
import { parseExperiment } from '../../../src/experiment/parse';
import type { SourceFacts } from '../../../src/recipe/datasets';
import { sourceFacts } from '../../support/sourceFacts';

function dataOf(data: string, facts: SourceFacts | null = sourceFacts(), model = 'resnet18') {
  const text = `name: a\ndata: { ${data} }\nmodel: { name: ${model} }\n`;
  const parsed = parseExperiment(text, 'a.experiment.yaml', [], 'train', () => facts);
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.unindexed ?? parsed.problems));
  return parsed.recipe.data;
}
const FOLDER = 'dataset: image_folder, path: pets';
const square = (side: number) => ({ min: side, p05: side, median: side, p95: side, max: side });
const uniform = (side: number) =>
  sourceFacts({ height: square(side), width: square(side), shortEdge: square(side) });

describe('images of a folder', () => {
  test('have the size that the model is designed for, the crop of ImageNet, and their own normalization', () => {
    const { dataset, images, augment, source } = dataOf(FOLDER);
    expect(images).toEqual({
      ...{ size: 224, interpolation: 'bilinear', cropPct: 0.875, presize: null, onBadImage: 'fail' },
    });
    expect(dataset).toMatchObject({ height: 224, width: 224, channels: 3, classes: 2, trainImages: 900 });
    expect(dataset).toMatchObject({ mean: [0.48, 0.46, 0.41], fingerprint: 'f00d', trainCounts: [600, 300] });
    expect(augment).toEqual([]);
    expect(source).toEqual({ dataset: 'image_folder', path: 'pets', split: { validation: 0.1, seed: 0 } });
  });

  test('keep their own size if it is small and the same for all', () => {
    expect(dataOf(FOLDER, uniform(32)).images).toMatchObject({ size: 32, cropPct: 1 });
    expect(dataOf(FOLDER, uniform(500)).images).toMatchObject({ size: 224, cropPct: 0.875 });
  });

  test('are resized once if they are more than twice as large, unless the file says otherwise', () => {
    expect(dataOf(FOLDER, uniform(449)).images?.presize).toBe(258);
    expect(dataOf(FOLDER, uniform(448)).images?.presize).toBeNull();
    expect(dataOf(`${FOLDER}, presize: false`, uniform(900)).images?.presize).toBeNull();
    expect(dataOf(`${FOLDER}, presize: 256`).images?.presize).toBe(256);
  });

  test('become gray or color as asked, with numbers for each channel', () => {
    expect(dataOf(`${FOLDER}, channels: 1`).dataset.mean).toEqual([expect.closeTo(0.45)]);
    const gray = sourceFacts({ channels: 1, mean: [0.5], std: [0.2] });
    expect(dataOf(`${FOLDER}, channels: 3`, gray).dataset).toMatchObject({ mean: [0.5, 0.5, 0.5] });
    expect(dataOf(`${FOLDER}, mean: 0.1, std: [0.1, 0.2, 0.3]`).dataset).toMatchObject({
      ...{ mean: [0.1, 0.1, 0.1], std: [0.1, 0.2, 0.3] },
    });
  });

  test.each([
    ['std: 0', 'data.std must be greater than 0, not 0.', 'Use a positive number such as 0.5.'],
    ['std: [0.2, 0, 0.2]', 'data.std.1 must be greater than 0, not 0.', 'Use a positive number such as 0.5.'],
    ['mean: 123.7', 'data.mean must be at most 1, not 123.7.', 'Use at most 1.'],
    [
      'mean: [0.5, 0.5]',
      'data.mean has 2 values, but images have 3 channels.',
      'Write one value, or one per channel.',
    ],
    [
      'split: { validation: 1 }',
      'data.split.validation must be less than 1, not 1.',
      'Use a number such as 0.1.',
    ],
    ['image_size: 5000', 'data.image_size must be at most 4096, not 5000.', 'Use at most 4096.'],
    ['path: ', 'data.path must be text, not an empty value.', 'Use text such as photos.'],
  ])('are not available by %s', (written, what, remedy) => {
    const lines = ['dataset: image_folder', ...(written.startsWith('path') ? [] : ['path: pets']), written];
    const text = `name: a\ndata:\n  ${lines.join('\n  ')}\nmodel: { name: resnet18 }\n`;
    const parsed = parseExperiment(text, 'a.experiment.yaml', [], 'train', () => sourceFacts());
    expect(parsed).toMatchObject({ ok: false, problems: [{ what, remedy }] });
  });

  test('are prepared like those of published weights, unless the file says otherwise', () => {
    const weights = (data: string) => {
      const text = `name: a\ndata: { ${data} }\nmodel: { name: inception_v3 }\ninit: torchvision:inception_v3\n`;
      const parsed = parseExperiment(text, 'a.experiment.yaml', [], 'train', () =>
        sourceFacts({ channels: 1 }),
      );
      if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
      return parsed.recipe.data;
    };
    const { dataset, images } = weights(FOLDER);
    expect(dataset).toMatchObject({ height: 299, channels: 3, mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5] });
    expect(images?.cropPct).toBeCloseTo(299 / 342, 12);
    expect(weights(`${FOLDER}, mean: 0.4, crop_pct: 1, channels: 1`)).toMatchObject({
      ...{ dataset: { channels: 1, mean: [0.4], std: [0.5] }, images: { cropPct: 1 } },
    });
  });

  test('bring a warning if the file prepares them differently than the weights expect', () => {
    const warningsOf = (data: string) => {
      const text = `name: a\ndata: { ${data} }\nmodel: { name: resnet18 }\ninit: torchvision:resnet18\n`;
      const parsed = parseExperiment(text, 'a.experiment.yaml', [], 'train', () => sourceFacts());
      return parsed.ok
        ? parsed.warnings.map(({ path, what }) => `${path.join('.')}: ${what}`)
        : parsed.problems;
    };
    expect(warningsOf(FOLDER)).toEqual([]);
    expect(warningsOf(`${FOLDER}, mean: [0.485, 0.456, 0.406], crop_pct: 0.875`)).toEqual([]);
    expect(warningsOf(`${FOLDER}, std: 0.5, interpolation: bicubic`)).toEqual([
      'data.std: The weights were trained with std 0.229, 0.224, 0.225, not 0.5.',
      'data.interpolation: The weights were trained with interpolation bilinear, not bicubic.',
    ]);
  });

  test('that are not indexed are reported as such, and give no recipe', () => {
    const text = `name: a\ndata: { ${FOLDER} }\nmodel: { name: resnet18 }\n`;
    const parsed = parseExperiment(text, 'a.experiment.yaml');
    expect(parsed).toMatchObject({ ok: false, problems: [] });
    expect(!parsed.ok && parsed.unindexed?.request).toMatchObject({ dataset: 'image_folder', path: 'pets' });
  });
});

describe('augment', () => {
  const namesOf = (data: string, facts?: SourceFacts) => {
    const { augment } = dataOf(data, facts);
    return typeof augment === 'string' ? augment : augment.map(({ step }) => step);
  };

  test.each([
    ['imagenet', ['random_resized_crop', 'flip', 'color_jitter', 'pca_noise']],
    ['cifar', ['padded_crop', 'flip']],
    ['trivialaugment', ['random_resized_crop', 'flip', 'trivialaugment']],
    ['crop_flip', ['padded_crop', 'flip']],
    ['none', []],
    ['[flip, { step: random_resized_crop, area: [0.35, 1] }]', ['flip', 'random_resized_crop']],
  ])('%s stands for steps', (written, expected) => {
    expect(namesOf(`${FOLDER}, augment: ${written}`)).toEqual(expected);
  });

  test('crops small images with a margin', () => {
    expect(namesOf(`${FOLDER}, augment: randaugment`, uniform(32))).toEqual([
      ...['padded_crop', 'flip', 'randaugment'],
    ]);
    expect(dataOf(`${FOLDER}, augment: cifar`, uniform(32)).augment).toContainEqual({
      ...{ step: 'padded_crop', padding: 4 },
    });
  });

  test('places images that are stored as the network sees them, unless their size is asked for', () => {
    expect(dataOf('dataset: fashion-mnist, augment: crop_flip')).toMatchObject({
      augment: 'crop_flip',
      images: null,
    });
    const { images, dataset, augment } = dataOf('dataset: fashion-mnist, image_size: 32, channels: 3');
    expect(images).toMatchObject({ size: 32, cropPct: 1 });
    expect(dataset).toMatchObject({ height: 32, channels: 3, mean: [0.286041, 0.286041, 0.286041] });
    expect(augment).toEqual([]);
  });
});
