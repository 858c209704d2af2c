import { UserError } from '../shared/userError';

/**
 * Returns the error for a data set that cannot be used.
 *
 * @param where the file, folder or URL that failed
 * @param what what happened, as a sentence
 */
export function datasetError(where: string, what: string, remedy: string, options?: ErrorOptions): UserError {
  return new UserError({ what: `${where}: ${what}`, remedy }, options);
}
