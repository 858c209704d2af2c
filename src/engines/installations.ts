import { existsSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import envPaths from 'env-paths';
import { z } from 'zod';
import { readRegularSync } from '../system/regularFiles';

/** Engines that are not in the package: libraries of hundreds of megabytes, installed when asked for. */
export const NATIVE_ENGINES = ['tensorflow-gpu', 'tensorflow'] as const;
export type NativeEngine = (typeof NATIVE_ENGINES)[number];

/** The addon's file, in whichever folder. */
export const ADDON = 'tfjs_binding.node';

/** The record of a managed installation, written last: a folder without one is not an installation. */
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
});
export type InstallationRecord = z.infer<typeof recordSchema>;

/** An engine as it lies on the disk. Whether it loads is another matter. */
export interface Installation {
  readonly engine: NativeEngine;
  /** Brought by the workspace's own packages, or installed by `tricks engine install`. */
  readonly origin: 'workspace' | 'managed';
  readonly folder: string;
  /** Null where the installation lacks its addon: the package's install script did not get it. */
  readonly addonPath: string | null;
  /** As far as the disk tells them. */
  readonly versions: Readonly<Record<string, string>>;
}

/** Where to look for engines. */
export interface EnginePlaces {
  /** The folder whose packages come first; by default the working folder. */
  readonly workspace?: string | undefined;
  /** The folder of managed installations; by default BAG_OF_TRICKS_ENGINES, or the user's data folder. */
  readonly managed?: string | undefined;
}

/** The npm package that carries an engine. */
export const ENGINE_PACKAGES: Record<NativeEngine, string> = {
  'tensorflow-gpu': '@tensorflow/tfjs-node-gpu',
  tensorflow: '@tensorflow/tfjs-node',
};

/** The folder of managed installations, one folder an engine. */
export function enginesFolder(): string {
  return process.env.BAG_OF_TRICKS_ENGINES || join(envPaths('bag-of-tricks', { suffix: '' }).data, 'engines');
}

/** Where a process puts an engine together, or takes it apart: the name tells whose it is, once that is gone. */
export function workFolder(engine: NativeEngine, managed: string): string {
  return join(managed, `.${engine}-${process.pid}`);
}

/** The installations of an engine on this machine, in the order to try them. */
export function findInstallations(engine: NativeEngine, places: EnginePlaces = {}): Installation[] {
  const { workspace = process.cwd(), managed = enginesFolder() } = places;
  return [inWorkspace(engine, workspace), findInManaged(engine, managed)].filter((found) => found !== null);
}

function inWorkspace(engine: NativeEngine, workspace: string): Installation | null {
  const packageFile = resolved(`${ENGINE_PACKAGES[engine]}/package.json`, workspace);
  if (packageFile === null) return null;
  const folder = dirname(packageFile);
  const { version } = z
    .object({ version: z.string() })
    .parse(JSON.parse(readRegularSync(packageFile, 1 << 20)));
  // lib/napi-v8: the number is that of Node's interface, of which newer Nodes keep the older.
  const libraries = join(folder, 'lib');
  const addons = (existsSync(libraries) ? readdirSync(libraries) : [])
    .map((name) => join(libraries, name, ADDON))
    .filter((path) => existsSync(path));
  return {
    engine,
    origin: 'workspace',
    folder,
    addonPath: addons.at(-1) ?? null,
    versions: { 'tfjs-node': version },
  };
}

function resolved(request: string, folder: string): string | null {
  try {
    return createRequire(join(folder, 'package.json')).resolve(request);
  } catch {
    return null;
  }
}

/** The installation that `tricks engine install` made, if it is whole. */
export function findInManaged(engine: NativeEngine, managed: string): Installation | null {
  const folder = join(managed, engine);
  const recordPath = join(folder, RECORD);
  if (!existsSync(recordPath)) return null;
  const record = recordSchema.safeParse(parsed(readRegularSync(recordPath, 1 << 20)));
  const addonPath = join(folder, record.success ? record.data.addon : ADDON);
  return {
    engine,
    origin: 'managed',
    folder,
    addonPath: existsSync(addonPath) ? addonPath : null,
    versions: record.success ? record.data.versions : {},
  };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
