/** Puts the images of a data set into its splits as they are found, and says what is wrong with what comes of it. */

import * as l10n from '@vscode/l10n';
import type { SplitOptions } from '../recipe/datasets';
import { LabelsBuilder, NameTableBuilder } from './growing';
import type { DataProblem, ListedDataset } from './listing';
import { Places } from './problems';
import { SplitSides } from './split';
import type { SplitTable } from './table';

export type SplitName = 'train' | 'validation' | 'test';

/** Gathers images that are files below one folder. */
export class SplitsBuilder {
  private readonly splits = { train: filesBuilder(), validation: filesBuilder(), test: filesBuilder() };

  /** @param root the folder that names are relative to */
  constructor(private readonly root: string) {}

  /** @param name the image's path relative to the root, with slashes */
  add(split: SplitName, name: string, label: number): void {
    this.splits[split].names.add(name);
    this.splits[split].labels.add(label);
  }

  get count(): number {
    const { train, validation, test } = this.splits;
    return train.names.count + validation.names.count + test.names.count;
  }

  /** The data set, with the problems of its splits after `problems`. */
  finish(classNames: readonly string[], problems: readonly DataProblem[]): ListedDataset {
    const table = (split: SplitName): SplitTable => ({
      kind: 'files',
      root: this.root,
      names: this.splits[split].names.finish(),
      labels: this.splits[split].labels.finish(),
    });
    const train = table('train');
    const validation = table('validation');
    const test = this.splits.test.names.count > 0 ? table('test') : null;
    return {
      classNames,
      train,
      validation,
      test,
      problems: [...problems, ...splitProblems(classNames, train.labels, validation.labels)],
    };
  }
}

function filesBuilder() {
  return { names: new NameTableBuilder(), labels: new LabelsBuilder() };
}

/**
 * What keeps a data set from being trained on, or from being judged fairly: one class alone, classes without training
 * images, and classes without validation images.
 *
 * @param trainLabels by training image
 * @param validationLabels by validation image
 * @param emptyClass how bad it is when a class has no image at all
 */
export function splitProblems(
  classNames: readonly string[],
  trainLabels: Uint32Array,
  validationLabels: Uint32Array,
  emptyClass: DataProblem['severity'] = 'error',
): DataProblem[] {
  const problems: DataProblem[] = [];
  if (classNames.length === 1)
    problems.push({
      severity: 'error',
      kind: 'single_class',
      count: 1,
      where: classNames,
      what: l10n.t('There is one class only: {0}.', classNames[0] ?? ''),
      remedy: l10n.t('Add images of at least one other class.'),
    });
  const trained = countsOf(trainLabels, classNames.length);
  const validated = countsOf(validationLabels, classNames.length);
  const empty = new Places();
  const moved = new Places();
  const unjudged = new Places();
  for (const [label, name] of classNames.entries()) {
    if (trained[label] === 0) (validated[label] === 0 ? empty : moved).add(name);
    if (validated[label] === 0) unjudged.add(name);
  }
  problems.push(
    ...empty.problem((names) => ({
      severity: emptyClass,
      kind: 'empty_class',
      what: l10n.t('These classes have no image: {0}.', names),
      remedy: l10n.t('Add images to them, or delete them.'),
    })),
    ...moved.problem((names) => ({
      severity: 'error',
      kind: 'empty_class',
      what: l10n.t('All images of these classes are validation images: {0}.', names),
      remedy: l10n.t('Add training images, or change the seed or the share of split.'),
    })),
  );
  if (validationLabels.length === 0)
    problems.push({
      severity: 'error',
      kind: 'no_validation_image',
      count: classNames.length,
      where: unjudged.named,
      what: l10n.t('There are no validation images.'),
      remedy: l10n.t('Add images, or raise the share of split.'),
    });
  else
    problems.push(
      ...unjudged.problem((names) => ({
        severity: 'warning',
        kind: 'no_validation_image',
        what: l10n.t('These classes have no validation image: {0}.', names),
        remedy: l10n.t('Add validation images of them, or change the seed or the share of split.'),
      })),
    );
  return problems;
}

/** How many images each label has. */
function countsOf(labels: Uint32Array, classes: number): Uint32Array {
  const counts = new Uint32Array(classes);
  for (const label of labels) counts[label]!++;
  return counts;
}

/** Says whether an image that was found among the training images is one of them, or validation. */
export class TrainSplitter {
  private readonly ungrouped = new Places();

  readonly #sides: SplitSides;

  constructor(private readonly split: SplitOptions) {
    this.#sides = new SplitSides(split);
  }

  /**
   * @param path relative to the data set, with slashes
   * @param label a number for its class, which need not be that of the data set
   * @param group what keeps images on one side; null where none is known, undefined where images are not grouped
   */
  side(path: string, label: number, group: string | null | undefined): 'train' | 'validation' {
    if (group === null) this.ungrouped.add(path);
    const isGroup = group !== null && group !== undefined;
    return this.#sides.isValidation(group ?? path, label, isGroup) ? 'validation' : 'train';
  }

  problems(): DataProblem[] {
    return this.ungrouped.problem((paths, count) => ({
      severity: 'warning',
      kind: 'ungrouped',
      what: l10n.t(
        'group_by "{0}" says nothing of {1} images, each of which is a group of its own: {2}.',
        this.split.group_by ?? '',
        count,
        paths,
      ),
      remedy: l10n.t('Change group_by so that it fits them, if they belong to groups.'),
    }));
  }
}
