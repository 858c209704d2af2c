import type { OwnDatasetRequest } from '../../recipe/datasets';
import type { ListedDataset } from '../listing';
import type { DatasetIndex } from './datasetIndex';

export interface OpenOptions {
  /** Whether unreadable images are an error or left out. */
  readonly onBadImage: 'fail' | 'skip';
  /** Where unpacked and downloaded data may be kept. */
  readonly cacheFolder: string;
  /** The fingerprint of the images that a recipe was made for. */
  readonly fingerprint?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Opens an indexed data set: its tables as they were indexed, after a check that no image has changed since then. They
 * hold readable images alone, so that their counts are those of the index's facts.
 *
 * @param root the folder that has .bag-of-tricks
 * @param folder what relative paths start from
 * @throws UserError when there is no index, the images changed since, some cannot be read and `onBadImage` is 'fail',
 *   or the index's fingerprint is not `fingerprint`; the signal's reason when aborted
 */
export async function openIndexed(
  _root: string,
  _request: OwnDatasetRequest,
  _folder: string,
  _options: OpenOptions,
): Promise<{ readonly index: DatasetIndex; readonly dataset: ListedDataset }> {
  throw new Error('not yet');
}
