import { dirname, isAbsolute, relative, resolve, sep } from 'node:path';
import envPaths from 'env-paths';
import type { OwnDatasetRequest, SourceFacts } from '../recipe/datasets';

/** The paths that a request names, as written: those of a pattern with what stands for several files. */
export function writtenPaths(request: OwnDatasetRequest): string[] {
  const written =
    request.dataset === 'webdataset' ? [request.train, request.validation, request.test] : [request.path];
  return written.filter((path) => path !== undefined);
}

/**
 * The files and folders that a request reads, absolute: of a pattern such as `shards/train-{000..009}.tar` the folder
 * before what stands for several.
 *
 * @param folder what relative paths start from
 */
export function requestPaths(request: OwnDatasetRequest, folder: string): string[] {
  return writtenPaths(request).map((path) => resolve(folder, withoutPattern(request, path)));
}

function withoutPattern({ dataset }: OwnDatasetRequest, path: string): string {
  if (dataset !== 'webdataset') return path;
  const start = path.search(/[*?{[]/);
  return start === -1 ? path : dirname(`${path.slice(0, start)}x`);
}

/** The request of a folder of images, as an experiment file in `folder` writes it. */
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

/** Below this many images a tenth of them says little of a training. */
const FEW_IMAGES = 1000;

/**
 * The same images with a fifth of them for validation, where they are few; null where a tenth is enough. Where a
 * folder of validation images is there, no split changes what an index finds.
 */
export function withLargerSplit<Request extends OwnDatasetRequest>(
  request: Request,
  { trainImages, validationImages }: SourceFacts,
): Request | null {
  if (trainImages + validationImages >= FEW_IMAGES || request.split.validation >= 0.2) return null;
  return { ...request, split: { ...request.split, validation: 0.2 } };
}

/** A path as a person writes it in a folder: relative where it is in it, with slashes on every system. */
export function pathFrom(folder: string, path: string): string {
  const inside = relative(folder, path);
  if (inside === '') return '.';
  const isOutside = isAbsolute(inside) || inside.split(sep)[0] === '..';
  return isOutside ? path : inside.replaceAll(sep, '/');
}

/** Where unpacked and downloaded data is kept: the environment's BAG_OF_TRICKS_CACHE, else the user's cache. */
export function dataCacheFolder(): string {
  return process.env.BAG_OF_TRICKS_CACHE || envPaths('bag-of-tricks', { suffix: '' }).cache;
}
