import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import * as l10n from '@vscode/l10n';
import { UserError } from '../shared/userError';
import { isSystemError } from '../system/errors';

/** Endings of the images that are decoded, in small letters. */
const IMAGE_NAME = /\.(?:jpe?g|jpe|jfif|png|webp|gif|tiff?|bmp|dib|avif)$/i;
/** What systems and notebooks leave behind. */
const HIDDEN_NAME = /^(?:\..*|__macosx|thumbs\.db|desktop\.ini)$/i;

/**
 * The image files that paths stand for: a file for itself, whatever its name, and a folder for the images in it and
 * below it, in the order of their names. A path that leads nowhere stays, to be told of beside the others.
 *
 * @throws UserError where a folder has no images
 */
export async function imagePaths(paths: readonly string[]): Promise<string[]> {
  const found: string[] = [];
  for (const path of paths) {
    if (!(await isFolder(path))) {
      found.push(path);
      continue;
    }
    const images = await imagesBelow(path);
    if (images.length === 0) {
      throw new UserError({
        what: l10n.t('The folder {0} has no images.', path),
        remedy: l10n.t('Name image files, or a folder that has some.'),
      });
    }
    for (const image of images) found.push(image);
  }
  return found;
}

async function imagesBelow(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true });
  entries.sort((a, b) => (a.name < b.name ? -1 : 1));
  const images: string[] = [];
  for (const entry of entries) {
    const path = join(folder, entry.name);
    if (HIDDEN_NAME.test(entry.name)) continue;
    // Links to folders are not followed: they may lead back.
    if (entry.isDirectory()) for (const image of await imagesBelow(path)) images.push(image);
    else if (IMAGE_NAME.test(entry.name)) images.push(path);
  }
  return images;
}

async function isFolder(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch (error) {
    if (isSystemError(error, 'ENOENT', 'ENOTDIR', 'EACCES', 'ELOOP', 'ENAMETOOLONG')) return false;
    throw error;
  }
}
