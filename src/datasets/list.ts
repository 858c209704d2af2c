import * as l10n from '@vscode/l10n';
import type { OwnDatasetRequest } from '../recipe/datasets';
import { assertNever } from '../shared/assertNever';
import { UserError } from '../shared/userError';
import type { ListedDataset, ListingOptions } from './listing';
import { listCsv } from './sources/csv';
import { listImageFolder } from './sources/imageFolder';

/**
 * Lists the images of a person's data set, with their labels and splits; their pixels are not looked at.
 *
 * @throws UserError when there is no such data set; the signal's reason when aborted
 */
export function listDataset(request: OwnDatasetRequest, options: ListingOptions): Promise<ListedDataset> {
  switch (request.dataset) {
    case 'image_folder':
      return listImageFolder(request, options);
    case 'csv':
      return listCsv(request, options);
    case 'cifar10':
    case 'cifar100':
    case 'idx':
    case 'npz':
    case 'parquet':
    case 'webdataset':
      return Promise.reject(
        new UserError({
          what: l10n.t('Data sets of kind {0} cannot be read yet.', request.dataset),
          remedy: l10n.t('Bring the images into a folder for each class, as image_folder.'),
        }),
      );
    default:
      return assertNever(request);
  }
}
