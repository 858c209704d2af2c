import type { OwnDatasetRequest } from '../recipe/datasets';
import { assertNever } from '../shared/assertNever';
import type { ListedDataset, ListingOptions } from './listing';
import { listCifar } from './sources/cifar';
import { listCsv } from './sources/csv';
import { listIdx } from './sources/idx';
import { listImageFolder } from './sources/imageFolder';
import { listNpz } from './sources/npz';
import { listParquet } from './sources/parquet';
import { listWebdataset } from './sources/webdataset';

/**
 * Lists the images of the user's data set, with labels and splits, without reading pixels.
 *
 * @throws UserError if the data set does not exist; the signal's reason if aborted
 */
export function listDataset(request: OwnDatasetRequest, options: ListingOptions): Promise<ListedDataset> {
  switch (request.dataset) {
    case 'image_folder':
      return listImageFolder(request, options);
    case 'csv':
      return listCsv(request, options);
    case 'cifar10':
    case 'cifar100':
      return listCifar(request, options);
    case 'idx':
      return listIdx(request, options);
    case 'npz':
      return listNpz(request, options);
    case 'parquet':
      return listParquet(request, options);
    case 'webdataset':
      return listWebdataset(request, options);
    default:
      return assertNever(request);
  }
}
