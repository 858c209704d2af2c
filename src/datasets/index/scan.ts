import type { OwnDatasetRequest } from '../../recipe/datasets';
import type { DatasetIndex } from './datasetIndex';

export interface ScanOptions {
  /** The folder that has .bag-of-tricks, where the index goes. */
  readonly root: string;
  /** What relative paths start from: the experiment file's folder. */
  readonly folder: string;
  /** Where unpacked and downloaded data may be kept. */
  readonly cacheFolder: string;
  readonly signal?: AbortSignal | undefined;
  /** What is being done, with the share done where it is known. */
  readonly onProgress?: ((what: string, share: number | null) => void) | undefined;
  /** Threads that look at images; 0 does without, in the caller's own. By default as many as the machine has cores. */
  readonly workers?: number | undefined;
}

/**
 * Lists a data set, looks at each of its images, and keeps what it found as the data set's index. Of images that an
 * earlier index knows and that have not changed, only the time of change and the size are read.
 *
 * @throws UserError when there is no such data set, or the index cannot be written, after which an earlier one
 *   stands; the signal's reason when aborted
 */
export async function indexDataset(
  _request: OwnDatasetRequest,
  _options: ScanOptions,
): Promise<DatasetIndex> {
  throw new Error('not yet');
}
