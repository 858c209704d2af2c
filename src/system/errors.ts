import * as l10n from '@vscode/l10n';
import type { Failure } from '../shared/failure';
import { UserError } from '../shared/userError';

/**
 * What an error means to a person: a UserError's own failure, the file system's errors in plain words, any other by its
 * message.
 */
export function failureOf(error: unknown): Failure {
  if (error instanceof UserError) return error.failure;
  const { code, path, message } = asSystemError(error);
  const where = path ?? l10n.t('a file of the run');
  switch (code) {
    case 'ENOSPC':
    case 'EDQUOT':
      return {
        what: l10n.t('The disk is full: {0} could not be written.', where),
        remedy: l10n.t('Free some space or delete old runs, then run again.'),
      };
    case 'EFBIG':
      return {
        what: l10n.t('{0} grew past the largest file allowed here.', where),
        remedy: l10n.t('Raise the limit on file sizes, then run again.'),
      };
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
      return {
        what: l10n.t('{0} may not be written.', where),
        remedy: l10n.t('Make the folder writable, or keep runs in another folder.'),
      };
    case 'ENOENT':
    case 'ENOTDIR':
      return {
        what: l10n.t('{0} is not there.', where),
        remedy: l10n.t('Check that the folder was not moved or deleted, then run again.'),
      };
    case 'EMFILE':
    case 'ENFILE':
      return {
        what: l10n.t('Too many files are open on this machine.'),
        remedy: l10n.t('Close other programs or raise the limit on open files, then run again.'),
      };
    default:
      return isOutOfMemory(message)
        ? { what: l10n.t('There seems to be not enough memory: {0}.', message), remedy: outOfMemoryRemedy() }
        : { what: message, remedy: l10n.t("Look at the run's log for more.") };
  }
}

/**
 * Whether an error's text says that memory ran out: V8's, a typed array's, WebAssembly's, C++'s or TensorFlow's words.
 * WebAssembly's kernels do not look at whether their own memory grew, and then reach past its end.
 */
export function isOutOfMemory(text: string): boolean {
  return /out of memory|allocation failed|Invalid typed array length|enlarge memory|memory access out of bounds|bad_alloc|Cannot allocate memory|OOM when allocating/i.test(
    text,
  );
}

export function outOfMemoryRemedy(): string {
  return l10n.t('The machine may have run out of memory: use a smaller data.batch_size and run again.');
}

/** Whether an error is the file system's of one of these codes, such as ENOENT. */
export function isSystemError(error: unknown, ...codes: readonly string[]): boolean {
  const { code } = asSystemError(error);
  return code !== undefined && codes.includes(code);
}

function asSystemError(error: unknown): { code?: string; path?: string; message: string } {
  if (!(error instanceof Error)) return { message: String(error) };
  const { code, path } = error as NodeJS.ErrnoException;
  return { code, path, message: error.message };
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
