import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import * as l10n from '@vscode/l10n';
import type { DataProblem } from '../datasets/listing';
import { FolderTree } from '../datasets/sources/folderTree';
import { UserError } from '../shared/userError';
import { isSystemError } from '../system/errors';

/** The image files that the given paths expand to, and the problems found on the way. */
export interface ImagePaths {
  readonly paths: readonly string[];
  /** For example, a folder that may not be read. */
  readonly problems: readonly DataProblem[];
}

/**
 * Expands paths to image files. A file stands for itself, whatever its name. A folder stands for all images in and
 * below it, in the same name order as in training. A path that does not exist is kept, so that it is reported along
 * with the others.
 *
 * @throws UserError if a folder has no images
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
        remedy: l10n.t('Specify image files, or a folder that contains some.'),
      });
    }
    for (const image of images) paths.push(join(path, image));
    problems.push(...found);
  }
  return { paths, problems };
}

/** Returns paths relative to the tree's root. */
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
