import type { OwnDatasetRequest } from '../recipe/datasets';
import type { SplitTable } from './table';

/** Something wrong with a data set, found while it was listed or its images looked at. */
export interface DataProblem {
  /** An error keeps the data set from being used. */
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
    /** Left out on purpose: files that are no images, folders that are no classes. */
    | 'ignored'
    /** Images that `group_by` says nothing of. */
    | 'ungrouped';
  /** How many images or classes it is about. */
  readonly count: number;
  /** A path, or a file and a row; the first few of them. */
  readonly where: readonly string[];
  readonly what: string;
  readonly remedy: string;
}

/** A data set's images, listed and not yet looked at. */
export interface ListedDataset {
  /** By label. */
  readonly classNames: readonly string[];
  readonly train: SplitTable;
  readonly validation: SplitTable;
  /** Never used to choose anything. */
  readonly test: SplitTable | null;
  readonly problems: readonly DataProblem[];
}

export interface ListingOptions {
  /** What relative paths start from: the experiment file's folder. */
  readonly folder: string;
  /** Where unpacked and downloaded data may be kept, of any person's projects. */
  readonly cacheFolder: string;
  readonly signal?: AbortSignal | undefined;
  /** Images found so far, or what is being downloaded or unpacked, with the share done. */
  readonly onProgress?: ((what: string, share: number | null) => void) | undefined;
}

/**
 * Lists a data set of one kind.
 *
 * @throws UserError when there is no such data set; the signal's reason when aborted
 */
export type Lister<Request extends OwnDatasetRequest = OwnDatasetRequest> = (
  request: Request,
  options: ListingOptions,
) => Promise<ListedDataset>;
