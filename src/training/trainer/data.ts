import { dirname, resolve } from 'node:path';
import * as l10n from '@vscode/l10n';
import { assertAllowed } from '../../datasets/consent';
import { openIndexed } from '../../datasets/index/openIndexed';
import { indexesFolder } from '../../datasets/index/store';
import { dataCacheFolder } from '../../datasets/requestPaths';
import { FILES_OUTSIDE } from '../../protocol/trainer';
import { isOwnDataset, type KnownDatasetRequest, type OwnDatasetRequest } from '../../recipe/datasets';
import type { EngineName } from '../../recipe/engineNames';
import type { ImagesRecipe } from '../../recipe/recipe';
import type { RunRecord } from '../../runs/trainer/runRecord';
import type { ImageDataset, MemoryDataset } from '../data/dataset';
import type { DownloadProgress } from '../data/download';
import { openDataset } from '../data/open';
import { ImagePipeline, type PipelineOptions } from '../data/pipeline/imagePipeline';
import { pixelsTable } from '../data/pipeline/pixelsTable';
import { presizeKey } from '../data/pipeline/presizeStore';
import { cacheBytesHere, computeThreads, dataWorkersHere } from '../data/pipeline/resources';
import type { NetworkRecord } from './networkRecord';

export interface OpenedData {
  readonly dataset: ImageDataset;
  /** Stops the workers that prepare its images. */
  close(): Promise<void>;
}

interface OpenOptions {
  readonly engine: EngineName;
  /** Number of threads that the engine computes on. */
  readonly threads: number;
  readonly signal: AbortSignal;
}

/**
 * Opens a run's data set, and reports its progress in the run's log.
 *
 * @throws UserError; the signal's reason if aborted
 */
export async function openData(record: NetworkRecord, options: OpenOptions): Promise<OpenedData> {
  const { recipe } = record.manifest;
  const { source, images } = recipe.data;
  await report(record, l10n.t('Opening the data set {0}', source.dataset), null);
  if (images === null || !isOwnDataset(source)) {
    if (isOwnDataset(source)) throw new Error(`${source.dataset} has images of any size`);
    const dataset = await openKnown(source, record, options.signal);
    if (images === null) return { dataset, close: async () => {} };
    const tables = {
      train: pixelsTable(dataset.train, dataset.facts),
      validation: pixelsTable(dataset.validation, dataset.facts),
    };
    return openPipeline(record, images, tables, null, options);
  }
  const { tables, store } = await openOwn(source, record, images, options.signal);
  return openPipeline(record, images, tables, store, options);
}

async function openKnown(
  source: KnownDatasetRequest,
  record: RunRecord,
  signal: AbortSignal,
): Promise<MemoryDataset> {
  let lastReport = '';
  let reporting = Promise.resolve();
  const dataset = await openDataset(source, {
    cacheFolder: process.env.BAG_OF_TRICKS_CACHE,
    signal,
    onProgress: ({ file, receivedBytes, totalBytes }: DownloadProgress) => {
      const share = totalBytes === null ? null : Math.floor((100 * receivedBytes) / totalBytes) / 100;
      const what = l10n.t('Downloading {0}', file);
      if (lastReport === `${what} ${share}`) return;
      lastReport = `${what} ${share}`;
      reporting = reporting.then(() => report(record, what, share));
    },
  });
  await reporting;
  return dataset;
}

/** Opens the images of an index, after verifying that the run may read them and that they match the recipe. */
async function openOwn(
  source: OwnDatasetRequest,
  { folder: runFolder, manifest }: NetworkRecord,
  { onBadImage, presize, interpolation }: ImagesRecipe,
  signal: AbortSignal,
): Promise<Pick<PipelineOptions, 'tables' | 'store'>> {
  // The run is in ROOT/.bag-of-tricks/runs.
  const root = resolve(runFolder, '..', '..', '..');
  const folder = resolve(root, dirname(manifest.experiment.file));
  if (!process.env[FILES_OUTSIDE]) await assertAllowed(source, { root, folder });
  const { fingerprint, channels } = manifest.recipe.data.dataset;
  const cacheFolder = dataCacheFolder();
  const { index, dataset } = await openIndexed(root, source, folder, {
    ...{ onBadImage, cacheFolder, fingerprint, signal },
  });
  const { train, validation } = dataset;
  const isStored = presize !== null && train.kind !== 'pixels';
  return {
    tables: { train, validation },
    store: isStored
      ? {
          folder: indexesFolder(root),
          key: presizeKey(index.facts.fingerprint, [train, validation], { presize, interpolation, channels }),
        }
      : null,
  };
}

async function openPipeline(
  record: NetworkRecord,
  images: ImagesRecipe,
  tables: PipelineOptions['tables'],
  store: PipelineOptions['store'],
  { engine, threads }: OpenOptions,
): Promise<OpenedData> {
  const { data, seed } = record.manifest.recipe;
  const { augment, batchSize, dataset: facts } = data;
  if (typeof augment === 'string')
    throw new Error('Images that are brought to one size are augmented by steps');
  const pipeline = await ImagePipeline.open({
    ...{ tables, facts, images, steps: augment, seed, batchSize, store },
    workers: dataWorkersHere(computeThreads(engine, threads)),
    cacheBytes: cacheBytesHere(),
    onNote: (text) => {
      console.error(text);
      // An error that keeps a note out of the log will do the same to the next step's event, and end the run.
      report(record, text, null).catch(() => {});
    },
  });
  const dataset = { facts, train: pipeline.split('train'), validation: pipeline.split('validation') };
  return { dataset, close: () => pipeline.close() };
}

function report(record: RunRecord, what: string, share: number | null): Promise<void> {
  return record.record({ type: 'preparing', time: Date.now(), what, share });
}
