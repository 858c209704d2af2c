import { dirname } from 'node:path';
import { indexLookup } from '../../datasets/index/store';
import type { OwnDatasetRequest } from '../../recipe/datasets';
import { ensureAllowed, indexData } from '../dataAccess';
import type { Terminal } from '../terminal';

/**
 * Indexes the images of a study's folds that have no index yet. Reuses what another split's index knows about the
 * images.
 *
 * @throws as `indexData`
 */
export async function indexFolds(
  terminal: Terminal,
  root: string,
  experimentFile: string,
  requests: readonly OwnDatasetRequest[],
): Promise<void> {
  const place = { root, folder: dirname(experimentFile) };
  for (const request of requests) {
    if (indexLookup(root, request, place.folder)) continue;
    await ensureAllowed(terminal, request, place);
    await indexData(terminal, request, place);
  }
}
