import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import * as l10n from '@vscode/l10n';
import type { DataProblem } from '../datasets/listing';
import { FolderTree } from '../datasets/sources/folderTree';
import { UserError } from '../shared/userError';
import { isSystemError } from '../system/errors';

/** The image files that paths stand for, and what was left out. */
export interface ImagePaths {
  readonly paths: readonly string[];
  /** Such as a folder that may not be read. */
  readonly problems: readonly DataProblem[];
}

/**
 * The image files that paths stand for: a file for itself, whatever its name, and a folder for the images in it and
 * below it, in the order of their names, as they are listed for a training. A path that leads nowhere stays, to be told
 * of beside the others.
 *
 * @throws UserError where a folder has no images
 */
export async function imagePaths(written: readonly string[]): Promise<ImagePaths> {
  const paths: string[] = [];
  const problems: DataProblem[] = [];
  for (const path of written) {
    if (!(await isFolder(path))) {
      paths.push(path);
      continue;
    }
    const tree = await FolderTree.open(path);
    const images = await imagesIn(tree);
    const found = tree.problems();
    if (images.length === 0) {
      throw new UserError({
        what: [l10n.t('The folder {0} has no images.', path), ...found.map(({ what }) => what)].join(' '),
        remedy: l10n.t('Name image files, or a folder that has some.'),
      });
    }
    for (const image of images) paths.push(join(path, image));
    problems.push(...found);
  }
  return { paths, problems };
}

/** Paths relative to a tree's root. */
async function imagesIn(tree: FolderTree): Promise<string[]> {
  const { folders, images } = await tree.content(tree.top);
  const paths = [...images];
  for (const folder of folders) for (const path of await tree.imagesBelow(folder)) paths.push(path);
  return paths;
}

async function isFolder(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch (error) {
    if (isSystemError(error, 'ENOENT', 'ENOTDIR', 'EACCES', 'ELOOP', 'ENAMETOOLONG')) return false;
    throw error;
  }
}
