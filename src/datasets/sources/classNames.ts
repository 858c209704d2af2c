import { join } from 'node:path';
import * as l10n from '@vscode/l10n';
import { UserError } from '../../shared/userError';
import { isSystemError, reasonOf } from '../../system/errors';
import { readRegular } from '../../system/regularFiles';
import { datasetError } from '../errors';

/** Class names by label, and the file that they come from. */
export interface ClassNameFile {
  readonly path: string;
  readonly names: readonly string[];
}

/** The files that may contain a folder's class names, in search order. One name per line, by label. */
export const CLASS_NAME_FILES = ['classes.txt', 'classnames.txt'] as const;

/** Labels count from 0. A number this large is an identifier, not a label. */
const MAX_CLASSES = 1_000_000;

/**
 * Reads the class names from a folder's `classes.txt` or `classnames.txt`; null if it has neither.
 *
 * @throws UserError if the file cannot be read, is empty, or repeats a name
 */
export async function classNamesIn(folder: string): Promise<ClassNameFile | null> {
  for (const file of CLASS_NAME_FILES) {
    const path = join(folder, file);
    const text = await textOf(path);
    if (text !== null) return { path, names: checkedNames(linesOf(text), path) };
  }
  return null;
}

/** A larger file does not contain class names. */
const MAX_TEXT_BYTES = 1 << 26;

/**
 * Reads the text of a small file; null if it does not exist.
 *
 * @throws UserError if it cannot be read
 */
export async function textOf(path: string): Promise<string | null> {
  try {
    return await readRegular(path, 'utf8', MAX_TEXT_BYTES);
  } catch (error) {
    if (error instanceof UserError) throw error;
    if (isSystemError(error, 'ENOENT', 'ENOTDIR')) return null;
    throw datasetError(
      path,
      l10n.t('The file cannot be read: {0}.', reasonOf(error)),
      l10n.t('Check the file and its permissions.'),
      { cause: error },
    );
  }
}

/** Splits a text into lines, without empty lines at the end. */
export function linesOf(text: string): string[] {
  const lines = text.replace(/^\uFEFF/, '').split(/\r?\n/);
  while (lines.at(-1)?.trim() === '') lines.pop();
  return lines.map((line) => line.trim());
}

/** @throws UserError if there are no names, or one is empty or repeated */
export function checkedNames(names: readonly string[], path: string): readonly string[] {
  const remedy = l10n.t('Write one name per class, in the order of the labels.');
  if (names.length === 0) throw datasetError(path, l10n.t('The file has no class names.'), remedy);
  const seen = new Map<string, number>();
  for (const [label, name] of names.entries()) {
    if (name === '') throw datasetError(path, l10n.t('Class {0} has no name.', label), remedy);
    const other = seen.get(name);
    if (other !== undefined) {
      throw datasetError(
        path,
        l10n.t('Classes {0} and {1} are both called {2}.', other, label, name),
        remedy,
      );
    }
    seen.set(name, label);
  }
  return names;
}

/**
 * Returns the class names for numeric labels: those in a file, or else the labels' digits.
 *
 * @param labels those of every split
 * @param where the source of the labels, for errors
 * @throws UserError if the file has fewer names than there are classes, or a label is not a class number
 */
export function namesForLabels(
  labels: readonly Uint32Array[],
  file: ClassNameFile | null,
  where: string,
): readonly string[] {
  const classes = 1 + labels.reduce((largest, part) => part.reduce((a, b) => Math.max(a, b), largest), 0);
  if (!file) {
    if (classes > MAX_CLASSES) {
      throw datasetError(
        where,
        l10n.t('{0} is not a valid class number: class numbers start at 0.', classes - 1),
        l10n.t('Number the classes from 0, without gaps.'),
      );
    }
    return Array.from({ length: classes }, (_, label) => String(label));
  }
  if (file.names.length < classes) {
    throw datasetError(
      file.path,
      l10n.t(
        'The file names {0} classes, but {1} has the label {2}, which would be class {3}.',
        file.names.length,
        where,
        classes - 1,
        classes,
      ),
      l10n.t('Write one name per class, in the order of the labels.'),
    );
  }
  return file.names;
}
