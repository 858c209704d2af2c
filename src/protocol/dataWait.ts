import * as l10n from '@vscode/l10n';
import type { OwnDatasetRequest } from '../recipe/datasets';
import type { DataRecipe } from '../recipe/recipe';
import { formatProgress } from '../shared/format';
import { DATA_WORKERS } from './dataVariables';
import type { RunEvent } from './events';

/** Waits below this fraction of an epoch's steps are not reported. */
const WORTH_SAYING = 0.1;

/** Room for a crop on top of the network's image size, the same as the default when images are resized once. */
const PRESIZE_MARGIN = 1.15;

/** The data sets that decode their images every time. */
const DECODED: readonly OwnDatasetRequest['dataset'][] = ['image_folder', 'csv', 'parquet', 'webdataset'];

type EpochEvent = Extract<RunEvent, { type: 'epoch' }>;

/** Reports an epoch whose trainer waited long for images, and what to change. Null if it did not. */
export function dataWaitText(
  { dataWaitShare = 0 }: Pick<EpochEvent, 'dataWaitShare'>,
  { images, source }: Pick<DataRecipe, 'images' | 'source'>,
): string | null {
  if (!images || dataWaitShare <= WORTH_SAYING) return null;
  const waited = l10n.t('The trainer waited for images {0} of the time.', formatProgress(dataWaitShare));
  const isDecoded = DECODED.some((name) => name === source.dataset);
  const workers = l10n.t('Use more data workers ({0}).', DATA_WORKERS);
  if (images.presize !== null || !isDecoded) return `${waited} ${workers}`;
  const presize = l10n.t(
    'Resize them once: {0}.',
    `data.presize: ${Math.round(PRESIZE_MARGIN * images.size)}`,
  );
  return `${waited} ${presize} ${workers}`;
}
