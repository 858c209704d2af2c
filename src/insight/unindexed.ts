import { isDeepStrictEqual } from 'node:util';
import { datasetRequest } from '../experiment/dataPlan';
import { chosenTricks, plainDraft, resolve, withTricks } from '../experiment/resolve';
import type { Experiment } from '../experiment/schema';
import { isOwnDataset, type SourceFacts } from '../recipe/datasets';
import { effectiveBatchOf } from '../recipe/draft';

/** What is as far from the stand-ins for an experiment without facts as it may well be. */
const OTHER = { stepsPerEpoch: 17, validationImages: 503, classes: 7, side: 128 } as const;

/**
 * What follows from an experiment whose images nobody has looked at: undefined where it depends on the images, since
 * it comes out otherwise for others.
 */
export function whateverTheImages<Value>(
  experiment: Experiment,
  read: (experiment: Experiment) => Value,
): Value | undefined {
  const value = read(experiment);
  return isDeepStrictEqual(value, read(withOtherImages(experiment))) ? value : undefined;
}

/** Whether an experiment could be trained if its images were only indexed, as far as can be told without them. */
export function isSoundOtherwise(experiment: Experiment): boolean {
  return whateverTheImages(experiment, (each) => resolve(each).ok) === true;
}

/** The experiment as if its images were indexed, and others than those that stand in for unknown ones. */
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
