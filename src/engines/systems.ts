import * as l10n from '@vscode/l10n';
import { prebuiltFor, wheelFor } from './install/pins';
import type { NativeEngine } from './installations';

/** A system that an engine may be made for. */
export interface System {
  readonly platform: NodeJS.Platform;
  readonly arch: NodeJS.Architecture;
}

/** Whether an engine can be installed on a system at all. */
export function isMadeFor(engine: NativeEngine, { platform, arch }: System = process): boolean {
  return wheelFor(engine, platform, arch) !== null || prebuiltFor(engine, platform, arch) !== null;
}

/** Why an engine that was not found is not there; the remedy is null where it is made for other systems only. */
export function notInstalled(
  engine: NativeEngine,
  system: System = process,
): { readonly what: string; readonly remedy: string | null } {
  return isMadeFor(engine, system)
    ? {
        what: l10n.t('It is not installed.'),
        remedy: l10n.t('Install {0} with "{1}".', engine, `tricks engine install ${engine}`),
      }
    : { what: notMadeFor(engine, system), remedy: null };
}

/** That an engine is made for other systems only; a sentence. */
export function notMadeFor(engine: NativeEngine, { platform, arch }: System = process): string {
  return engine === 'tensorflow-gpu'
    ? l10n.t('TensorFlow has no library for GPUs on {0} {1}.', platform, arch)
    : l10n.t('TensorFlow has no library for {0} on {1}.', platform, arch);
}
