import * as l10n from '@vscode/l10n';
import type { SplitOptions } from '../../recipe/datasets';
import { UserError } from '../../shared/userError';
import type { ListedDataset } from '../listing';
import { SplitSides } from '../split';
import { labelProblems } from './labelProblems';
import { type PixelTable, takeImages } from './pixelTable';

/**
 * Builds a data set from images in memory. Without validation images, they are split from the training images by a hash
 * of their numbers.
 *
 * @param where the source of the images, for errors and problems
 */
export function pixelDataset(
  images: {
    readonly train: PixelTable;
    readonly validation: PixelTable | null;
    readonly test: PixelTable | null;
  },
  { classNames, split, where }: { classNames: readonly string[]; split: SplitOptions; where: string },
): ListedDataset {
  const { train, validation } = images.validation
    ? { train: images.train, validation: images.validation }
    : splitImages(images.train, split, where);
  return {
    classNames,
    train,
    validation,
    test: images.test,
    problems: labelProblems(classNames, train.labels, validation.labels, where),
  };
}

function splitImages(table: PixelTable, split: SplitOptions, where: string) {
  if (split.group_by !== undefined) {
    throw new UserError({
      what: l10n.t('data.split.group_by needs paths or columns, but these images only have numbers.'),
      remedy: l10n.t('Remove data.split.group_by, or store the images in files.'),
    });
  }
  const sides = new SplitSides(split);
  const isTaken = (index: number) => sides.isValidation(`#${index}`, table.labels[index] ?? 0, false);
  const { kept, taken } = takeImages(table, isTaken, where);
  return { train: kept, validation: taken };
}
