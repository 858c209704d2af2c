import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { ADDON } from '../installations';
import { CUDA_12_DRIVER, findDriverProblem } from '../nvidia';
import { compileAddon, compilerProblem } from './compile';
import type { InstallMethod } from './method';
import { fetchNpmPackage, fetchWheel } from './packages';
import { ADDON_SOURCES, downloadBytes, NODE_HEADERS, type PinnedFile, type Wheel } from './pins';
import { unpackTar, unpackZip } from './unpack';

/** The wheel's C API headers and the headers that they include. */
const HEADERS = ['tensorflow/c/', 'tensorflow/core/platform/ctstring', 'tsl/platform/ctstring', 'xla/tsl/c/'];

/** Unpacked, TensorFlow's libraries take three times the size of their wheel. CUDA's take less. */
const UNPACKED_PER_PACKED = 3.2;

/**
 * An upper bound of a wheel's unpacked size relative to its own, and one for the addon's sources and Node's headers.
 */
const LIMIT_PER_PACKED = 10;
const SOURCES_LIMIT_BYTES = 64e6;

/**
 * Installs TensorFlow's libraries from its wheel, and the addon of `@tensorflow/tfjs-node` compiled against them. For a
 * GPU, also installs CUDA's libraries in the folders that TensorFlow searches.
 */
export function wheelMethod(wheel: Wheel): InstallMethod {
  return {
    source: 'wheel',
    unverified: [],
    versions: {
      tensorflow: wheel.version,
      'tfjs-node': ADDON_SOURCES.version,
      ...Object.fromEntries((wheel.cuda ?? []).map((each) => [each.project, each.version])),
    },
    neededBytes: wheel.bytes * (1 + UNPACKED_PER_PACKED) + 2 * (downloadBytes(wheel) - wheel.bytes),
    problem: compilerProblem,
    gpuProblem: async (signal) => (wheel.cuda ? findDriverProblem(CUDA_12_DRIVER, signal) : null),
    assemble: async (work, fetching) => {
      const { signal, onProgress } = fetching;
      // The small ones first, so problems with the network or the compiler show early.
      const sources = await fetchNpmPackage(ADDON_SOURCES, work, fetching);
      const headers = await fetchNpmPackage(NODE_HEADERS, work, fetching);
      const [complete, build] = [join(work, 'complete'), join(work, 'build')];
      const limits = { limitBytes: SOURCES_LIMIT_BYTES, signal };
      await unpackTar(sources, join(build, 'addon'), (path) => path.startsWith('package/binding/'), limits);
      await unpackTar(headers, join(build, 'node'), (path) => path.startsWith('package/include/'), limits);
      const place = unpackPathsFor(wheel);
      const fetchAndUnpack = async (pinned: PinnedFile) => {
        const archive = await fetchWheel(pinned, work, fetching);
        onProgress({ stage: 'unpack' });
        const limitBytes = LIMIT_PER_PACKED * pinned.bytes;
        const unpacked = await unpackZip(archive, work, place, { limitBytes, signal });
        await rm(archive);
        return unpacked;
      };
      let bytes = await fetchAndUnpack(wheel);

      onProgress({ stage: 'compile' });
      const addonSources = join(build, 'addon/package');
      await compileAddon(
        {
          sources: ['tfjs_backend.cc', 'tfjs_binding.cc'].map((file) => join(addonSources, 'binding', file)),
          includeFolders: [join(build, 'node/package/include'), join(build, 'tensorflow'), addonSources],
          librariesFolder: join(complete, librariesFolder(wheel)),
          libraries: wheel.libraries,
          output: join(complete, ADDON),
        },
        signal,
      );

      for (const pinned of wheel.cuda ?? []) bytes += await fetchAndUnpack(pinned);
      return { addon: ADDON, bytes };
    },
  };
}

/**
 * Returns the location of TensorFlow's libraries in the installation: next to the addon or, for a GPU, as in Python's
 * packages, because they look for CUDA's libraries in `../nvidia/*\/lib` relative to themselves.
 */
function librariesFolder({ cuda }: Wheel): string {
  return cuda ? 'tensorflow' : '';
}

/** The files in CUDA's wheels that are loaded or read at run time. */
const CUDA_FILES = /^nvidia\/[^/]+\/(?:lib\/[^/]+\.so(?:\.\d+)*|bin\/ptxas|nvvm\/libdevice\/[^/]+\.bc)$/;

/** Maps the wheels' libraries to the installation, and the headers that the addon includes to its build. */
export function unpackPathsFor(wheel: Wheel): (name: string) => string | null {
  const include = 'tensorflow/include/';
  return (name) => {
    const library = wheel.libraries.find((each) => name === `tensorflow/${each}`);
    if (library !== undefined) return join('complete', librariesFolder(wheel), library);
    if (wheel.cuda && CUDA_FILES.test(name)) return join('complete', name);
    const header = name.startsWith(include) ? name.slice(include.length) : null;
    return header !== null && HEADERS.some((prefix) => header.startsWith(prefix))
      ? join('build/tensorflow', header)
      : null;
  };
}
