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
  /** The folder of managed installations; the user's by default. */
  readonly folder?: string | undefined;
  readonly indexes?: PackageIndexes;
  /** Where to take it from; by default the first source that it can be had from, of those for the processor. */
  readonly from?: Source | undefined;
  /** Whether to install again what is there and works. */
  readonly again?: boolean | undefined;
  /** Whether to install tensorflow-gpu also where there is no GPU that it computes on. */
  readonly withoutGpu?: boolean | undefined;
  /** Whether to take files as well that have no published hash. */
  readonly allowUnverified?: boolean | undefined;
  /** How long a server may make no progress; a minute by default. */
  readonly idleTimeoutMs?: number | undefined;
  /** How an installer of another machine or container is judged. */
  readonly work?: Pick<WorkOptions, 'standstillMs' | 'beatMs'>;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: InstallProgress) => void;
}

/** The methods to install an engine on this machine's system and processor, in the order to try them. */
async function methodsFor(engine: NativeEngine): Promise<InstallMethod[]> {
  if (notMadeFor(engine) !== null) return [];
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
    // What an interrupt ended says so in words of its own.
    signal.throwIfAborted();
    throw error;
  }
}

function noMethod(engine: NativeEngine, from: Source | undefined): UserError {
  const { platform, arch } = process;
  const what =
    notMadeFor(engine) ??
    (from === 'prebuilt'
      ? l10n.t('Nothing of {0} is prebuilt for {1} on {2}.', engine, platform, arch)
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
  return l10n.t('Nobody has published a hash of {0}: what it holds cannot be verified.', files);
}

/** The methods that this machine has no problem with, so that nobody waits for gigabytes of no use. */
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
      const anyway = l10n.t('With "{0}" it is installed all the same.', '--without-gpu');
      const unverified =
        refused.length > 0
          ? l10n.t('What is prebuilt is taken with "{0}". {1}', ALLOW_UNVERIFIED, unverifiedText(refused))
          : null;
      const remedies = [problem.remedy, gpuProblem ? anyway : unverified].filter((each) => each !== null);
      throw new UserError({ what: problem.what, remedy: remedies.join(' ') });
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

/** Makes a whole installation in the folder `complete` of `work`, which has computed something. */
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
  // A terminal's interrupt ends the probe as well, which then says nothing of the addon.
  await turn();
  signal.throwIfAborted();
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
    unverified: method.unverified,
    platform: process.platform,
    arch: process.arch,
    installedAt: Date.now(),
    bytes,
  };
  await writeFile(join(folder, RECORD), `${JSON.stringify(record, null, 2)}\n`);
}

/**
 * Puts what is whole in the engine's place. The installation of before goes aside first, where `findInManaged` still
 * finds it if this process is killed before the new one has its place.
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

/** Renames a folder; whether there was one. */
async function moved(from: string, to: string): Promise<boolean> {
  try {
    await renameOver(from, to);
    return true;
  } catch (error) {
    if (isSystemError(error, 'ENOENT')) return false;
    throw error;
  }
}

/** Lets the signals through that came before now. */
function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
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

/** How old what a killed installer left is before it is removed: nobody works on a folder of these for longer. */
const ABANDONED_MS = 24 * 3_600_000;

/**
 * Finishes or undoes what a killed installer left: where it was about to put the new installation in place, that of
 * before takes its place again.
 */
async function removeAbandoned(engine: NativeEngine, managed: string): Promise<void> {
  const [target, before] = [join(managed, engine), folderOfBefore(engine, managed)];
  if (findInManaged(engine, managed)?.folder === before) await remove(target);
  if (!(await stat(target).catch(() => null))) await moved(before, target);
  await remove(before);
  // `.tensorflow-123` is a folder of an older version.
  const left = new RegExp(`^\\.${engine}(?:\\.work-|\\.removed-|-\\d+$)`);
  for (const name of (await readdir(managed)).filter((each) => left.test(each))) {
    const path = join(managed, name);
    const found = await stat(path).catch(() => null);
    if (found && Date.now() - found.mtimeMs > ABANDONED_MS) await remove(path);
  }
}
