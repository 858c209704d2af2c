import { resolve } from 'node:path';
import * as l10n from '@vscode/l10n';
import type { OwnDatasetRequest, SplitOptions } from '../../recipe/datasets';
import { counted } from '../../shared/counted';
import { datasetError } from '../errors';
import { LabelsBuilder, NameTableBuilder } from '../growing';
import { type SplitName, TrainSplitter } from '../listedSplits';
import type { DataProblem, Lister } from '../listing';
import { Places } from '../problems';
import { groupPattern, isGroupPattern } from '../split';
import { nameAt, type SplitTable } from '../table';
import { classNamesIn } from './classNames';
import { labelProblems } from './labelProblems';
import { type LabelNumbers, numberLabels } from './labelTexts';
import { type ParquetParts, parquetParts } from './parquetFiles';
import { type PackedParquet, packParquet } from './parquetPack';
import { PARQUET_SPLITS, type ParquetTable, type Skipped } from './parquetTable';
import { RangeTableBuilder } from './rangeTable';

type ParquetRequest = Extract<OwnDatasetRequest, { dataset: 'parquet' }>;

/**
 * Lists Parquet files of images in Hugging Face's layout: one file, or a folder of files with the split in their names,
 * such as `data/train-00000-of-00002.parquet`. The image column holds bytes, paths relative to the file, or a struct of
 * both. The label column holds class names, or class numbers with names from the schema's ClassLabel or `classes.txt`.
 * Bytes are copied into the cache once.
 *
 * Without validation files, validation images are split from the training images by a hash of their file and row. With
 * `group_by`, the hash is of that column, or of the match of that pattern over paths.
 */
export const listParquet: Lister<ParquetRequest> = async (request, options) => {
  const { split } = request;
  const root = resolve(options.folder, request.path);
  const parts = await parquetParts(root);
  const isColumn = split.group_by !== undefined && !isGroupPattern(split.group_by);
  const columns = {
    image: request.image_column,
    label: request.label_column,
    group: isColumn ? split.group_by! : null,
  };
  const packed = await packParquet(parts, columns, options);
  const { table } = packed;
  const schemaNames = table.classNames && { path: parts.parts[0]!.path, names: table.classNames };
  const labels = numberLabels(table.labelTexts, schemaNames ?? (await classNamesIn(parts.root)), root);
  const hasValidation = parts.parts.some((part) => part.split === 'validation');
  const splitter = hasValidation ? null : new TrainSplitter(split);
  const sideOf = splitter ? sides(table, split, splitter) : () => 'train' as const;
  const listed = tablesOf(packed, parts, labels, sideOf);
  if (listed.train.labels.length === 0) {
    throw datasetError(
      root,
      l10n.t('No training row has both an image and a label.'),
      l10n.t('Set {0} and {1} to the image and label columns.', 'data.image_column', 'data.label_column'),
    );
  }
  return {
    classNames: labels.classNames,
    ...listed,
    test: listed.test.labels.length > 0 ? listed.test : null,
    problems: [
      ...rowProblems(table, request, parts),
      ...(splitter?.problems() ?? []),
      ...labelProblems(labels.classNames, listed.train.labels, listed.validation.labels, root),
    ],
  };
};

/** Returns a function that says which side of the split a training row's image is on. */
function sides({ names, groups, labels }: ParquetTable, split: SplitOptions, splitter: TrainSplitter) {
  const groupOf = split.group_by !== undefined && !groups ? groupPattern(split.group_by) : null;
  return (row: number) => {
    const name = nameAt(names, row);
    return splitter.side(name, labels[row]!, groups ? nameAt(groups, row) || null : groupOf?.(name));
  };
}

/** Builds a split's table image by image. */
interface TableBuilder {
  add(row: number, name: string): void;
  build(): SplitTable;
}

function tablesOf(
  { table, pack }: PackedParquet,
  { root }: ParquetParts,
  labels: LabelNumbers,
  sideOf: (row: number) => 'train' | 'validation',
): Record<SplitName, SplitTable> {
  const builder = () =>
    table.kind === 'bytes' ? rangesBuilder(table, pack, labels) : filesBuilder(table, root, labels);
  const builders = { train: builder(), validation: builder(), test: builder() };
  for (const [row, index] of table.splits.entries()) {
    const split = PARQUET_SPLITS[index]!;
    builders[split === 'train' ? sideOf(row) : split].add(row, nameAt(table.names, row));
  }
  return {
    train: builders.train.build(),
    validation: builders.validation.build(),
    test: builders.test.build(),
  };
}

function rangesBuilder(table: ParquetTable, pack: string, labels: LabelNumbers): TableBuilder {
  const ranges = new RangeTableBuilder();
  return {
    add: (row, name) =>
      ranges.add({
        file: 0,
        offset: table.offsets[row]!,
        length: table.lengths[row]!,
        name,
        label: table.labels[row]!,
      }),
    build: () => ranges.build([pack], labels),
  };
}

function filesBuilder(table: ParquetTable, root: string, { labelOf }: LabelNumbers): TableBuilder {
  const names = new NameTableBuilder();
  const labels = new LabelsBuilder();
  return {
    add: (row, name) => {
      names.add(name);
      labels.add(labelOf(table.labels[row]!));
    },
    build: () => ({ kind: 'files', root, names: names.finish(), labels: labels.finish() }),
  };
}

function rowProblems(
  { skipped, kind }: ParquetTable,
  request: ParquetRequest,
  { others }: ParquetParts,
): DataProblem[] {
  const { image_column, label_column } = request;
  const row = { severity: 'error', kind: 'bad_row' } as const;
  const label = l10n.t('Write a label in the column {0}, or delete the rows.', label_column);
  return [
    ...placesOf(skipped.unlabeled.train).problem((rows, count) => ({
      ...row,
      what: l10n.t('{0} without a label in train: {1}.', counted(count, 'row'), rows),
      remedy: label,
    })),
    ...placesOf(skipped.unlabeled.validation).problem((rows, count) => ({
      ...row,
      what: l10n.t('{0} without a label in validation: {1}.', counted(count, 'row'), rows),
      remedy: label,
    })),
    ...placesOf(skipped.unlabeled.test).problem((rows, count) => ({
      ...row,
      severity: 'warning',
      what: l10n.t('{0} without a label in test, skipped: {1}.', counted(count, 'row'), rows),
      remedy: label,
    })),
    ...placesOf(skipped.imageless).problem((rows, count) => ({
      ...row,
      what:
        kind === 'bytes'
          ? l10n.t('{0} without image bytes: {1}.', counted(count, 'row'), rows)
          : l10n.t('{0} without an image path: {1}.', counted(count, 'row'), rows),
      remedy: l10n.t('Write an image in the column {0}, or delete the rows.', image_column),
    })),
    ...placesOf(skipped.outside).problem((rows, count) => ({
      ...row,
      what: l10n.t('{0} outside the data set folder: {1}.', counted(count, 'path'), rows),
      remedy: l10n.t('Move the images into the folder, or store their bytes in the files.'),
    })),
    ...placesOf({ count: others.length, where: others }).problem((files) => ({
      severity: 'warning',
      kind: 'ignored',
      what: l10n.t('These files belong to no split and are skipped: {0}.', files),
      remedy: l10n.t('Start their names with {0}, {1} or {2}.', 'train', 'validation', 'test'),
    })),
  ];
}

function placesOf({ count, where }: Skipped): Places {
  const places = new Places();
  for (const [index, place] of where.entries()) places.add(place, index === 0 ? count - where.length + 1 : 1);
  return places;
}
