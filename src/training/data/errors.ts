import * as l10n from '@vscode/l10n';
import { UserError } from '../../shared/userError';

/**
 * The error of a data set that cannot be used.
 *
 * @param where The file, folder or URL that it happened to.
 * @param what What happened, a sentence.
 */
export function datasetError(where: string, what: string, remedy: string, options?: ErrorOptions): UserError {
  return new UserError({ what: `${where}: ${what}`, remedy }, options);
}

/** The reason in a failed system call or request, with its cause where it has one. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  switch ((error as NodeJS.ErrnoException).code) {
    case 'ENOSPC':
    case 'EDQUOT':
      return l10n.t('no space left on the disk');
    case 'EACCES':
    case 'EPERM':
      return l10n.t('no permission');
    case 'EROFS':
      return l10n.t('the disk is read-only');
    default:
      return error.cause instanceof Error && error.cause.message ? error.cause.message : error.message;
  }
}
