import { release } from 'node:os';
import * as l10n from '@vscode/l10n';
import { prebuiltFor, wheelFor } from './install/pins';
import type { NativeEngine } from './installations';
import { isOlder } from './versions';

/** The system that a process runs on, as far as compiled libraries are made for it. */
export interface System {
  readonly platform: NodeJS.Platform;
  readonly arch: NodeJS.Architecture;
  /** The version of Linux' GNU C library; null on other systems, and where Linux has another one, such as musl. */
  readonly glibc: string | null;
  /** The version of macOS, by its first number; null on other systems. */
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

/** The version of macOS that has a kernel: Darwin 20 to 24 are macOS 11 to 15, and from Darwin 25 on it is macOS 26. */
export function macosOf(kernel: string): string | null {
  const major = Number.parseInt(kernel, 10);
  if (Number.isNaN(major)) return null;
  return `${major >= 25 ? major + 1 : major - 9}`;
}

/** What compiled libraries need of a system. */
export interface Needs {
  readonly glibc: string;
  readonly macos: string;
}

/** By the names of its wheels, manylinux_2_27 and macosx_12_0. */
const TENSORFLOW_NEEDS: Needs = { glibc: '2.27', macos: '12' };

/** By what it imports. */
export const DAWN_NEEDS: Needs = { glibc: '2.34', macos: '15' };

/** What a system lacks of what a library needs, in a sentence; null where it has that. */
export function lackOf(library: string, needs: Needs, { platform, glibc, macos }: System): string | null {
  if (platform === 'linux' && glibc === null)
    return l10n.t(
      "{0} needs the GNU C library, and this system has another one, such as Alpine's musl.",
      library,
    );
  if (glibc !== null && isOlder(glibc, needs.glibc))
    return l10n.t('{0} needs GLIBC {1} or newer, and this system has {2}.', library, needs.glibc, glibc);
  if (macos !== null && isOlder(macos, needs.macos))
    return l10n.t('{0} needs macOS {1} or newer, and this is macOS {2}.', library, needs.macos, macos);
  return null;
}

/** Why an engine cannot be installed on a system at all, in a sentence; null where it can. */
export function notMadeFor(engine: NativeEngine, system: System = thisSystem()): string | null {
  const { platform, arch } = system;
  if (wheelFor(engine, platform, arch) === null && prebuiltFor(engine, platform, arch) === null) {
    return engine === 'tensorflow-gpu'
      ? l10n.t('TensorFlow has no library for GPUs on {0} {1}.', platform, arch)
      : l10n.t('TensorFlow has no library for {0} on {1}.', platform, arch);
  }
  return lackOf('TensorFlow', TENSORFLOW_NEEDS, system);
}

/** Why an engine that was not found is not there; the remedy is null where it cannot be installed on this system. */
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
