import { dirname, resolve } from 'node:path';
import * as l10n from '@vscode/l10n';
import { assertAllowed } from '../../datasets/consent';
import { openIndexed } from '../../datasets/index/openIndexed';
import { dataCacheFolder } from '../../datasets/requestPaths';
import type { NetworkManifest } from '../../protocol/manifest';
import type { TestResult } from '../../protocol/predictor';
import { FILES_OUTSIDE } from '../../protocol/trainer';
import { isOwnDataset } from '../../recipe/datasets';
import type { EngineName } from '../../recipe/engineNames';
import { UserError } from '../../shared/userError';
import { ImagePipeline } from '../data/pipeline/imagePipeline';
import { computeThreads, dataWorkersHere } from '../data/pipeline/resources';
import type { Predictor } from '../effects/effect';
import { evaluate } from '../loop/evaluation';

interface TestOptions {
  readonly engine: EngineName;
  readonly signal: AbortSignal;
  readonly onPreparing: (what: string, share: number | null) => void;
}

/**
 * Evaluates a run's network on its data set's test images, preprocessed like validation images.
 *
 * @throws UserError if the data set has no test images, or they are not the ones that the run was made for; the
 *   signal's reason if aborted
 */
export async function evaluateOnTest(
  network: Predictor,
  runFolder: string,
  { recipe, experiment }: NetworkManifest,
  { engine, signal, onPreparing }: TestOptions,
): Promise<TestResult> {
  const { source, images, dataset: facts, batchSize } = recipe.data;
  if (!isOwnDataset(source) || !images) throw noTestImages(facts.name);
  // The run is in ROOT/.bag-of-tricks/runs.
  const root = resolve(runFolder, '..', '..', '..');
  const folder = resolve(root, dirname(experiment.file));
  if (!process.env[FILES_OUTSIDE]) await assertAllowed(source, { root, folder });
  onPreparing(l10n.t('Opening the data set {0}', source.dataset), null);
  const { fingerprint } = facts;
  const { onBadImage } = images;
  const { dataset } = await openIndexed(root, source, folder, {
    ...{ onBadImage, cacheFolder: dataCacheFolder(), fingerprint, signal },
  });
  const { train, validation, test } = dataset;
  if (!test || test.labels.length === 0) throw noTestImages(facts.name);
  const pipeline = await ImagePipeline.open({
    ...{ tables: { train, validation, test }, facts, images, batchSize },
    ...{ steps: [], seed: recipe.seed, cacheBytes: 0, store: null },
    workers: dataWorkersHere(computeThreads(engine, 1)),
    onNote: (text) => onPreparing(text, null),
  });
  try {
    const split = { facts, validation: pipeline.split('test') };
    const { predictions, classes: _, ...metrics } = await evaluate(network, split, batchSize, signal);
    const correct = predictions.ranks.reduce((sum, rank) => sum + (rank === 0 ? 1 : 0), 0);
    return { ...metrics, correct };
  } finally {
    await pipeline.close();
  }
}

/** Returns the error for a data set without test images. */
export function noTestImages(name: string): UserError {
  return new UserError({
    what: l10n.t('The data set {0} has no test images.', name),
    remedy: l10n.t(
      'Set some images aside that training never sees: in a folder test next to train and val, or in table rows marked test. Then index the data again and train.',
    ),
  });
}
