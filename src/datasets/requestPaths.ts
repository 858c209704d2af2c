import { dirname, isAbsolute, relative, resolve, sep } from 'node:path';
import envPaths from 'env-paths';
import type { OwnDatasetRequest, SourceFacts } from '../recipe/datasets';

/** Returns the paths that a request names, as written, including wildcards. */
export function writtenPaths(request: OwnDatasetRequest): string[] {
  const written =
    request.dataset === 'webdataset' ? [request.train, request.validation, request.test] : [request.path];
  return written.filter((path) => path !== undefined);
}

/**
 * Returns the files and folders that a request reads, as absolute paths. For a pattern such as
 * `shards/train-{000..009}.tar`, that is the folder before the first wildcard.
 *
 * @param folder the base of relative paths
 */
export function requestPaths(request: OwnDatasetRequest, folder: string): string[] {
  return writtenPaths(request).map((path) => resolve(folder, withoutPattern(request, path)));
}

function withoutPattern({ dataset }: OwnDatasetRequest, path: string): string {
  if (dataset !== 'webdataset') return path;
  const start = path.search(/[*?{[]/);
  return start === -1 ? path : dirname(`${path.slice(0, start)}x`);
}

/** Returns the request for a folder of images, as an experiment file in `folder` would write it. */
export function imageFolderRequest(
  images: string,
  folder: string,
): Extract<OwnDatasetRequest, { dataset: 'image_folder' }> {
  return {
    dataset: 'image_folder',
    path: pathFrom(folder, images),
    split: { validation: 0.1, seed: 0 },
  };
}

/** With fewer images than this, a validation split of a tenth says little about a training run. */
const FEW_IMAGES = 1000;

/**
 * Returns the request with a fifth of the images for validation if there are few; null if a tenth is enough. If there
 * is a folder of validation images, the split option does not change what an index finds.
 */
export function withLargerSplit<Request extends OwnDatasetRequest>(
  request: Request,
  { trainImages, validationImages }: SourceFacts,
): Request | null {
  if (trainImages + validationImages >= FEW_IMAGES || request.split.validation >= 0.2) return null;
  return { ...request, split: { ...request.split, validation: 0.2 } };
}

/** Returns a path as the user would write it in a folder: relative if inside, with slashes on every system. */
export function pathFrom(folder: string, path: string): string {
  const inside = relative(folder, path);
  if (inside === '') return '.';
  const isOutside = isAbsolute(inside) || inside.split(sep)[0] === '..';
  return isOutside ? path : inside.replaceAll(sep, '/');
}

/** Returns the folder for unpacked and downloaded data: BAG_OF_TRICKS_CACHE, else the user's cache folder. */
export function dataCacheFolder(): string {
  return process.env.BAG_OF_TRICKS_CACHE || envPaths('bag-of-tricks', { suffix: '' }).cache;
}
