import * as l10n from '@vscode/l10n';
import type { Failure } from '../shared/failure';
import { messageOf } from '../shared/failure';
import { ENGINE_PACKAGES, type Installation } from './installations';

/** Why an installation has no addon, and what to do. */
export function explainMissingAddon(installation: Installation): Failure {
  return {
    what: l10n.t('{0} has no addon: its installation did not finish.', installation.folder),
    remedy: installAgain(installation),
  };
}

/** Why an addon did not load, from what the system's linker said of it, and what to do. */
export function explainLoadError(error: unknown, installation: Installation): Failure {
  const { folder } = installation;
  const message = messageOf(error);
  const again = installAgain(installation);
  const missing = /(\S+\.(?:so|dylib|dll)[\d.]*): cannot open shared object file/.exec(message)?.[1];
  if (missing)
    return { what: l10n.t('The library {0} is missing from {1}.', missing, folder), remedy: again };
  const symbol = /undefined symbol: (\w+)/.exec(message)?.[1];
  if (symbol) {
    return {
      what: l10n.t(
        'The addon and the library in {0} are of different versions: {1} is missing.',
        folder,
        symbol,
      ),
      remedy: again,
    };
  }
  const system = /version `(GLIBC\S*|GLIBCXX\S*|CXXABI\S*)' not found/.exec(message)?.[1];
  if (system) {
    return {
      what: l10n.t('This system is older than the library in {0}, which needs {1}.', folder, system),
      remedy: l10n.t('Choose the engine wasm, or a newer system.'),
    };
  }
  if (/NODE_MODULE_VERSION|Module did not self-register/.test(message)) {
    return {
      what: l10n.t('The addon in {0} was built for another Node than {1}.', folder, process.version),
      remedy: again,
    };
  }
  if (
    /invalid ELF header|file too short|wrong ELF class|not a valid|bad magic|incompatible architecture/i.test(
      message,
    )
  ) {
    return {
      what: l10n.t('A file in {0} is damaged, or made for another kind of processor.', folder),
      remedy: again,
    };
  }
  return {
    what: l10n.t('The addon in {0} did not load: {1}.', folder, message.split('\n')[0] ?? ''),
    remedy: again,
  };
}

/** What to do where an installation lacks something or is damaged. */
export function installAgain({ engine, origin }: Installation): string {
  return origin === 'workspace'
    ? l10n.t('Run "{0}" in the workspace, or remove the package.', `npm rebuild ${ENGINE_PACKAGES[engine]}`)
    : l10n.t('Install it again with "{0}".', `tricks engine install ${engine}`);
}
