import type { SplitOptions } from '../../recipe/datasets';
import { classProblems } from '../classProblems';
import type { ListedDataset } from '../listing';
import { heldOutByNumber } from './heldOut';
import { type PixelTable, takeImages } from './pixelTable';

/**
 * A data set whose images are in memory. Where it has no validation images, they are split from the training images by
 * a hash of their numbers.
 *
 * @param where what the images are read from, for errors and problems
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
    problems: classProblems(classNames, train.labels, validation.labels, where),
  };
}

function splitImages(table: PixelTable, split: SplitOptions, where: string) {
  const { kept, taken } = takeImages(table, heldOutByNumber(split), where);
  return { train: kept, validation: taken };
}
