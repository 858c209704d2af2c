import * as l10n from '@vscode/l10n';
import { compareCodePoints } from '../codePoints';
import { datasetError } from '../errors';
import { type ClassNameFile, namesForLabels } from './classNames';

/** The labels of a data set as they are written, each kept once: what they mean is known when all have been seen. */
export class LabelTexts {
  readonly #numbers = new Map<string, number>();
  readonly #inTraining = new Set<number>();

  /** Those of an earlier time, by number, with the numbers of those that training images have. */
  static restored(texts: readonly string[], inTraining: readonly number[]): LabelTexts {
    const restored = new LabelTexts();
    for (const text of texts) restored.other(text);
    for (const number of inTraining) restored.#inTraining.add(number);
    return restored;
  }

  /** The number of a training image's label; the same text has the same. */
  ofTraining(text: string): number {
    const number = this.other(text);
    this.#inTraining.add(number);
    return number;
  }

  /** The number of a validation or test image's label. */
  other(text: string): number {
    const found = this.#numbers.get(text);
    if (found !== undefined) return found;
    this.#numbers.set(text, this.#numbers.size);
    return this.#numbers.size - 1;
  }

  /** All texts, by number. */
  get texts(): string[] {
    return [...this.#numbers.keys()];
  }

  isInTraining(number: number): boolean {
    return this.#inTraining.has(number);
  }
}

/** What labels turned out to be. */
export interface LabelNumbers {
  readonly classNames: readonly string[];
  /** The class of a text, by the number that `LabelTexts` has for it. */
  readonly labelOf: (number: number) => number;
}

/** Class names that an error names. */
const NAMED = 10;

/**
 * Labels as classes. Where all are whole numbers, they are the classes' numbers, named by a file or their digits. Others
 * are class names, in the file's order or else in that of code points.
 *
 * @param where what the labels are read from, for errors
 * @throws UserError when a number is no class's, or a class name is not in the file, or without one not in the training images
 */
export function numberLabels(labels: LabelTexts, file: ClassNameFile | null, where: string): LabelNumbers {
  const { texts } = labels;
  if (texts.every((text) => /^-?\d{1,9}$/.test(text))) {
    const negative = texts.find((text) => text.startsWith('-'));
    if (negative) {
      throw datasetError(
        where,
        l10n.t('{0} is no class number: they count from 0.', negative),
        l10n.t('Number the classes from 0, without gaps.'),
      );
    }
    const numbers = Uint32Array.from(texts, Number);
    return { classNames: namesForLabels([numbers], file, where), labelOf: (number) => numbers[number]! };
  }
  const classNames =
    file?.names ?? texts.filter((_, number) => labels.isInTraining(number)).sort(compareCodePoints);
  const byName = new Map(classNames.map((name, label) => [name, label]));
  const unknown = texts.filter((text) => !byName.has(text));
  if (unknown.length > 0) {
    throw datasetError(
      where,
      file
        ? l10n.t('Labels that {0} does not name: {1}.', file.path, listOf(unknown))
        : l10n.t('Classes without training images: {0}.', listOf(unknown)),
      file
        ? l10n.t('Correct the labels or the file.')
        : l10n.t('Add training images of them, or take them out of the other splits.'),
    );
  }
  const numbers = Uint32Array.from(texts, (text) => byName.get(text)!);
  return { classNames, labelOf: (number) => numbers[number]! };
}

function listOf(names: readonly string[]): string {
  return names.length > NAMED ? `${names.slice(0, NAMED).join(', ')}, ...` : names.join(', ');
}
