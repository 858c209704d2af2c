import { mkdir, readdir, rm, statfs, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as l10n from '@vscode/l10n';
import type { InstallProgress, Source } from '../../protocol/install';
import { UserError } from '../../shared/userError';
import { processExists } from '../../system/processes';
import { renameOver } from '../../system/renameOver';
import {
  enginesFolder,
  findInManaged,
  type InstallationRecord,
  type NativeEngine,
  RECORD,
  workFolder,
} from '../installations';
import { probeAddon } from '../probe';
import { processorFlags } from '../processor';
import { type InstallMethod, sourcesFor } from './method';
import type { PackageIndexes } from './packages';
import { prebuiltFor, wheelFor } from './pins';
import { prebuiltMethod } from './prebuilt';
import { wheelMethod } from './wheel';

export interface InstallOptions {
  /** The folder of managed installations; the user's by default. */
  readonly folder?: string | undefined;
  readonly indexes?: PackageIndexes;
  /** Where to take it from; by default the first source that it can be had from, of those for the processor. */
  readonly from?: Source | undefined;
  /** Whether to install again what is there and works. */
  readonly again?: boolean | undefined;
  /** Whether to install tensorflow-gpu also where there is no GPU that it computes on. */
  readonly withoutGpu?: boolean | undefined;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: InstallProgress) => void;
}

/** The methods to install an engine on this machine's system and processor, in the order to try them. */
async function methodsFor(engine: NativeEngine): Promise<InstallMethod[]> {
  const [prebuilt, wheel] = [prebuiltFor(engine), wheelFor(engine)];
  const methods = [...(prebuilt ? [prebuiltMethod(prebuilt)] : []), ...(wheel ? [wheelMethod(wheel)] : [])];
  const order = sourcesFor(engine, await processorFlags());
  return methods.sort((one, other) => order.indexOf(one.source) - order.indexOf(other.source));
}

/**
 * Installs an engine for this user, by the first of its methods that works. All happens in a folder of its own, which
 * takes its place when it is whole and has computed something; an installation of before stays until then.
 *
 * @param methods The methods to try; by default those that there are.
 * @returns the installation's folder
 * @throws UserError; the file system's error; the signal's reason when aborted
 */
export async function installEngine(
  engine: NativeEngine,
  options: InstallOptions = {},
  methods?: readonly InstallMethod[],
): Promise<string> {
  const { folder = enginesFolder(), from, signal = new AbortController().signal } = options;
  const chosen = (methods ?? (await methodsFor(engine))).filter(
    ({ source }) => from === undefined || source === from,
  );
  if (chosen.length === 0) throw noMethod(engine, from);
  signal.throwIfAborted();
  const present = options.again
    ? null
    : await workingInstallation(engine, folder, chosen, { ...options, signal });
  if (present !== null) return present;
  const open = await usableMethods(chosen, { ...options, signal });
  await mkdir(folder, { recursive: true });
  await removeAbandoned(folder);
  const work = workFolder(engine, folder);
  await mkdir(work).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error;
    throw new UserError({
      what: l10n.t('{0} is being installed already.', engine),
      remedy: l10n.t('Wait until it is done.'),
    });
  });
  try {
    await completeByFirst(engine, open, work, { ...options, signal });
    signal.throwIfAborted();
    return await replace(join(folder, engine), join(work, 'complete'));
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

function noMethod(engine: NativeEngine, from: Source | undefined): UserError {
  const { platform, arch } = process;
  const what =
    from === 'prebuilt'
      ? l10n.t('Nothing of {0} is prebuilt for {1} on {2}.', engine, platform, arch)
      : l10n.t('TensorFlow has no library for {0} on {1}.', platform, arch);
  return new UserError({ what, remedy: l10n.t('Choose the engine wasm, which works everywhere.') });
}

/** The methods that this machine has no problem with, so that nobody waits for gigabytes of no use. */
async function usableMethods(
  methods: readonly InstallMethod[],
  { withoutGpu = false, signal, onProgress }: InstallContext,
): Promise<InstallMethod[]> {
  const open: InstallMethod[] = [];
  for (const [index, method] of methods.entries()) {
    const gpuProblem = withoutGpu ? null : await method.gpuProblem(signal);
    const problem = gpuProblem ?? (await method.problem(signal));
    if (!problem) {
      open.push(method);
      continue;
    }
    const other = methods[index + 1] ?? open[0];
    if (!other) {
      const anyway = l10n.t('With "{0}" it is installed all the same.', '--without-gpu');
      const remedy = gpuProblem ? `${problem.remedy} ${anyway}` : problem.remedy;
      throw new UserError({ what: problem.what, remedy });
    }
    onProgress?.({ stage: 'instead', source: other.source, why: problem.what });
  }
  return open;
}

/** The folder of an installation that has a method's versions and computes where it should. */
async function workingInstallation(
  engine: NativeEngine,
  managed: string,
  methods: readonly InstallMethod[],
  { withoutGpu = false, signal }: InstallContext,
): Promise<string | null> {
  const installation = findInManaged(engine, managed);
  if (!installation?.addonPath) return null;
  const hasAll = ({ versions }: InstallMethod) =>
    Object.entries(versions).every(([name, it]) => installation.versions[name] === it);
  if (!methods.some(hasAll)) return null;
  const probe = await probeAddon(installation.addonPath, signal);
  const computes = probe.ok && (engine !== 'tensorflow-gpu' || withoutGpu || probe.gpu.used);
  return computes ? installation.folder : null;
}

type InstallContext = InstallOptions & { readonly signal: AbortSignal };

/** Tries each method in order until one works, and reports why one was skipped. */
async function completeByFirst(
  engine: NativeEngine,
  methods: readonly InstallMethod[],
  work: string,
  options: InstallContext,
): Promise<void> {
  for (const [index, method] of methods.entries()) {
    try {
      await complete(engine, method, work, options);
      return;
    } catch (error) {
      const next = methods[index + 1];
      if (!(error instanceof UserError) || !next) throw error;
      for (const name of await readdir(work)) await rm(join(work, name), { recursive: true });
      options.onProgress?.({ stage: 'instead', source: next.source, why: error.failure.what });
    }
  }
}

/** Makes a whole installation in the folder `complete` of `work`, which has computed something. */
async function complete(
  engine: NativeEngine,
  method: InstallMethod,
  work: string,
  { indexes = {}, withoutGpu = false, signal, onProgress = () => {} }: InstallContext,
): Promise<void> {
  await checkSpace(work, method.neededBytes);
  const { addon, bytes } = await method.assemble(work, { indexes, signal, onProgress });
  const folder = join(work, 'complete');
  onProgress({ stage: 'check' });
  const probe = await probeAddon(join(folder, addon), signal);
  if (!probe.ok) {
    throw new UserError({
      what: l10n.t('What was downloaded does not compute here: {0}', probe.reason),
      remedy: l10n.t('Choose the engine wasm, which works everywhere.'),
    });
  }
  if (engine === 'tensorflow-gpu' && !withoutGpu && !probe.gpu.used) {
    throw new UserError({
      what: l10n.t('What was downloaded cannot be used here: {0}', probe.gpu.why),
      remedy: l10n.t('Choose the engine tensorflow, which computes on the processor.'),
    });
  }
  const record: InstallationRecord = {
    engine,
    addon,
    versions: method.versions,
    platform: process.platform,
    arch: process.arch,
    installedAt: Date.now(),
    bytes,
  };
  await writeFile(join(folder, RECORD), `${JSON.stringify(record, null, 2)}\n`);
}

/** Puts a folder in a place, and removes what was there. */
async function replace(target: string, folder: string): Promise<string> {
  const old = `${folder}-old`;
  await renameOver(target, old).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
  });
  await renameOver(folder, target);
  return target;
}

async function checkSpace(folder: string, needed: number): Promise<void> {
  const { bavail, bsize } = await statfs(folder);
  if (bavail * bsize >= needed) return;
  const gigabytes = (bytes: number) => (bytes / 1e9).toFixed(1);
  throw new UserError({
    what: l10n.t(
      '{0} has {1} GB free, and {2} GB are needed.',
      folder,
      gigabytes(bavail * bsize),
      gigabytes(needed),
    ),
    remedy: l10n.t('Free some space, or name another folder in BAG_OF_TRICKS_ENGINES.'),
  });
}

/** Removes what installers left that were killed: their folders end with their process. */
async function removeAbandoned(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    const pid = /^\..+-(\d+)$/.exec(name)?.[1];
    if (pid !== undefined && !processExists(Number(pid)))
      await rm(join(folder, name), { recursive: true, force: true });
  }
}
