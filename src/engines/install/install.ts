import { mkdir, readdir, stat, statfs, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as l10n from '@vscode/l10n';
import type { InstallProgress, Source } from '../../protocol/install';
import { UserError } from '../../shared/userError';
import { isSystemError } from '../../system/errors';
import { currentUser } from '../../system/pathTrust';
import { renameOver } from '../../system/renameOver';
import {
  enginesFolder,
  findInManaged,
  folderOfBefore,
  type InstallationRecord,
  type NativeEngine,
  RECORD,
} from '../installations';
import { probeAddon } from '../probe';
import { processorFlags } from '../processor';
import { notMadeFor } from '../systems';
import { untrusted } from '../trust';
import { ALLOW_UNVERIFIED, type InstallMethod, sourcesFor } from './method';
import type { PackageIndexes } from './packages';
import { prebuiltFor, wheelFor } from './pins';
import { prebuiltMethod } from './prebuilt';
import { wheelMethod } from './wheel';
import { remove, takeWorkFolder, type WorkFolder, type WorkOptions } from './workFolder';

export interface InstallOptions {
  /** The folder of managed installations. Defaults to the user's. */
  readonly folder?: string | undefined;
  readonly indexes?: PackageIndexes;
  /** The source to install from. Defaults to the first one available for the processor. */
  readonly from?: Source | undefined;
  /** Whether to reinstall a working installation. */
  readonly again?: boolean | undefined;
  /** Whether to install tensorflow-gpu even without a GPU that it supports. */
  readonly withoutGpu?: boolean | undefined;
  /** Whether to accept files without a published hash. */
  readonly allowUnverified?: boolean | undefined;
  /** How long a server may make no progress. Defaults to a minute. */
  readonly idleTimeoutMs?: number | undefined;
  /** How to decide whether an installer on another machine or in another container is alive. */
  readonly work?: Pick<WorkOptions, 'standstillMs' | 'beatMs'>;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: InstallProgress) => void;
}

/** Returns the ways to install an engine on this operating system and processor, in the order to try them. */
async function methodsFor(engine: NativeEngine): Promise<InstallMethod[]> {
  if (notMadeFor(engine) !== null) return [];
  const [prebuilt, wheel] = [prebuiltFor(engine), wheelFor(engine)];
  const methods = [...(prebuilt ? [prebuiltMethod(prebuilt)] : []), ...(wheel ? [wheelMethod(wheel)] : [])];
  const order = sourcesFor(engine, await processorFlags());
  return methods.sort((one, other) => order.indexOf(one.source) - order.indexOf(other.source));
}

/**
 * Installs an engine for this user with the first method that works. Builds the installation in a separate folder and
 * moves it into place after it is complete and has computed something. An earlier installation stays until then.
 *
 * @param methods the methods to try; by default all that exist
 * @returns the installation's folder
 * @throws UserError; the file system's error; the signal's reason if aborted
 */
export async function installEngine(
  engine: NativeEngine,
  options: InstallOptions = {},
  methods?: readonly InstallMethod[],
): Promise<string> {
  const { folder = enginesFolder(), from, signal = new AbortController().signal } = options;
  const context = { ...options, signal };
  const ofSource = (methods ?? (await methodsFor(engine))).filter(
    ({ source }) => from === undefined || source === from,
  );
  if (ofSource.length === 0) throw noMethod(engine, from);
  const chosen = options.allowUnverified
    ? ofSource
    : ofSource.filter(({ unverified }) => unverified.length === 0);
  const refused = ofSource.filter((method) => !chosen.includes(method));
  if (chosen.length === 0) throw unverifiedOnly(engine, refused);
  signal.throwIfAborted();
  try {
    const present = options.again ? null : await workingInstallation(engine, folder, chosen, context);
    if (present !== null) return present;
    const open = await usableMethods(chosen, refused, context);
    await mkdir(folder, { recursive: true });
    const user = currentUser();
    const refusal = user && untrusted(folder, user, []);
    if (refusal) throw new UserError(refusal);
    const onWait = () => options.onProgress?.({ stage: 'wait' });
    const work = await takeWorkFolder(engine, folder, { signal, onWait, ...options.work });
    try {
      await removeAbandoned(engine, folder);
      await completeByFirst(engine, open, work.files, context);
      return await putInPlace(engine, folder, work, signal);
    } finally {
      await work.release();
    }
  } catch (error) {
    // After an interrupt, the signal's reason is the error to report.
    signal.throwIfAborted();
    throw error;
  }
}

function noMethod(engine: NativeEngine, from: Source | undefined): UserError {
  const { platform, arch } = process;
  const what =
    notMadeFor(engine) ??
    (from === 'prebuilt'
      ? l10n.t('There is no prebuilt {0} for {1} on {2}.', engine, platform, arch)
      : l10n.t('TensorFlow has no library for {0} on {1}.', platform, arch));
  return new UserError({ what, remedy: l10n.t('Choose the engine wasm, which works everywhere.') });
}

function unverifiedOnly(engine: NativeEngine, refused: readonly InstallMethod[]): UserError {
  return new UserError({
    what: unverifiedText(refused),
    remedy: wheelFor(engine)
      ? l10n.t('Install from the wheel, or allow it with "{0}".', ALLOW_UNVERIFIED)
      : l10n.t('Allow it with "{0}".', ALLOW_UNVERIFIED),
  });
}

function unverifiedText(methods: readonly InstallMethod[]): string {
  const files = methods.flatMap(({ unverified }) => unverified).join(', ');
  return l10n.t('There is no published hash of {0}, so its contents cannot be verified.', files);
}

/** Returns the methods without problems on this machine, so nobody downloads gigabytes in vain. */
async function usableMethods(
  methods: readonly InstallMethod[],
  refused: readonly InstallMethod[],
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
      const anyway = l10n.t('Use "{0}" to install it anyway.', '--without-gpu');
      const unverified =
        refused.length > 0
          ? l10n.t('Use "{0}" to allow the prebuilt addon. {1}', ALLOW_UNVERIFIED, unverifiedText(refused))
          : null;
      const remedies = [problem.remedy, gpuProblem ? anyway : unverified].filter((each) => each !== null);
      throw new UserError({ what: problem.what, remedy: remedies.join(' ') });
    }
    onProgress?.({ stage: 'instead', source: other.source, why: problem.what });
  }
  return open;
}

/** Returns the folder of an installation that has a method's versions and computes on the right device. */
async function workingInstallation(
  engine: NativeEngine,
  managed: string,
  methods: readonly InstallMethod[],
  { withoutGpu = false, signal }: InstallContext,
): Promise<string | null> {
  const installation = findInManaged(engine, managed);
  if (!installation?.addonPath || installation.problem) return null;
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
      options.signal.throwIfAborted();
      for (const name of await readdir(work)) await remove(join(work, name));
      options.onProgress?.({ stage: 'instead', source: next.source, why: error.failure.what });
    }
  }
}

/** Builds a complete installation in the folder `complete` of `work` and checks that it computes. */
async function complete(
  engine: NativeEngine,
  method: InstallMethod,
  work: string,
  { indexes = {}, withoutGpu = false, idleTimeoutMs, signal, onProgress = () => {} }: InstallContext,
): Promise<void> {
  await checkSpace(work, method.neededBytes);
  const { addon, bytes } = await method.assemble(work, { indexes, signal, idleTimeoutMs, onProgress });
  const folder = join(work, 'complete');
  onProgress({ stage: 'check' });
  const probe = await probeAddon(join(folder, addon), signal);
  // An interrupt from the terminal also ends the probe, whose result then says nothing about the addon.
  await turn();
  signal.throwIfAborted();
  if (!probe.ok) {
    throw new UserError({
      what: l10n.t('The downloaded engine does not work here: {0}', probe.reason),
      remedy: l10n.t('Choose the engine wasm, which works everywhere.'),
    });
  }
  if (engine === 'tensorflow-gpu' && !withoutGpu && !probe.gpu.used) {
    throw new UserError({
      what: l10n.t('The downloaded engine cannot be used here: {0}', probe.gpu.why),
      remedy: l10n.t('Choose the engine tensorflow, which runs on the CPU.'),
    });
  }
  const record: InstallationRecord = {
    engine,
    addon,
    versions: method.versions,
    unverified: method.unverified,
    platform: process.platform,
    arch: process.arch,
    installedAt: Date.now(),
    bytes,
  };
  await writeFile(join(folder, RECORD), `${JSON.stringify(record, null, 2)}\n`);
}

/**
 * Moves a complete installation into the engine's place. First moves the earlier one aside. If this process is killed
 * in between, `findInManaged` still finds it there.
 */
async function putInPlace(
  engine: NativeEngine,
  managed: string,
  work: WorkFolder,
  signal: AbortSignal,
): Promise<string> {
  await work.check();
  signal.throwIfAborted();
  const [target, before] = [join(managed, engine), folderOfBefore(engine, managed)];
  if (await moved(target, before)) {
    try {
      await renameOver(join(work.files, 'complete'), target);
    } catch (error) {
      await renameOver(before, target);
      throw error;
    }
  } else await renameOver(join(work.files, 'complete'), target);
  await remove(before);
  return target;
}

/** Renames a folder. Returns whether it existed. */
async function moved(from: string, to: string): Promise<boolean> {
  try {
    await renameOver(from, to);
    return true;
  } catch (error) {
    if (isSystemError(error, 'ENOENT')) return false;
    throw error;
  }
}

/** Lets pending signals be delivered. */
function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

async function checkSpace(folder: string, needed: number): Promise<void> {
  const { bavail, bsize } = await statfs(folder);
  if (bavail * bsize >= needed) return;
  const gigabytes = (bytes: number) => (bytes / 1e9).toFixed(1);
  throw new UserError({
    what: l10n.t(
      '{0} has {1} GB free, but {2} GB are needed.',
      folder,
      gigabytes(bavail * bsize),
      gigabytes(needed),
    ),
    remedy: l10n.t('Free some space, or set BAG_OF_TRICKS_ENGINES to another folder.'),
  });
}

/**
 * The minimum age of a killed installer's leftovers before they are removed. No installer works on such a folder for
 * longer.
 */
const ABANDONED_MS = 24 * 3_600_000;

/**
 * Cleans up after a killed installer. If it was about to move the new installation into place, restores the earlier
 * one.
 */
async function removeAbandoned(engine: NativeEngine, managed: string): Promise<void> {
  const [target, before] = [join(managed, engine), folderOfBefore(engine, managed)];
  if (findInManaged(engine, managed)?.folder === before) await remove(target);
  if (!(await stat(target).catch(() => null))) await moved(before, target);
  await remove(before);
  // `.tensorflow-123` is a folder from an older version.
  const left = new RegExp(`^\\.${engine}(?:\\.work-|\\.removed-|-\\d+$)`);
  for (const name of (await readdir(managed)).filter((each) => left.test(each))) {
    const path = join(managed, name);
    const found = await stat(path).catch(() => null);
    if (found && Date.now() - found.mtimeMs > ABANDONED_MS) await remove(path);
  }
}
