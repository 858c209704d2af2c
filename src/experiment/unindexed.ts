import { isDeepStrictEqual } from 'node:util';
import { isOwnDataset, type SourceFacts } from '../recipe/datasets';
import { effectiveBatchOf } from '../recipe/draft';
import { datasetRequest } from './dataPlan';
import { chosenTricks, plainDraft, resolve, withTricks } from './resolve';
import type { Experiment } from './schema';

/** Facts that differ as much as plausible from the placeholders for unindexed images. */
const OTHER = { stepsPerEpoch: 17, validationImages: 503, classes: 7, side: 128 } as const;

/**
 * Derives a value from an experiment with unindexed images; undefined if the value depends on the images, that is, if
 * other images give another value.
 */
function whateverTheImages<Value>(
  experiment: Experiment,
  read: (experiment: Experiment) => Value,
): Value | undefined {
  const value = read(experiment);
  return isDeepStrictEqual(value, read(withOtherImages(experiment))) ? value : undefined;
}

/** Whether an experiment could be trained after its images are indexed, as far as that is known without them. */
export function isSoundOtherwise(experiment: Experiment): boolean {
  return whateverTheImages(experiment, (each) => resolve(each).ok) === true;
}

/** Returns the experiment as if its images were indexed, with facts that differ from the placeholders. */
export function withOtherImages(experiment: Experiment): Experiment {
  const request = datasetRequest(experiment);
  if (!isOwnDataset(request)) return experiment;
  const draft = withTricks(plainDraft(experiment), chosenTricks(experiment));
  const classes = experiment.model.classes ?? OTHER.classes;
  const side = { min: OTHER.side, p05: OTHER.side, median: OTHER.side, p95: OTHER.side, max: OTHER.side };
  const facts: SourceFacts = {
    dataset: request.dataset,
    trainImages: OTHER.stepsPerEpoch * effectiveBatchOf(draft),
    validationImages: OTHER.validationImages,
    testImages: 0,
    classNames: Array.from({ length: classes }, (_, label) => `class ${label}`),
    trainCounts: [],
    channels: 1,
    height: side,
    width: side,
    shortEdge: side,
    mean: [0.5],
    std: [0.25],
    fingerprint: '',
  };
  return { ...experiment, facts };
}
