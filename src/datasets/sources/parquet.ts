import { resolve } from 'node:path';
import * as l10n from '@vscode/l10n';
import type { OwnDatasetRequest, SplitOptions } from '../../recipe/datasets';
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
 * Lists Parquet files of images in Hugging Face's layout: a file, or a folder of files whose names say their splits, such
 * as `data/train-00000-of-00002.parquet`. The image column has bytes, or paths relative to the file, or a struct of both;
 * the label column has class numbers, named by the schema's ClassLabel or by `classes.txt`, or class names. Bytes are copied
 * once into the cache.
 *
 * Without validation files, validation images are split from the training images by a hash of their file and row, or of
 * the column or the pattern over paths that `group_by` is.
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
      l10n.t('No training row has an image and a label.'),
      l10n.t(
        'Name the columns of images and labels as {0} and {1}.',
        'data.image_column',
        'data.label_column',
      ),
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

/** On which side of the split the training image of a row is. */
function sides({ names, groups, labels }: ParquetTable, split: SplitOptions, splitter: TrainSplitter) {
  const groupOf = split.group_by !== undefined && !groups ? groupPattern(split.group_by) : null;
  return (row: number) => {
    const name = nameAt(names, row);
    return splitter.side(name, labels[row]!, groups ? nameAt(groups, row) || null : groupOf?.(name));
  };
}

/** A split's table, image by image. */
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
  const label = l10n.t('Write a label into the column {0}, or delete the rows.', label_column);
  return [
    ...placesOf(skipped.unlabelled.train).problem((rows, count) => ({
      ...row,
      what: l10n.t('{0} training rows have no label: {1}.', count, rows),
      remedy: label,
    })),
    ...placesOf(skipped.unlabelled.validation).problem((rows, count) => ({
      ...row,
      what: l10n.t('{0} validation rows have no label: {1}.', count, rows),
      remedy: label,
    })),
    ...placesOf(skipped.unlabelled.test).problem((rows, count) => ({
      ...row,
      severity: 'warning',
      what: l10n.t('{0} test rows have no label and are left out: {1}.', count, rows),
      remedy: label,
    })),
    ...placesOf(skipped.imageless).problem((rows, count) => ({
      ...row,
      what:
        kind === 'bytes'
          ? l10n.t('{0} rows have no bytes of an image: {1}.', count, rows)
          : l10n.t('{0} rows have no path of an image: {1}.', count, rows),
      remedy: l10n.t('Write an image into the column {0}, or delete the rows.', image_column),
    })),
    ...placesOf(skipped.outside).problem((rows, count) => ({
      ...row,
      what: l10n.t('{0} paths lead out of the folder of the data set: {1}.', count, rows),
      remedy: l10n.t('Move the images below the folder, or store their bytes in the files.'),
    })),
    ...placesOf({ count: others.length, where: others }).problem((files) => ({
      severity: 'warning',
      kind: 'ignored',
      what: l10n.t('These files are of no split and are left out: {0}.', files),
      remedy: l10n.t('Begin their names with {0}, {1} or {2}.', 'train', 'validation', 'test'),
    })),
  ];
}

function placesOf({ count, where }: Skipped): Places {
  const places = new Places();
  for (const [index, place] of where.entries()) places.add(place, index === 0 ? count - where.length + 1 : 1);
  return places;
}
