import { describe, expect, it } from 'vitest';
import { datasetFacts, KNOWN_DATASETS, SYNTHETIC_DEFAULTS } from '../../../src/recipe/datasets';

describe('datasetFacts', () => {
  it('knows the published counts of Fashion-MNIST', () => {
    const facts = datasetFacts({ dataset: 'fashion-mnist' });
    expect(facts).toMatchObject({ trainImages: 60_000, validationImages: 10_000, height: 28, width: 28 });
    expect(facts.classNames[0]).toBe('T-shirt/top');
    expect(facts.classNames[9]).toBe('Ankle boot');
  });

  it('gives the sample the same shape, classes and normalization as the full set', () => {
    const { name, trainImages, validationImages, ...sample } = datasetFacts({
      dataset: 'fashion-mnist-sample',
    });
    expect({ name, trainImages, validationImages }).toEqual({
      name: 'fashion-mnist-sample',
      trainImages: 12_000,
      validationImages: 2_000,
    });
    expect(datasetFacts({ dataset: 'fashion-mnist' })).toMatchObject(sample);
  });

  it('gives the synthetic set the requested facts, and defaults for the rest', () => {
    const facts = datasetFacts({
      dataset: 'synthetic',
      train_images: 7,
      channels: 3,
      classes: 2,
      height: undefined,
    });
    expect(facts).toMatchObject({
      trainImages: 7,
      validationImages: SYNTHETIC_DEFAULTS.validation_images,
      height: SYNTHETIC_DEFAULTS.height,
      channels: 3,
      classNames: ['class 0', 'class 1'],
    });
  });

  it.each(KNOWN_DATASETS)(
    'has a class name per class and a mean and deviation per channel for %s',
    (dataset) => {
      const facts = datasetFacts({ dataset });
      expect(facts.name).toBe(dataset);
      expect(facts.classNames).toHaveLength(facts.classes);
      expect(facts.mean).toHaveLength(facts.channels);
      expect(facts.std).toHaveLength(facts.channels);
    },
  );
});
