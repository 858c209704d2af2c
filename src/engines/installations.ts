import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import * as l10n from '@vscode/l10n';
import envPaths from 'env-paths';
import { z } from 'zod';
import type { Failure } from '../shared/failure';
import { isInside } from '../system/insideFolder';
import type { User } from '../system/ownership';
import { currentUser } from '../system/pathTrust';
import { readRegularSync } from '../system/regularFiles';
import { untrusted } from './trust';

/** Engines that are not in the package: libraries of hundreds of megabytes, installed on request. */
export const NATIVE_ENGINES = ['tensorflow-gpu', 'tensorflow'] as const;
export type NativeEngine = (typeof NATIVE_ENGINES)[number];

/** The addon's file name, the same in every folder. */
export const ADDON = 'tfjs_binding.node';

/** The record of a managed installation. It is written last, so a folder without one is not an installation. */
export const RECORD = 'engine.json';

const recordSchema = z.object({
  engine: z.enum(NATIVE_ENGINES),
  addon: z.string().default(ADDON).describe('Its path below the folder.'),
  /** By name, such as `tensorflow` and `tfjs-node`. */
  versions: z.record(z.string(), z.string()),
  platform: z.string(),
  arch: z.string(),
  installedAt: z.number().describe('Milliseconds since 1970.'),
  bytes: z.number(),
  unverified: z
    .array(z.string())
    .readonly()
    .optional()
    .describe('The files that had no published hash; absent in records of before 2026-11.'),
});
export type InstallationRecord = z.infer<typeof recordSchema>;

/** An engine as found on disk, which may or may not load. */
export interface Installation {
  readonly engine: NativeEngine;
  /** Either from the workspace's own packages, or installed by `tricks engine install`. */
  readonly origin: 'workspace' | 'managed';
  readonly folder: string;
  /** Null if the addon is missing because the package's install script did not get it. */
  readonly addonPath: string | null;
  /** As far as the files on disk reveal them. */
  readonly versions: Readonly<Record<string, string>>;
  /** Its files that were installed without a published hash. */
  readonly unverified: readonly string[];
  /** Why it must not be loaded; null if no problem is known. */
  readonly problem: InstallationProblem | null;
}

export interface InstallationProblem {
  /** `refused`: other users can change it. */
  readonly kind: 'refused' | 'broken';
  readonly failure: Failure;
}

/** The places to search for engines. */
export interface EnginePlaces {
  /**
   * The folder whose own node_modules is searched first. Defaults to the working directory. Null searches only the
   * managed folder.
   */
  readonly workspace?: string | null | undefined;
  /** The folder of managed installations. Defaults to BAG_OF_TRICKS_ENGINES, or the user's data folder. */
  readonly managed?: string | undefined;
  /** Defaults to this process's user. Null on Windows, where Node does not report file owners. */
  readonly user?: User | null | undefined;
}

/** The npm package that contains each engine. */
export const ENGINE_PACKAGES: Record<NativeEngine, string> = {
  'tensorflow-gpu': '@tensorflow/tfjs-node-gpu',
  tensorflow: '@tensorflow/tfjs-node',
};

/** Returns the folder of managed installations, with one subfolder per engine. */
export function enginesFolder(): string {
  return process.env.BAG_OF_TRICKS_ENGINES || join(envPaths('bag-of-tricks', { suffix: '' }).data, 'engines');
}

/** Returns where an earlier installation is kept while another takes its place. */
export function folderOfBefore(engine: NativeEngine, managed: string): string {
  return join(managed, `.${engine}.before`);
}

/**
 * Returns the installations of an engine on this machine, in the order to try them: the workspace's own package, then
 * the managed installation. Does not search the folders above the workspace. An installation that users other than this
 * one and root can change is never loaded.
 */
export function findInstallations(engine: NativeEngine, places: EnginePlaces = {}): Installation[] {
  const { workspace = process.cwd(), managed = enginesFolder() } = places;
  const user = places.user === undefined ? currentUser() : places.user;
  return [
    workspace === null ? null : inWorkspace(engine, workspace, user),
    findInManaged(engine, managed, user),
  ].filter((found) => found !== null);
}

function inWorkspace(engine: NativeEngine, workspace: string, user: User | null): Installation | null {
  const folder = join(workspace, 'node_modules', ENGINE_PACKAGES[engine]);
  if (!existsSync(folder)) return null;
  const installation = { engine, origin: 'workspace', folder, addonPath: null, unverified: [] } as const;
  const refused = user ? untrusted(folder, user, ['package.json', 'lib', 'deps']) : notOnWindows(folder);
  if (refused) return { ...installation, versions: {}, problem: { kind: 'refused', failure: refused } };
  const packageFile = join(folder, 'package.json');
  const parsed = z.object({ version: z.string() }).safeParse(jsonOf(packageFile));
  if (!parsed.success) {
    return {
      ...installation,
      versions: {},
      problem: damaged(packageFile, `npm rebuild ${ENGINE_PACKAGES[engine]}`),
    };
  }
  // lib/napi-v8: the number is the Node-API version. Newer Nodes support the older versions too.
  const libraries = join(folder, 'lib');
  const addons = namesIn(libraries)
    .map((name) => join(libraries, name, ADDON))
    .filter((path) => existsSync(path));
  const addonPath = addons.at(-1) ?? null;
  return { ...installation, addonPath, versions: { 'tfjs-node': parsed.data.version }, problem: null };
}

function notOnWindows(folder: string): Failure {
  return {
    what: l10n.t(
      '{0} is not loaded: on Windows it is unknown who can change it, so engines are loaded only from their own folder.',
      folder,
    ),
    remedy: l10n.t('Remove the package from the workspace, or choose another engine.'),
  };
}

function damaged(packageFile: string, repair: string): InstallationProblem {
  return {
    kind: 'broken',
    failure: {
      what: l10n.t('{0} is damaged: it is not JSON with a version.', packageFile),
      remedy: l10n.t('Run "{0}" in the workspace, or remove the package.', repair),
    },
  };
}

/** Returns the installation from `tricks engine install`, if it is complete. */
export function findInManaged(
  engine: NativeEngine,
  managed: string,
  user: User | null = currentUser(),
): Installation | null {
  const folder = [join(managed, engine), folderOfBefore(engine, managed)].find((each) =>
    existsSync(join(each, RECORD)),
  );
  if (folder === undefined) return null;
  const refused = user && untrusted(folder, user);
  const record = recordSchema.safeParse(jsonOf(join(folder, RECORD))).data;
  const addonPath = join(folder, record?.addon ?? ADDON);
  return {
    engine,
    origin: 'managed',
    folder,
    addonPath: isInside(addonPath, folder) && existsSync(addonPath) ? addonPath : null,
    versions: record?.versions ?? {},
    unverified: record?.unverified ?? [],
    problem: refused && { kind: 'refused', failure: refused },
  };
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

/** Far more than a package's or a record's file needs. */
const JSON_LIMIT_BYTES = 2 ** 20;

/** Parses a small JSON file; undefined if it is damaged, or not a regular file, such as a pipe. */
function jsonOf(path: string): unknown {
  try {
    return JSON.parse(readRegularSync(path, JSON_LIMIT_BYTES));
  } catch {
    return undefined;
  }
}
