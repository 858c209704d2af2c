import * as l10n from '@vscode/l10n';
import type { OwnDatasetRequest, SourceFacts } from '../../recipe/datasets';
import { formatCount } from '../../shared/format';
import type { DataProblem } from '../listing';
import { exactCopies, nearCopies } from './copies';
import type { Copies, DataReport } from './datasetIndex';
import { countsOf, factsOf } from './facts';
import type { BadImage } from './looker';
import { placeOf, SEEN, type SeenSplit } from './tables';

/** The maximum number of unreadable images to list. */
const NAMED_IMAGES = 100;
/** The maximum number of places that a problem names. */
const NAMED_PLACES = 10;

/** Reports the findings about a data set's images from a scan of each. */
export function describe(
  dataset: OwnDatasetRequest['dataset'],
  classNames: readonly string[],
  splits: readonly SeenSplit[],
  { bad, problems }: { readonly bad: readonly BadImage[]; readonly problems: readonly DataProblem[] },
): { readonly facts: SourceFacts; readonly report: DataReport } {
  const facts = factsOf(dataset, classNames, splits);
  const { isAcross, ...copies } = exactCopies(splits);
  const unreadable = {
    count: bad.length,
    images: bad.slice(0, NAMED_IMAGES).map(({ split, image, reason }) => ({
      name: placeOf(splits[split]!, image),
      reason,
    })),
  };
  const found = {
    validationCounts: countsOf(splits, 'validation', classNames.length),
    testCounts: countsOf(splits, 'test', classNames.length),
    bytes: splits.reduce((sum, split) => sum + bytesOf(split), 0),
    decoded: splits.reduce((sum, { looks }) => sum + decodedOf(looks.flags), 0),
    imbalance: imbalanceOf(facts.trainCounts),
    unreadable,
    ...copies,
    nearCopiesAcross: nearCopies(splits, isAcross),
  };
  return { facts, report: { ...found, problems: [...problems, ...problemsOf(found)] } };
}

/** Returns the stored size of a split in bytes: of files, parts of files, or pixels. */
function bytesOf({ table, looks }: SeenSplit): number {
  switch (table.kind) {
    case 'files':
      return looks.size.reduce((sum, size) => sum + size, 0);
    case 'ranges':
      return table.length.reduce((sum, length) => sum + length, 0);
    case 'pixels':
      return table.labels.length * table.height * table.width * table.channels;
  }
}

function decodedOf(flags: Uint8Array): number {
  return flags.reduce((count, each) => count + ((each & SEEN.decoded) === 0 ? 0 : 1), 0);
}

/** Divides the size of the largest class by that of the smallest nonempty one; 1 if there are no images. */
function imbalanceOf(counts: readonly number[]): number {
  const [smallest, largest] = counts.reduce(
    ([least, most], count) => [count > 0 ? Math.min(least, count) : least, Math.max(most, count)],
    [Number.POSITIVE_INFINITY, 0],
  );
  return largest === 0 ? 1 : largest / smallest;
}

function problemsOf(found: Omit<DataReport, 'problems'>): DataProblem[] {
  const { unreadable, copiesWithin, copiesAcross, copiesMislabelled, nearCopiesAcross } = found;
  const problems: (DataProblem | null)[] = [
    unreadable.count === 0
      ? null
      : {
          severity: 'warning',
          kind: 'unreadable',
          count: unreadable.count,
          where: unreadable.images.slice(0, NAMED_PLACES).map(({ name, reason }) => `${name}: ${reason}`),
          what:
            unreadable.count === 1
              ? l10n.t('One image cannot be read.')
              : l10n.t('{0} images cannot be read.', formatCount(unreadable.count)),
          remedy: l10n.t('Replace or delete them, or skip them with {0}.', 'data.on_bad_image: skip'),
        },
    copyProblem(
      copiesAcross,
      'leak',
      copiesAcross.count === 1
        ? l10n.t('One validation or test image is a copy of an image in another split.')
        : l10n.t(
            '{0} validation or test images are copies of images in another split, so accuracy is too high.',
            formatCount(copiesAcross.count),
          ),
      l10n.t('Delete them from one of the splits, or keep copies together with {0}.', 'data.split.group_by'),
    ),
    copyProblem(
      nearCopiesAcross,
      'leak',
      nearCopiesAcross.count === 1
        ? l10n.t('One validation or test image looks like an image in another split.')
        : l10n.t(
            '{0} validation or test images look like images in another split, so accuracy may be too high.',
            formatCount(nearCopiesAcross.count),
          ),
      l10n.t(
        'Compare them. If they come from one burst, patient or session, keep them together with {0}.',
        'data.split.group_by',
      ),
    ),
    copyProblem(
      copiesMislabelled,
      'duplicate',
      copiesMislabelled.count === 1
        ? l10n.t('One image is a copy of an image in another class.')
        : l10n.t('{0} images are copies of images in another class.', formatCount(copiesMislabelled.count)),
      l10n.t('Delete those in the wrong class.'),
    ),
    copyProblem(
      copiesWithin,
      'duplicate',
      copiesWithin.count === 1
        ? l10n.t('One image is a copy of another in the same split.')
        : l10n.t('{0} images are copies of others in the same split.', formatCount(copiesWithin.count)),
      l10n.t('Delete them, unless they should count more than once.'),
    ),
  ];
  return problems.filter((problem) => problem !== null);
}

function copyProblem(
  { count, pairs }: Copies,
  kind: DataProblem['kind'],
  what: string,
  remedy: string,
): DataProblem | null {
  if (count === 0) return null;
  const where = pairs.slice(0, NAMED_PLACES).map(([original, copy]) => `${copy} = ${original}`);
  return { severity: 'warning', kind, count, where, what, remedy };
}
