/** Assigns images to the splits of a data set as they are found, and reports problems with the resulting splits. */

import * as l10n from '@vscode/l10n';
import type { SplitOptions } from '../recipe/datasets';
import { counted } from '../shared/counted';
import { LabelsBuilder, NameTableBuilder } from './growing';
import type { DataProblem, ListedDataset } from './listing';
import { Places } from './problems';
import { SplitSides } from './split';
import type { SplitTable } from './table';

export type SplitName = 'train' | 'validation' | 'test';

/** Collects images that are files under one folder. */
export class SplitsBuilder {
  private readonly splits = { train: filesBuilder(), validation: filesBuilder(), test: filesBuilder() };

  /** @param root the base of relative names */
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

  /** Returns the data set, with the problems of its splits after `problems`. */
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
 * Reports problems that prevent training or fair evaluation: a single class, classes without training images, and
 * classes without validation images.
 *
 * @param trainLabels the label of each training image
 * @param validationLabels the label of each validation image
 * @param emptyClass the severity if a class has no images at all
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
      what: l10n.t('There is only one class: {0}.', classNames[0] ?? ''),
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
      what: l10n.t('These classes have no images: {0}.', names),
      remedy: l10n.t('Add images to them, or delete them.'),
    })),
    ...moved.problem((names) => ({
      severity: 'error',
      kind: 'empty_class',
      what: l10n.t('All images of these classes are validation images: {0}.', names),
      remedy: l10n.t('Add training images, or change data.split.seed or data.split.validation.'),
    })),
  );
  if (validationLabels.length === 0)
    problems.push({
      severity: 'error',
      kind: 'no_validation_image',
      count: classNames.length,
      where: unjudged.named,
      what: l10n.t('There are no validation images.'),
      remedy: l10n.t('Add images, or raise data.split.validation.'),
    });
  else
    problems.push(
      ...unjudged.problem((names) => ({
        severity: 'warning',
        kind: 'no_validation_image',
        what: l10n.t('These classes have no validation images: {0}.', names),
        remedy: l10n.t('Add validation images for them, or change data.split.seed or data.split.validation.'),
      })),
    );
  return problems;
}

/** Counts the images per label. */
function countsOf(labels: Uint32Array, classes: number): Uint32Array {
  const counts = new Uint32Array(classes);
  for (const label of labels) counts[label]!++;
  return counts;
}

/** Decides whether an image found among the training images goes to training or validation. */
export class TrainSplitter {
  private readonly ungrouped = new Places();

  readonly #sides: SplitSides;

  constructor(private readonly split: SplitOptions) {
    this.#sides = new SplitSides(split);
  }

  /**
   * @param path relative to the data set, with slashes
   * @param label a number for its class, not necessarily the data set's label
   * @param group images of one group stay on one side; null if the group is unknown, undefined if images are not
   *   grouped
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
        'group_by "{0}" gives no group for {1}. Each image is its own group: {2}.',
        this.split.group_by ?? '',
        counted(count, 'image'),
        paths,
      ),
      remedy: l10n.t('If they belong to groups, change group_by to match them.'),
    }));
  }
}
