import { rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import * as l10n from '@vscode/l10n';
import type { Failure } from '../../shared/failure';
import { ADDON } from '../installations';
import { findDriverProblem, libraryLoadError, newestCapability } from '../nvidia';
import type { InstallMethod } from './method';
import { fetchStored } from './packages';
import { ADDON_SOURCES, type Prebuilt, type StoredFile } from './pins';
import { unpackTar } from './unpack';

/** The addon in its archive, in a folder named after the Node-API version. */
const ADDON_ENTRY = `napi-v8/${ADDON}`;

/**
 * The libraries in their archive, by the names that the addon and the libraries themselves load. Excludes the names for
 * linking.
 */
const LIBRARY_ENTRIES = /^lib\/[^/]+\.so\.[\d.]+$/;

/**
 * Installs like the install script of `@tensorflow/tfjs-node`: a prebuilt library and addon. Keeps that package's
 * layout, because the addon looks for the library in `../../deps/lib` relative to itself.
 */
export function prebuiltMethod(prebuilt: Prebuilt): InstallMethod {
  const { version, library, addon, cuda } = prebuilt;
  return {
    source: 'prebuilt',
    unverified: [basename(addon.path)],
    versions: { tensorflow: version, 'tfjs-node': ADDON_SOURCES.version },
    neededBytes: library.limitBytes,
    problem: async () => null,
    gpuProblem: async (signal) => (cuda ? gpuProblemOf(cuda, version, signal) : null),
    assemble: async (work, fetching) => {
      const fetchAndUnpack = async (
        stored: StoredFile,
        folder: string,
        isWanted: (path: string) => boolean,
      ) => {
        const archive = await fetchStored(stored, work, fetching);
        fetching.onProgress({ stage: 'unpack' });
        const bytes = await unpackTar(archive, join(work, 'complete', folder), isWanted, {
          limitBytes: stored.unpackedLimitBytes,
          signal: fetching.signal,
        });
        await rm(archive);
        return bytes;
      };
      // The small one first, so problems with the storage show early.
      const addonBytes = await fetchAndUnpack(addon, 'lib', (path) => path === ADDON_ENTRY);
      const libraryBytes = await fetchAndUnpack(library, 'deps', (path) => LIBRARY_ENTRIES.test(path));
      return { addon: join('lib', ADDON_ENTRY), bytes: addonBytes + libraryBytes };
    },
  };
}

/** Returns the problem that CUDA's libraries, the driver or the GPUs pose; null if there is none. */
async function gpuProblemOf(
  { driver, capability, libraries }: NonNullable<Prebuilt['cuda']>,
  version: string,
  signal: AbortSignal,
): Promise<Failure | null> {
  const problem = await findDriverProblem(driver, signal);
  if (problem) return problem;
  const newest = await newestCapability();
  if (newest !== null && newest > capability) {
    return {
      what: l10n.t(
        'TensorFlow {0} is too old for this GPU: it supports compute capability {1} at most, but this GPU has {2}.',
        version,
        capability.toFixed(1),
        newest.toFixed(1),
      ),
      remedy: l10n.t('Install it from the wheel.'),
    };
  }
  for (const library of libraries) {
    if ((await libraryLoadError(library, signal)) === null) continue;
    return {
      what: l10n.t('TensorFlow {0} needs {1} from the system, but it does not load.', version, library),
      remedy: l10n.t('Install CUDA 11.2 and cuDNN 8.1, or install it from the wheel.'),
    };
  }
  return null;
}
