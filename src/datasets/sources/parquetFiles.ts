import type { Stats } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { basename, dirname, join, relative, sep } from 'node:path';
import * as l10n from '@vscode/l10n';
import { reasonOf } from '../../system/errors';
import { compareCodePoints } from '../codePoints';
import { datasetError } from '../errors';
import type { SplitName } from '../listedSplits';

/** A file of one split. */
export interface ParquetPart {
  readonly path: string;
  /** Relative to the data set's folder, with slashes. */
  readonly name: string;
  readonly split: SplitName;
  readonly size: number;
  readonly mtimeMs: number;
}

export interface ParquetParts {
  /** The data set's folder. */
  readonly root: string;
  /** Sorted by split, then by name. */
  readonly parts: readonly ParquetPart[];
  /** Names of files without a known split. */
  readonly others: readonly string[];
}

const SPLITS = ['train', 'validation', 'test'] as const satisfies readonly SplitName[];
/** The split names that Hugging Face's datasets library recognizes in file and folder names. */
const KEYWORDS: Readonly<Record<SplitName, RegExp>> = {
  train: keyword('train|training'),
  validation: keyword('validation|valid|dev|val'),
  test: keyword('test|testing|eval|evaluation'),
};

function keyword(words: string): RegExp {
  return new RegExp(`(?:^|[-._ 0-9/])(?:${words})(?:[-._ 0-9/]|$)`, 'i');
}

/** Detects the split from a name: the file's own name first, then its folders. */
function splitOf(name: string): SplitName | null {
  for (const part of name.split('/').reverse()) {
    const split = SPLITS.find((one) => KEYWORDS[one].test(part));
    if (split) return split;
  }
  return null;
}

/**
 * Finds the files of a data set by split: one file, or all files in and under a folder, such as
 * `data/train-00000-of-00002.parquet`. If no name contains a split, all files belong to the training split.
 *
 * @throws UserError if there are no files, shards are missing, or there are several data sets
 */
export async function parquetParts(path: string): Promise<ParquetParts> {
  const found = await lookAt(path);
  if (found.isFile())
    return { root: dirname(path), parts: [partOf(path, dirname(path), found, 'train')], others: [] };
  const files: { path: string; name: string }[] = [];
  for (const file of await readdir(path, { recursive: true })) {
    const name = file.split(sep).join('/');
    const isHidden = name.split('/').some((segment) => segment.startsWith('.'));
    if (!isHidden && name.endsWith('.parquet')) files.push({ path: join(path, file), name });
  }
  if (files.length === 0) {
    throw datasetError(
      path,
      l10n.t('There are no .parquet files here.'),
      l10n.t('Specify a .parquet file or a folder of them.'),
    );
  }
  const isSplit = files.some(({ name }) => splitOf(name) !== null);
  const parts: ParquetPart[] = [];
  const others: string[] = [];
  for (const file of files.sort((a, b) => compareCodePoints(a.name, b.name))) {
    const split = isSplit ? splitOf(file.name) : 'train';
    if (split) parts.push(partOf(file.path, path, await lookAt(file.path), split));
    else others.push(file.name);
  }
  for (const split of SPLITS)
    checkShards(
      path,
      parts.filter((part) => part.split === split),
    );
  if (!parts.some(({ split }) => split === 'train')) {
    throw datasetError(
      path,
      l10n.t('There are no training files. Files found: {0}.', files.map(({ name }) => name).join(', ')),
      l10n.t('Name the training files like {0}.', 'train-00000-of-00001.parquet'),
    );
  }
  return {
    root: path,
    parts: SPLITS.flatMap((split) => parts.filter((part) => part.split === split)),
    others,
  };
}

function partOf(path: string, root: string, { size, mtimeMs }: Stats, split: SplitName): ParquetPart {
  return { path, name: relative(root, path).split(sep).join('/'), split, size, mtimeMs };
}

async function lookAt(path: string): Promise<Stats> {
  try {
    return await stat(path);
  } catch (error) {
    const what = l10n.t('The file or folder cannot be read: {0}.', reasonOf(error));
    throw datasetError(path, what, l10n.t('Specify a .parquet file or a folder of them.'), { cause: error });
  }
}

/** @throws UserError if a split's files belong to several data sets or some are missing */
function checkShards(root: string, parts: readonly ParquetPart[]): void {
  const folders = [...new Set(parts.map(({ name }) => dirname(name)))];
  if (folders.length > 1) {
    throw datasetError(
      root,
      l10n.t('The {0} files are in several folders: {1}.', parts[0]!.split, folders.join(', ')),
      l10n.t('Specify the folder of one data set, such as {0}.', join(root, folders[0]!)),
    );
  }
  const counts = parts.map(({ name }) => /-of-(\d+)/.exec(basename(name))?.[1]);
  const stated = counts.find((count) => count !== undefined);
  if (stated === undefined || counts.every((count) => Number(count) === parts.length)) return;
  throw datasetError(
    root,
    l10n.t(
      'There are {0} {1} files, but their names say {2}.',
      parts.length,
      parts[0]!.split,
      Number(stated),
    ),
    l10n.t('Download the missing files, or remove files that belong to another download.'),
  );
}
