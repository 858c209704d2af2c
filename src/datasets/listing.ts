import type { OwnDatasetRequest } from '../recipe/datasets';
import type { SplitTable } from './table';

/** A problem with a data set, found while listing it or scanning its images. */
export interface DataProblem {
  /** A data set with an error cannot be used. */
  readonly severity: 'error' | 'warning';
  readonly kind:
    | 'unreadable'
    | 'unsupported'
    | 'no_permission'
    | 'empty_class'
    | 'unknown_class'
    | 'no_validation_image'
    | 'single_class'
    | 'link'
    | 'bad_row'
    | 'duplicate'
    | 'leak'
    /** Skipped on purpose: files that are not images, folders that are not classes. */
    | 'ignored'
    /** Images without a `group_by` group. */
    | 'ungrouped';
  /** The number of images or classes affected. */
  readonly count: number;
  /** Paths, or files with rows. Only the first few. */
  readonly where: readonly string[];
  readonly what: string;
  readonly remedy: string;
}

/** A data set's images, listed but not yet scanned. */
export interface ListedDataset {
  /** Ordered by label. */
  readonly classNames: readonly string[];
  readonly train: SplitTable;
  readonly validation: SplitTable;
  /** Never used to select a model or a setting. */
  readonly test: SplitTable | null;
  readonly problems: readonly DataProblem[];
}

export interface ListingOptions {
  /** The base of relative paths: the experiment file's folder. */
  readonly folder: string;
  /** The folder for unpacked and downloaded data, shared by all projects of the user. */
  readonly cacheFolder: string;
  readonly signal?: AbortSignal | undefined;
  /** Reports the images found so far, or the current download or unpacking, with the fraction done. */
  readonly onProgress?: ((what: string, share: number | null) => void) | undefined;
}

/**
 * Lists a data set of one kind.
 *
 * @throws UserError if the data set does not exist; the signal's reason if aborted
 */
export type Lister<Request extends OwnDatasetRequest = OwnDatasetRequest> = (
  request: Request,
  options: ListingOptions,
) => Promise<ListedDataset>;
