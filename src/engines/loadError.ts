import * as l10n from '@vscode/l10n';
import { assertNever } from '../shared/assertNever';
import { type Failure, messageOf } from '../shared/failure';
import { ENGINE_PACKAGES, type Installation } from './installations';
import { type BinarySystem, libraryFaultIn } from './libraryFault';
import { type System, thisSystem } from './systems';

/** Explains why an installation has no addon, and how to fix it. */
export function explainMissingAddon(installation: Installation): Failure {
  return {
    what: l10n.t('{0} has no addon: its installation did not finish.', installation.folder),
    remedy: installAgain(installation),
  };
}

/**
 * Explains why an addon did not load, from the dynamic linker's message, and how to fix it.
 *
 * @param binary the target of the addon's file, if known
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
          'The addon and the library in {0} have different versions: {1} is missing.',
          folder,
          fault.symbol,
        ),
        remedy: again,
      };
    case 'old system':
      return {
        what:
          fault.needed === null
            ? l10n.t('This system is too old for the library in {0}.', folder)
            : l10n.t('This system is too old for the library in {0}, which needs {1}.', folder, fault.needed),
        remedy: newer,
      };
    case 'no glibc':
      return {
        what: l10n.t(
          "The library in {0} needs the GNU C library, but this system has a different one, such as Alpine's musl.",
          folder,
        ),
        remedy: l10n.t('Choose the engine wasm, or a system with the GNU C library, such as Debian.'),
      };
    case 'missing runtime':
      return { what: l10n.t('A library that the addon in {0} needs is missing.', folder), remedy: again };
    case 'other Node':
      return {
        what: l10n.t(
          'The addon in {0} was built for a Node version other than {1}.',
          folder,
          process.version,
        ),
        remedy: again,
      };
    case 'other system':
    case 'damaged':
      return {
        what: l10n.t('A file in {0} is damaged, or was built for another kind of processor.', folder),
        remedy: again,
      };
    case 'blocked':
      return { what: l10n.t('macOS does not allow loading the addon in {0}.', folder), remedy: again };
    case 'unknown':
      return { what: l10n.t('The addon in {0} did not load: {1}.', folder, fault.words), remedy: again };
    default:
      return assertNever(fault);
  }
}

/** Whether a binary is known to be built for another system than this one. */
export function isOfOther(binary: BinarySystem, { platform, arch }: System): boolean {
  return binary.platform !== platform || (binary.arch !== null && binary.arch !== arch);
}

/** Says that a file is built for another system, as a sentence. */
export function builtForOther(file: string, binary: BinarySystem, { platform, arch }: System): string {
  const names = [[binary.platform, binary.arch].filter(Boolean).join(' '), `${platform} ${arch}`] as const;
  return l10n.t('{0} was built for {1}, but this system is {2}.', file, ...names);
}

/** Returns how to fix an installation that is incomplete or damaged. */
export function installAgain({ engine, origin }: Installation): string {
  return origin === 'workspace'
    ? l10n.t('Run "{0}" in the workspace, or remove the package.', `npm rebuild ${ENGINE_PACKAGES[engine]}`)
    : l10n.t('Reinstall it with "{0}".', `tricks engine install ${engine}`);
}
