import * as l10n from '@vscode/l10n';
import { assertNever } from '../shared/assertNever';
import { type Failure, messageOf } from '../shared/failure';
import { ENGINE_PACKAGES, type Installation } from './installations';
import { type BinarySystem, libraryFaultIn } from './libraryFault';
import { type System, thisSystem } from './systems';

/** Why an installation has no addon, and what to do. */
export function explainMissingAddon(installation: Installation): Failure {
  return {
    what: l10n.t('{0} has no addon: its installation did not finish.', installation.folder),
    remedy: installAgain(installation),
  };
}

/**
 * Why an addon did not load, from what the system's linker said of it, and what to do.
 *
 * @param binary What the addon's file is made for, where that is known.
 */
export function explainLoadError(
  error: unknown,
  installation: Installation,
  binary: BinarySystem | null = null,
  system: System = thisSystem(),
): Failure {
  const { folder } = installation;
  const again = installAgain(installation);
  if (binary && isOfOther(binary, system))
    return { what: builtForOther(folder, binary, system), remedy: again };
  const newer = l10n.t('Choose the engine wasm, or a newer system.');
  const fault = libraryFaultIn(messageOf(error), system.platform);
  switch (fault.kind) {
    case 'missing library':
      return { what: l10n.t('The library {0} is missing from {1}.', fault.library, folder), remedy: again };
    case 'missing symbol':
      return {
        what: l10n.t(
          'The addon and the library in {0} are of different versions: {1} is missing.',
          folder,
          fault.symbol,
        ),
        remedy: again,
      };
    case 'old system':
      return {
        what:
          fault.needed === null
            ? l10n.t('This system is older than the library in {0} needs.', folder)
            : l10n.t('This system is older than the library in {0}, which needs {1}.', folder, fault.needed),
        remedy: newer,
      };
    case 'no glibc':
      return {
        what: l10n.t(
          "The library in {0} needs the GNU C library, and this system has another one, such as Alpine's musl.",
          folder,
        ),
        remedy: l10n.t('Choose the engine wasm, or a system with the GNU C library, such as Debian.'),
      };
    case 'missing runtime':
      return { what: l10n.t('A library that the addon in {0} needs is missing.', folder), remedy: again };
    case 'other Node':
      return {
        what: l10n.t('The addon in {0} was built for another Node than {1}.', folder, process.version),
        remedy: again,
      };
    case 'other system':
    case 'damaged':
      return {
        what: l10n.t('A file in {0} is damaged, or made for another kind of processor.', folder),
        remedy: again,
      };
    case 'blocked':
      return { what: l10n.t('macOS does not allow the addon in {0} to be loaded.', folder), remedy: again };
    case 'unknown':
      return { what: l10n.t('The addon in {0} did not load: {1}.', folder, fault.words), remedy: again };
    default:
      return assertNever(fault);
  }
}

/** Whether a file is made for another system than this, as far as that is known. */
export function isOfOther(binary: BinarySystem, { platform, arch }: System): boolean {
  return binary.platform !== platform || (binary.arch !== null && binary.arch !== arch);
}

/** That a file is made for another system; a sentence. */
export function builtForOther(file: string, binary: BinarySystem, { platform, arch }: System): string {
  const names = [[binary.platform, binary.arch].filter(Boolean).join(' '), `${platform} ${arch}`] as const;
  return l10n.t('{0} was built for another system: for {1}, and this is {2}.', file, ...names);
}

/** What to do where an installation lacks something or is damaged. */
export function installAgain({ engine, origin }: Installation): string {
  return origin === 'workspace'
    ? l10n.t('Run "{0}" in the workspace, or remove the package.', `npm rebuild ${ENGINE_PACKAGES[engine]}`)
    : l10n.t('Install it again with "{0}".', `tricks engine install ${engine}`);
}
