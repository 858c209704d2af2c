import * as l10n from '@vscode/l10n';
import type { OwnDatasetRequest } from '../recipe/datasets';
import type { DataRecipe } from '../recipe/recipe';
import { formatProgress } from '../shared/format';
import { DATA_WORKERS } from './dataVariables';
import type { RunEvent } from './events';

/** Waits that are shorter than this share of an epoch's steps are not worth a word. */
const WORTH_SAYING = 0.1;

/** Room for a crop beside the network's size, as where images are resized once by default. */
const PRESIZE_MARGIN = 1.15;

/** The data sets whose images are decoded each time. */
const DECODED: readonly OwnDatasetRequest['dataset'][] = ['image_folder', 'csv', 'parquet', 'webdataset'];

type EpochEvent = Extract<RunEvent, { type: 'epoch' }>;

/** What to tell of an epoch whose trainer waited long for images, and what to change; null where it did not. */
export function dataWaitText(
  { dataWaitShare = 0 }: Pick<EpochEvent, 'dataWaitShare'>,
  { images, source }: Pick<DataRecipe, 'images' | 'source'>,
): string | null {
  if (!images || dataWaitShare <= WORTH_SAYING) return null;
  const waited = l10n.t('The trainer waited for images {0} of the time.', formatProgress(dataWaitShare));
  const isDecoded = DECODED.some((name) => name === source.dataset);
  const workers = l10n.t('Let more threads prepare them ({0}).', DATA_WORKERS);
  if (images.presize !== null || !isDecoded) return `${waited} ${workers}`;
  const presize = l10n.t(
    'Resize them once: {0}.',
    `data.presize: ${Math.round(PRESIZE_MARGIN * images.size)}`,
  );
  return `${waited} ${presize} ${workers}`;
}
