import { type DatasetRequest, datasetFacts, isOwnDataset, syntheticOptions } from '../../recipe/datasets';
import { assertNever } from '../../shared/assertNever';
import type { MemoryDataset } from './dataset';
import { type FashionMnistOptions, openFashionMnist } from './fashionMnist';
import { openSample, packageRoot } from './sample';
import { openSynthetic } from './synthetic';

/**
 * Opens the data set that an experiment requests. The real ones are verified and kept in memory (the full set 55 MB,
 * its sample 11 MB). The synthetic one is generated on demand.
 *
 * @throws UserError; the signal's reason if aborted
 */
export async function openDataset(
  request: DatasetRequest,
  options: FashionMnistOptions = {},
): Promise<MemoryDataset> {
  if (isOwnDataset(request)) throw new Error(`${request.dataset} has no images in memory`);
  const facts = datasetFacts(request);
  switch (request.dataset) {
    case 'fashion-mnist':
      return openFashionMnist(facts, options);
    case 'fashion-mnist-sample':
      return openSample(packageRoot(), facts, options.signal);
    case 'synthetic':
      return openSynthetic(syntheticOptions(request), facts);
    default:
      return assertNever(request);
  }
}
