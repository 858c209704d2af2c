import { existsSync } from 'node:fs';
import { isAbsolute, resolve } from 'node:path';
import * as l10n from '@vscode/l10n';
import { untrusted } from '../engines/trust';
import { UserError } from '../shared/userError';
import { currentUser } from '../system/pathTrust';
import { programInPath } from '../system/programInPath';

/**
 * Finds the Python that runs Optuna: `named`, else the one on PATH. Other users must not be able to change it or the
 * file that it links to, because it runs as this user.
 *
 * @throws UserError if there is no Python, or others can change it
 */
export function findPython(named: string | undefined): string {
  const python = named === undefined ? inPath() : isAbsolute(named) ? named : resolve(named);
  if (!existsSync(python)) {
    throw new UserError({
      what:
        named === undefined
          ? l10n.t('This sampler needs Python, but there is no Python in PATH.')
          : l10n.t('There is no Python at {0}.', python),
      remedy: l10n.t('Specify a Python that has Optuna with --python PATH, or use sampler: quasi_random.'),
    });
  }
  const user = currentUser();
  const failure = user && untrusted(python, user);
  if (failure) throw new UserError(failure);
  return python;
}

function inPath(): string {
  return programInPath(process.platform === 'win32' ? 'python' : 'python3');
}
