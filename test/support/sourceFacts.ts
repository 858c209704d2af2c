import type { SourceFacts } from '../../src/recipe/datasets';

/** Returns the facts of cat and dog photos with the given changes. */
export function sourceFacts(changes: Partial<SourceFacts> = {}): SourceFacts {
  const photo = { min: 300, p05: 360, median: 420, p95: 500, max: 640 };
  return {
    dataset: 'image_folder',
    trainImages: 900,
    validationImages: 100,
    testImages: 0,
    classNames: ['cat', 'dog'],
    trainCounts: [600, 300],
    channels: 3,
    height: photo,
    width: photo,
    shortEdge: photo,
    mean: [0.48, 0.46, 0.41],
    std: [0.23, 0.22, 0.23],
    fingerprint: 'f00d',
    ...changes,
  };
}
