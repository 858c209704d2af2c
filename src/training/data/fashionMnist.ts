import { join } from 'node:path';
import * as l10n from '@vscode/l10n';
import envPaths from 'env-paths';
import { DATA_FOLDER_VARIABLE } from '../../datasets/dataFolder';
import type { DatasetFacts } from '../../recipe/datasets';
import type { MemoryDataset } from './dataset';
import { type DownloadProgress, downloadIdxFile } from './download';
import { datasetError } from './errors';
import { findIdxFile, IDX_FILE_NAMES, type IdxFiles, openIdxFolder } from './idxFolder';

/**
 * The content of the published files, without gzip. The .gz files with this content were verified against the MD5 sums
 * in the authors' README: 8d4fb7e6c68d591d4c3dfef9ec88bf0d, 25c81989df183df01b3e8a0aad5dffbe,
 * bef4ecab320f06d8554ea6380940ec79 and bb300cfdad3c16e7a12a480ee83cd310. Debian's files differ only in the gzip header.
 */
export const FASHION_MNIST_FILES: IdxFiles = {
  'train-images-idx3-ubyte': {
    bytes: 47_040_016,
    sha256: 'c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888',
  },
  'train-labels-idx1-ubyte': {
    bytes: 60_008,
    sha256: 'bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9',
  },
  't10k-images-idx3-ubyte': {
    bytes: 7_840_016,
    sha256: '5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b',
  },
  't10k-labels-idx1-ubyte': {
    bytes: 10_008,
    sha256: '0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34',
  },
};

/** The folder of the Debian package dataset-fashion-mnist. */
const SYSTEM_FOLDER = '/usr/share/datasets/fashion-mnist';
const MIRRORS = [
  'http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/',
  'https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/',
];
const IDLE_TIMEOUT_MS = 30_000;

export interface FashionMnistOptions {
  /** A folder with the four files, or with a folder `fashion-mnist` that has them. Defaults to `BAG_OF_TRICKS_DATA`. */
  readonly dataFolder?: string;
  /** The folder for downloads, which go into its subfolder `fashion-mnist`. Defaults to the user's cache. */
  readonly cacheFolder?: string;
  /** The system's folder for the files, used if it has all four. */
  readonly systemFolder?: string;
  /** Base URLs to download from, each ending in a slash, tried in order. */
  readonly mirrors?: readonly string[];
  /** Gives up on a server that is silent for this long. */
  readonly idleTimeoutMs?: number;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: DownloadProgress) => void;
}

/**
 * Opens the full Fashion-MNIST. Uses the configured folder if there is one, else the system's, else the cache after
 * downloading its missing files. A configured folder without the files is an error, not a reason to download.
 *
 * @throws UserError; the signal's reason if aborted
 */
export async function openFashionMnist(
  facts: DatasetFacts,
  options: FashionMnistOptions,
): Promise<MemoryDataset> {
  const { signal, systemFolder = SYSTEM_FOLDER } = options;
  const replace = l10n.t(
    'Replace it with the published file (https://github.com/zalandoresearch/fashion-mnist), or use the data set fashion-mnist-sample.',
  );
  const configured = options.dataFolder || process.env[DATA_FOLDER_VARIABLE];
  if (configured) {
    return openIdxFolder(await folderWithin(configured), FASHION_MNIST_FILES, facts, replace, signal);
  }
  if ((await missingFrom(systemFolder)).length === 0) {
    return openIdxFolder(systemFolder, FASHION_MNIST_FILES, facts, replace, signal);
  }
  const cache = join(options.cacheFolder || envPaths('bag-of-tricks', { suffix: '' }).cache, 'fashion-mnist');
  await downloadMissing(cache, options);
  const again = l10n.t('Delete it, then run again to download a new copy.');
  return openIdxFolder(cache, FASHION_MNIST_FILES, facts, again, signal);
}

/** Returns the configured folder or its subfolder `fashion-mnist`, whichever has any of the files. */
async function folderWithin(configured: string): Promise<string> {
  for (const folder of [configured, join(configured, 'fashion-mnist')]) {
    if ((await missingFrom(folder)).length < IDX_FILE_NAMES.length) return folder;
  }
  throw datasetError(
    configured,
    l10n.t('The folder has none of the Fashion-MNIST files, such as {0}.', `${IDX_FILE_NAMES[0]}.gz`),
    l10n.t(
      'Put the four files there, or set no data folder (and unset {0}) to have them downloaded.',
      DATA_FOLDER_VARIABLE,
    ),
  );
}

async function missingFrom(folder: string) {
  const found = await Promise.all(IDX_FILE_NAMES.map((name) => findIdxFile(folder, name)));
  return IDX_FILE_NAMES.filter((_, position) => found[position] === null);
}

async function downloadMissing(
  cache: string,
  { mirrors = MIRRORS, idleTimeoutMs = IDLE_TIMEOUT_MS, signal, onProgress }: FashionMnistOptions,
): Promise<void> {
  const remedy = l10n.t(
    'Check the network and the free disk space, or put the four Fashion-MNIST files in a folder and set {0} to it.',
    DATA_FOLDER_VARIABLE,
  );
  for (const name of await missingFrom(cache)) {
    await downloadIdxFile(name, FASHION_MNIST_FILES[name], cache, {
      mirrors,
      idleTimeoutMs,
      remedy,
      signal,
      onProgress,
    });
  }
}
