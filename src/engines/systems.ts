import { release } from 'node:os';
import * as l10n from '@vscode/l10n';
import { prebuiltFor, wheelFor } from './install/pins';
import type { NativeEngine } from './installations';
import { isOlder } from './versions';

/** The properties of a process's system that binaries depend on. */
export interface System {
  readonly platform: NodeJS.Platform;
  readonly arch: NodeJS.Architecture;
  /**
   * The version of the GNU C library; null on other systems than Linux, and on Linux with another C library, such as
   * musl.
   */
  readonly glibc: string | null;
  /** The major version of macOS; null on other systems. */
  readonly macos: string | null;
}

let known: System | undefined;

export function thisSystem(): System {
  known ??= readSystem();
  return known;
}

function readSystem(): System {
  const { platform, arch } = process;
  return {
    platform,
    arch,
    glibc: platform === 'linux' ? glibcVersion() : null,
    macos: platform === 'darwin' ? macosOf(release()) : null,
  };
}

function glibcVersion(): string | null {
  const report = process.report?.getReport() as { header?: { glibcVersionRuntime?: string } } | undefined;
  return report?.header?.glibcVersionRuntime ?? null;
}

/**
 * Returns the macOS version of a Darwin kernel: Darwin 20 to 24 are macOS 11 to 15. From Darwin 25 on, which is macOS
 * 26, the versions differ by 1.
 */
export function macosOf(kernel: string): string | null {
  const major = Number.parseInt(kernel, 10);
  if (Number.isNaN(major)) return null;
  return `${major >= 25 ? major + 1 : major - 9}`;
}

/** The system requirements of a binary. */
export interface Needs {
  readonly glibc: string;
  readonly macos: string;
}

/** From the names of its wheels, manylinux_2_27 and macosx_12_0. */
const TENSORFLOW_NEEDS: Needs = { glibc: '2.27', macos: '12' };

/** From its imported symbols. */
export const DAWN_NEEDS: Needs = { glibc: '2.34', macos: '15' };

/** Describes which requirement of a library a system does not meet, as a sentence; null if it meets all. */
export function lackOf(library: string, needs: Needs, { platform, glibc, macos }: System): string | null {
  if (platform === 'linux' && glibc === null)
    return l10n.t(
      "{0} needs the GNU C library, but this system has a different one, such as Alpine's musl.",
      library,
    );
  if (glibc !== null && isOlder(glibc, needs.glibc))
    return l10n.t('{0} needs GLIBC {1} or newer, but this system has {2}.', library, needs.glibc, glibc);
  if (macos !== null && isOlder(macos, needs.macos))
    return l10n.t('{0} needs macOS {1} or newer, but this is macOS {2}.', library, needs.macos, macos);
  return null;
}

/** Explains why an engine cannot be installed on a system at all, as a sentence; null if it can. */
export function notMadeFor(engine: NativeEngine, system: System = thisSystem()): string | null {
  const { platform, arch } = system;
  if (wheelFor(engine, platform, arch) === null && prebuiltFor(engine, platform, arch) === null) {
    return engine === 'tensorflow-gpu'
      ? l10n.t('TensorFlow has no library for GPUs on {0} {1}.', platform, arch)
      : l10n.t('TensorFlow has no library for {0} on {1}.', platform, arch);
  }
  return lackOf('TensorFlow', TENSORFLOW_NEEDS, system);
}

/** Explains why an engine was not found. The remedy is null if it cannot be installed on this system. */
export function notInstalled(
  engine: NativeEngine,
  system: System = thisSystem(),
): { readonly what: string; readonly remedy: string | null } {
  const never = notMadeFor(engine, system);
  if (never !== null) return { what: never, remedy: null };
  return {
    what: l10n.t('It is not installed.'),
    remedy: l10n.t('Install {0} with "{1}".', engine, `tricks engine install ${engine}`),
  };
}
