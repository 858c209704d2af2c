import { dirname, resolve } from 'node:path';
import envPaths from 'env-paths';
import type { OwnDatasetRequest } from '../recipe/datasets';

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

/** Where unpacked and downloaded data is kept: the environment's BAG_OF_TRICKS_CACHE, else the user's cache. */
export function dataCacheFolder(): string {
  return process.env.BAG_OF_TRICKS_CACHE || envPaths('bag-of-tricks', { suffix: '' }).cache;
}
