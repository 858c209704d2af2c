import { readFileSync } from 'node:fs';
import * as l10n from '@vscode/l10n';
import type { Failure } from '../shared/failure';
import { formatBytes } from '../shared/format';
import { withLogApart } from '../shared/logApart';
import { UserError } from '../shared/userError';

/**
 * Explains an error to the user: a UserError by its own failure, a file system error in plain words, any other error by
 * its message.
 */
export function failureOf(error: unknown): Failure {
  if (error instanceof UserError) return error.failure;
  const { code, path, message } = asSystemError(error);
  const where = path ?? l10n.t('a file in the run');
  switch (code) {
    case 'ENOSPC':
    case 'EDQUOT':
      return {
        what: l10n.t('The disk is full: {0} could not be written.', where),
        remedy: l10n.t('Free some space or delete old runs, then run again.'),
      };
    case 'EFBIG':
      return {
        what: l10n.t('{0} exceeded the file size limit.', where),
        remedy: l10n.t('Raise the file size limit, then run again.'),
      };
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
      return {
        what: l10n.t('{0} is not writable.', where),
        remedy: l10n.t('Make the folder writable, or keep runs in another folder.'),
      };
    case 'EISDIR':
    case 'ERR_FS_EISDIR':
      return {
        what: l10n.t('{0} is a folder, but a file is expected.', where),
        remedy: l10n.t('Move it elsewhere, then run again.'),
      };
    case 'ENOTDIR':
      return {
        what: l10n.t('The path {0} leads through a file, but a folder is expected.', where),
        remedy: l10n.t('Move that file elsewhere, then run again.'),
      };
    case 'ENOENT':
      return {
        what: l10n.t('{0} does not exist.', where),
        remedy: l10n.t('Check that the folder was not moved or deleted, then run again.'),
      };
    case 'EMFILE':
    case 'ENFILE':
      return tooManyFilesFailure();
    default:
      if (lacksFileHandles(message)) return tooManyFilesFailure();
      if (isOutOfAddressSpace(message)) return addressSpaceFailure(addressSpaceLimit());
      return isOutOfMemory(message)
        ? {
            what: l10n.t('There does not seem to be enough memory: {0}.', message),
            remedy: outOfMemoryRemedy(),
          }
        : withLogApart({ what: message, remedy: l10n.t("See the run's log for details.") });
  }
}

/** Whether an error's text says that WebAssembly could not reserve address space for a memory. */
function isOutOfAddressSpace(text: string): boolean {
  return /WebAssembly\.\w+\(\): (?:could not allocate memory|Out of memory: Cannot allocate Wasm memory)/.test(
    text,
  );
}

/** The failure for WebAssembly without free address space. `limitBytes` is the process's limit, or null without one. */
export function addressSpaceFailure(limitBytes: number | null): Failure {
  return limitBytes === null
    ? {
        what: l10n.t('There is not enough memory: WebAssembly could not reserve address space for a thread.'),
        remedy: l10n.t('Close other programs, or use fewer threads: set BAG_OF_TRICKS_THREADS to 1.'),
      }
    : {
        what: l10n.t(
          'There is not enough address space: this process may use {0}, and WebAssembly reserves about 10 GB per thread.',
          formatBytes(limitBytes),
        ),
        remedy: l10n.t('Raise the limit (ulimit -v unlimited), then run again.'),
      };
}

/** The address space limit of this process in bytes. Null if there is no limit or the system does not report it. */
export function addressSpaceLimit(): number | null {
  try {
    const [, limit] = /^Max address space\s+(\S+)/m.exec(readFileSync('/proc/self/limits', 'utf8')) ?? [];
    return Number(limit) || null;
  } catch {
    return null;
  }
}

/**
 * Whether an error's text says that memory ran out, as worded by V8, typed arrays, WebAssembly, C++ or TensorFlow.
 * WebAssembly kernels do not check whether their memory grew, and then access it out of bounds.
 */
export function isOutOfMemory(text: string): boolean {
  return /out of memory|allocation failed|Invalid typed array length|enlarge memory|memory access out of bounds|bad_alloc|Cannot allocate memory|OOM when allocating/i.test(
    text,
  );
}

export function outOfMemoryRemedy(): string {
  return l10n.t('The machine may have run out of memory: use a smaller data.batch_size and run again.');
}

/**
 * Whether an error's text says that no more files can be opened, such as the error of a worker that could not start.
 */
export const lacksFileHandles = (text: string): boolean => /\bE[MN]FILE\b/.test(text);

function tooManyFilesFailure(): Failure {
  return { what: l10n.t('Too many files are open on this machine.'), remedy: tooManyFilesRemedy() };
}

export function tooManyFilesRemedy(): string {
  return l10n.t('Close other programs or raise the limit on open files (ulimit -n 4096), then run again.');
}

/** Whether an error is a file system error with one of these codes, such as ENOENT. */
export function isSystemError(error: unknown, ...codes: readonly string[]): boolean {
  const { code } = asSystemError(error);
  return code !== undefined && codes.includes(code);
}

function asSystemError(error: unknown): { code?: string; path?: string; message: string } {
  if (!(error instanceof Error)) return { message: String(error) };
  const { code, path } = error as NodeJS.ErrnoException;
  return { code, path, message: error.message };
}

/** The reason of a failed system call or request, or of its cause, without a full stop at the end. */
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
      return (
        error.cause instanceof Error && error.cause.message ? error.cause.message : error.message
      ).replace(/\.+$/, '');
  }
}
