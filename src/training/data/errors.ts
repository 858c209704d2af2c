import * as l10n from '@vscode/l10n';

/** What kept a data set from being opened. */
export type DatasetErrorKind = 'missing' | 'unreadable' | 'damaged' | 'download' | 'write';

export interface DatasetErrorParts {
  readonly kind: DatasetErrorKind;
  /** What happened, a sentence. */
  readonly what: string;
  /** The file, folder or data set it happened to. */
  readonly where: string;
  /** What the person can do, a sentence. */
  readonly remedy: string;
}

/** A data set that cannot be used, said so that the person at the keyboard can mend it. */
export class DatasetError extends Error implements DatasetErrorParts {
  override readonly name = 'DatasetError';
  readonly kind: DatasetErrorKind;
  readonly what: string;
  readonly where: string;
  readonly remedy: string;

  constructor({ kind, what, where, remedy }: DatasetErrorParts, options?: ErrorOptions) {
    super(`${where}: ${what} ${remedy}`, options);
    this.kind = kind;
    this.what = what;
    this.where = where;
    this.remedy = remedy;
  }
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
