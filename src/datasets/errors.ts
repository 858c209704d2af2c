import { UserError } from '../shared/userError';

/**
 * The error of a data set that cannot be used.
 *
 * @param where The file, folder or URL that it happened to.
 * @param what What happened, a sentence.
 */
export function datasetError(where: string, what: string, remedy: string, options?: ErrorOptions): UserError {
  return new UserError({ what: `${where}: ${what}`, remedy }, options);
}
