import { mkdir, readdir, rename, rm, statfs, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as l10n from '@vscode/l10n';
import { processExists } from '../../runs/processes';
import {
  ADDON,
  enginesFolder,
  findInManaged,
  type InstallationRecord,
  type NativeEngine,
  RECORD,
} from '../installations';
import { CUDA_12_DRIVER, findDriverProblem } from '../nvidia';
import { probeAddon } from '../probe';
import { compileAddon } from './compile';
import { EngineInstallError } from './error';
import { fetchNpmPackage, fetchWheel, type PackageFetching, type PackageIndexes } from './packages';
import { ADDON_SOURCES, downloadBytes, NODE_HEADERS, type PinnedFile, type Wheel, wheelFor } from './pins';
import { unpackTar, unpackZip } from './unpack';

export type InstallProgress =
  | {
      readonly stage: 'download';
      readonly file: string;
      readonly receivedBytes: number;
      readonly totalBytes: number;
    }
  | { readonly stage: 'unpack' | 'compile' | 'check' };

export interface InstallOptions {
  /** The folder of managed installations; the user's by default. */
  readonly folder?: string | undefined;
  readonly indexes?: PackageIndexes;
  /** Whether to install again what is there and works. */
  readonly again?: boolean | undefined;
  /** Whether to install tensorflow-gpu also where there is no GPU that it computes on. */
  readonly withoutGpu?: boolean | undefined;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: InstallProgress) => void;
}

/** Of the wheel, the C interface's headers, and those that they include. */
const HEADERS = ['tensorflow/c/', 'tensorflow/core/platform/ctstring', 'tsl/platform/ctstring', 'xla/tsl/c/'];

/** TensorFlow's libraries unpacked take three times their wheel, and those of CUDA less. */
const UNPACKED_PER_PACKED = 3.2;

/**
 * Installs an engine for this user: TensorFlow's libraries from its wheel, and the addon of `@tensorflow/tfjs-node`
 * compiled against them, and for a GPU those of CUDA, in the folders that TensorFlow looks for them. All happens in a folder of its own, which takes its place when it is whole and has computed
 * something; an installation of before stays until then.
 *
 * @returns the installation's folder
 * @throws EngineInstallError with its remedy; the file system's error; the signal's reason when aborted
 */
export async function installEngine(engine: NativeEngine, options: InstallOptions = {}): Promise<string> {
  const { folder = enginesFolder(), signal = new AbortController().signal } = options;
  const wheel = wheelFor(engine);
  if (!wheel) {
    throw new EngineInstallError(
      l10n.t('TensorFlow has no library for {0} on {1}.', process.platform, process.arch),
      l10n.t('Choose the engine wasm, which works everywhere.'),
    );
  }
  signal.throwIfAborted();
  if (wheel.cuda && !options.withoutGpu) await checkDriver(signal);
  const present = options.again ? null : await working(engine, folder, wheel, signal);
  if (present !== null) return present;
  await mkdir(folder, { recursive: true });
  await removeAbandoned(folder);
  await checkSpace(folder, wheel);
  const work = join(folder, `.${engine}-${process.pid}`);
  await mkdir(work).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error;
    throw new EngineInstallError(
      l10n.t('{0} is being installed already.', engine),
      l10n.t('Wait until it is done.'),
    );
  });
  try {
    const complete = await assemble(engine, wheel, work, { ...options, signal });
    signal.throwIfAborted();
    return await replace(join(folder, engine), complete);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

/** So that nobody waits for gigabytes that cannot be used. */
async function checkDriver(signal: AbortSignal): Promise<void> {
  const problem = await findDriverProblem(CUDA_12_DRIVER, signal);
  if (problem === null) return;
  const anyway = l10n.t('With "{0}" it is installed all the same.', '--without-gpu');
  throw new EngineInstallError(problem.what, `${problem.remedy} ${anyway}`);
}

/** The folder of an installation that has these versions and computes. */
async function working(
  engine: NativeEngine,
  managed: string,
  wheel: Wheel,
  signal: AbortSignal,
): Promise<string | null> {
  const installation = findInManaged(engine, managed);
  if (!installation?.addonPath) return null;
  const hasAll = Object.entries(versionsOf(wheel)).every(([name, it]) => installation.versions[name] === it);
  if (!hasAll) return null;
  return (await probeAddon(installation.addonPath, signal)).ok ? installation.folder : null;
}

/** Removes an engine's managed installation; whether there was one. */
export async function removeEngine(engine: NativeEngine, folder = enginesFolder()): Promise<boolean> {
  const target = join(folder, engine);
  const work = join(folder, `.${engine}-${process.pid}`);
  try {
    await rename(target, work);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
  await rm(work, { recursive: true });
  return true;
}

/** Makes a whole installation in a folder below `work`. */
async function assemble(
  engine: NativeEngine,
  wheel: Wheel,
  work: string,
  { indexes = {}, withoutGpu, signal, onProgress }: InstallOptions & { readonly signal: AbortSignal },
): Promise<string> {
  const fetching = ({ file }: PinnedFile): PackageFetching => ({
    indexes,
    signal,
    onBytes: (receivedBytes, totalBytes) =>
      onProgress?.({ stage: 'download', file, receivedBytes, totalBytes }),
  });
  // The small ones first: what is amiss with the network or the compiler shows early.
  const sources = await fetchNpmPackage(ADDON_SOURCES, work, fetching(ADDON_SOURCES));
  const headers = await fetchNpmPackage(NODE_HEADERS, work, fetching(NODE_HEADERS));
  const [complete, build] = [join(work, 'complete'), join(work, 'build')];
  await unpackTar(sources, build, 'package/');
  await unpackTar(headers, join(build, 'node'), 'package/include/');
  const place = placesFor(wheel);
  const fetchAndUnpack = async (pinned: PinnedFile) => {
    const archive = await fetchWheel(pinned, work, fetching(pinned));
    onProgress?.({ stage: 'unpack' });
    const unpacked = await unpackZip(archive, work, place, signal);
    await rm(archive);
    return unpacked;
  };
  let bytes = await fetchAndUnpack(wheel);

  onProgress?.({ stage: 'compile' });
  const addon = join(complete, ADDON);
  await compileAddon(
    {
      sources: ['tfjs_backend.cc', 'tfjs_binding.cc'].map((file) => join(build, 'binding', file)),
      includeFolders: [join(build, 'node'), join(build, 'tensorflow'), build],
      librariesFolder: join(complete, librariesFolder(wheel)),
      libraries: wheel.libraries,
      output: addon,
    },
    signal,
  );

  for (const pinned of wheel.cuda ?? []) bytes += await fetchAndUnpack(pinned);

  onProgress?.({ stage: 'check' });
  const probe = await probeAddon(addon, signal);
  if (!probe.ok) {
    throw new EngineInstallError(
      l10n.t('The engine was built and does not compute: {0}', probe.reason),
      l10n.t('Choose the engine wasm, which works everywhere.'),
    );
  }
  if (wheel.cuda && !withoutGpu && !probe.gpu.used) {
    throw new EngineInstallError(
      l10n.t('The engine was built and cannot be used: {0}', probe.gpu.why),
      l10n.t('Choose the engine tensorflow, which computes on the processor.'),
    );
  }
  const record: InstallationRecord = {
    engine,
    versions: versionsOf(wheel),
    platform: process.platform,
    arch: process.arch,
    installedAt: Date.now(),
    bytes,
  };
  await writeFile(join(complete, RECORD), `${JSON.stringify(record, null, 2)}\n`);
  return complete;
}

/** What an installation consists of, by name. */
function versionsOf({ version, cuda = [] }: Wheel): Record<string, string> {
  return {
    tensorflow: version,
    'tfjs-node': ADDON_SOURCES.version,
    ...Object.fromEntries(cuda.map((each) => [each.project, each.version])),
  };
}

/**
 * Where TensorFlow's libraries lie below the installation: beside the addon, or for a GPU as in Python's packages,
 * because they look for CUDA's in `../nvidia/*\/lib` from themselves.
 */
function librariesFolder({ cuda }: Wheel): string {
  return cuda ? 'tensorflow' : '';
}

/** Of CUDA's wheels, what is loaded or read at run time. */
const CUDA_FILES = /^nvidia\/[^/]+\/(?:lib\/[^/]+\.so(?:\.\d+)*|bin\/ptxas|nvvm\/libdevice\/[^/]+\.bc)$/;

/** The wheels' libraries go to the installation, and the headers that the addon includes to its build. */
export function placesFor(wheel: Wheel): (name: string) => string | null {
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

/** Puts a folder in a place, and removes what was there. */
async function replace(target: string, folder: string): Promise<string> {
  const old = `${folder}-old`;
  await rename(target, old).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
  });
  await rename(folder, target);
  return target;
}

async function checkSpace(folder: string, wheel: Wheel): Promise<void> {
  const { bavail, bsize } = await statfs(folder);
  const needed = wheel.bytes * (1 + UNPACKED_PER_PACKED) + 2 * (downloadBytes(wheel) - wheel.bytes);
  if (bavail * bsize >= needed) return;
  const gigabytes = (bytes: number) => (bytes / 1e9).toFixed(1);
  throw new EngineInstallError(
    l10n.t(
      '{0} has {1} GB free, and {2} GB are needed.',
      folder,
      gigabytes(bavail * bsize),
      gigabytes(needed),
    ),
    l10n.t('Free some space, or name another folder in BAG_OF_TRICKS_ENGINES.'),
  );
}

/** Removes what installers left that were killed: their folders end with their process. */
async function removeAbandoned(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    const pid = /^\..+-(\d+)$/.exec(name)?.[1];
    if (pid !== undefined && !processExists(Number(pid)))
      await rm(join(folder, name), { recursive: true, force: true });
  }
}
