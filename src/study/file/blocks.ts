import { datasetRequest } from '../../experiment/dataPlan';
import { assertNever } from '../../shared/assertNever';
import { type Baseline, isCommandBaseline, type NetworkBaseline, type Study } from './study';

/** With more validation images than this, folds are not worth the trouble: seeds alone are as good. */
const FOLDS_BELOW = 5_000;

/**
 * Returns where an experiment's validation images come from: `own` if the data set has some, `split` if they are split
 * from the training images, `either` if that depends on files that have not been read here.
 */
export function validationOrigin({
  experiment,
}: Pick<NetworkBaseline, 'experiment'>): 'own' | 'split' | 'either' {
  const request = datasetRequest(experiment);
  switch (request.dataset) {
    case 'fashion-mnist':
    case 'fashion-mnist-sample':
    case 'synthetic':
      return 'own';
    case 'cifar10':
    case 'cifar100':
    case 'idx':
      return 'split';
    case 'csv':
      return request.split_column === undefined ? 'split' : 'either';
    case 'webdataset':
      return request.validation === undefined ? 'split' : 'own';
    case 'image_folder':
    case 'npz':
    case 'parquet':
      return 'either';
    default:
      return assertNever(request);
  }
}

/**
 * Returns a study's kind of blocks: as the file says, else folds if fewer than 5,000 validation images are split from
 * the training images. `isSplit` decides if only the data files tell. A command chooses its validation images itself.
 */
export function blocksOf({ blocks }: Study, baseline: Baseline, isSplit: boolean): 'folds' | 'seeds' {
  if (isCommandBaseline(baseline)) return 'seeds';
  if (blocks !== 'auto') return blocks;
  const origin = validationOrigin(baseline);
  const canFold = origin === 'split' || (origin === 'either' && isSplit);
  return canFold && baseline.recipe.data.dataset.validationImages < FOLDS_BELOW ? 'folds' : 'seeds';
}
