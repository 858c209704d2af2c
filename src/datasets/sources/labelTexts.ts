import * as l10n from '@vscode/l10n';
import { compareCodePoints } from '../codePoints';
import { datasetError } from '../errors';
import { type ClassNameFile, namesForLabels } from './classNames';

/** The distinct label texts of a data set. Their meaning is known only after all have been seen. */
export class LabelTexts {
  readonly #numbers = new Map<string, number>();
  readonly #inTraining = new Set<number>();

  /** Restores saved label texts, by number. `inTraining` has the numbers of those that training images use. */
  static restored(texts: readonly string[], inTraining: readonly number[]): LabelTexts {
    const restored = new LabelTexts();
    for (const text of texts) restored.other(text);
    for (const number of inTraining) restored.#inTraining.add(number);
    return restored;
  }

  /** Returns the number of a training image's label. Equal texts share a number. */
  ofTraining(text: string): number {
    const number = this.other(text);
    this.#inTraining.add(number);
    return number;
  }

  /** Returns the number of a validation or test image's label. */
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

/** The resolved labels. */
export interface LabelNumbers {
  readonly classNames: readonly string[];
  /** Maps a text's number in `LabelTexts` to its class. */
  readonly labelOf: (number: number) => number;
}

/** The maximum number of class names that an error names. */
const NAMED = 10;

/**
 * Resolves label texts to classes. If all are integers, they are class numbers, with names from a file or else their
 * digits. Otherwise, they are class names, in the file's order or else sorted by code point.
 *
 * @param where the source of the labels, for errors
 * @throws UserError if a number is not a class number, or a class name is missing from the file or, without a file,
 *   from the training images
 */
export function numberLabels(labels: LabelTexts, file: ClassNameFile | null, where: string): LabelNumbers {
  const { texts } = labels;
  if (texts.every((text) => /^-?\d{1,9}$/.test(text))) {
    const negative = texts.find((text) => text.startsWith('-'));
    if (negative) {
      throw datasetError(
        where,
        l10n.t('{0} is not a valid class number: class numbers start at 0.', negative),
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
        ? l10n.t('Labels without a name in {0}: {1}.', file.path, listOf(unknown))
        : l10n.t('Classes without training images: {0}.', listOf(unknown)),
      file
        ? l10n.t('Fix the labels or the file.')
        : l10n.t('Add training images for them, or remove them from the other splits.'),
    );
  }
  const numbers = Uint32Array.from(texts, (text) => byName.get(text)!);
  return { classNames, labelOf: (number) => numbers[number]! };
}

function listOf(names: readonly string[]): string {
  return names.length > NAMED ? `${names.slice(0, NAMED).join(', ')}, ...` : names.join(', ');
}
