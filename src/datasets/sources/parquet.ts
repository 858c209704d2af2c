import { resolve } from 'node:path';
import * as l10n from '@vscode/l10n';
import type { OwnDatasetRequest, SplitOptions } from '../../recipe/datasets';
import { classProblems } from '../classProblems';
import { datasetError } from '../errors';
import { LabelsBuilder, NameTableBuilder } from '../growing';
import type { DataProblem, Lister } from '../listing';
import { groupPattern, isGroupPattern, isValidation } from '../split';
import { nameAt, type SplitTable } from '../table';
import { classNamesIn } from './classNames';
import { type LabelNumbers, numberLabels } from './labelTexts';
import { type ParquetParts, type ParquetSplit, parquetParts } from './parquetFiles';
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
  const isHeldOut = hasValidation ? () => false : heldOut(table, split);
  const listed = tablesOf(packed, parts, labels, isHeldOut);
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
    test: parts.parts.some((part) => part.split === 'test') ? listed.test : null,
    problems: [
      ...rowProblems(table, request, parts),
      ...classProblems(labels.classNames, listed.train.labels, listed.validation.labels, root),
    ],
  };
};

/** Whether the training image of a row is split off for validation. */
function heldOut({ names, groups }: ParquetTable, split: SplitOptions): (row: number) => boolean {
  const groupOf = split.group_by !== undefined && !groups ? groupPattern(split.group_by) : null;
  return (row) => {
    const name = nameAt(names, row);
    const group = groups ? nameAt(groups, row) || null : groupOf?.(name);
    return isValidation(group ?? name, split);
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
  isHeldOut: (row: number) => boolean,
): Record<ParquetSplit, SplitTable> {
  const builder = () =>
    table.kind === 'bytes' ? rangesBuilder(table, pack, labels) : filesBuilder(table, root, labels);
  const builders = { train: builder(), validation: builder(), test: builder() };
  for (const [row, index] of table.splits.entries()) {
    const split = PARQUET_SPLITS[index]!;
    const into = split === 'train' && isHeldOut(row) ? 'validation' : split;
    builders[into].add(row, nameAt(table.names, row));
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
  const { unlabelled, imageless, outside } = skipped;
  const label = l10n.t('Write a label into the column {0}, or delete the rows.', request.label_column);
  return [
    ...problem(unlabelled.train, 'error', l10n.t('Training rows have no label.'), label),
    ...problem(unlabelled.validation, 'error', l10n.t('Validation rows have no label.'), label),
    ...problem(unlabelled.test, 'warning', l10n.t('Test rows have no label and are left out.'), label),
    ...problem(
      imageless,
      'error',
      kind === 'bytes' ? l10n.t('Rows have no bytes of an image.') : l10n.t('Rows have no path of an image.'),
      l10n.t('Write an image into the column {0}, or delete the rows.', request.image_column),
    ),
    ...problem(
      outside,
      'error',
      l10n.t('Paths of images lead out of the folder of the data set.'),
      l10n.t('Move the images below the folder, or store their bytes in the files.'),
    ),
    ...problem(
      { count: others.length, where: others.slice(0, 10) },
      'warning',
      l10n.t('Files are of no split and are left out.'),
      l10n.t('Begin their names with {0}, {1} or {2}.', 'train', 'validation', 'test'),
    ),
  ];
}

function problem(
  { count, where }: Skipped,
  severity: DataProblem['severity'],
  what: string,
  remedy: string,
): DataProblem[] {
  return count === 0 ? [] : [{ severity, kind: 'bad_row', count, where, what, remedy }];
}
