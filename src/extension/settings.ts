import * as vscode from 'vscode';
import { CACHE_MB, DATA_WORKERS } from '../protocol/dataVariables';
import { FILES_OUTSIDE } from '../protocol/trainer';
import { findNode } from '../system/findNode';
import { type TrickName, trickCalled } from '../tricks/registry';

/** Where the full data sets are looked for, in the environment of a trainer. */
const DATA_FOLDER = 'BAG_OF_TRICKS_DATA';

/** What the settings say of how runs are trained. */
export interface Settings {
  /** The Node that runs trainers. */
  readonly nodePath: string;
  /** Where the full data sets are, or null for the usual places. */
  readonly dataFolder: string | null;
  /** Whether experiments may name files outside their workspace folder. */
  readonly filesOutside: boolean;
  /** Threads of a training that prepare images; null leaves it to the trainer. */
  readonly dataWorkers: number | null;
  /** MiB of decoded images that a training keeps in memory; null leaves it to the trainer. */
  readonly cacheMb: number | null;
  /** Runs that train at the same time. */
  readonly runsAtOnce: number;
  /** How often a run whose trainer crashed is tried again. */
  readonly retries: number;
  /** How often a training saves within an epoch. */
  readonly saveEvery: { readonly seconds: number };
  /** Whether trainings stop when the window closes. */
  readonly stopWithWindow: boolean;
}

/** The Node that runs trainers where none is named: VS Code's own, or what `preferNodeOfPath` found. */
let unnamedNode = process.execPath;

/**
 * On the desktop takes the Node that a person has, if it is new enough, in the place of VS Code's own: that one is
 * Electron's, and cannot read what a GPU computed.
 */
export async function preferNodeOfPath(): Promise<void> {
  if (process.versions.electron) unnamedNode = (await findNode()) ?? process.execPath;
}

export function readSettings(): Settings {
  const configuration = vscode.workspace.getConfiguration('bagOfTricks');
  return {
    nodePath: configuration.get('nodePath', '').trim() || unnamedNode,
    dataFolder: configuration.get('dataFolder', '').trim() || null,
    filesOutside: configuration.get('filesOutside', false),
    dataWorkers: Math.floor(configuration.get('dataWorkers', 0)) || null,
    cacheMb: configuration.get<number | null>('cacheMb', null),
    runsAtOnce: Math.max(1, Math.floor(configuration.get('runsAtOnce', 1))),
    retries: Math.max(0, Math.floor(configuration.get('retries', 1))),
    saveEvery: { seconds: 60 * Math.max(0.1, configuration.get('saveMinutes', 5)) },
    stopWithWindow: configuration.get<string>('whenWindowCloses') === 'stop',
  };
}

/** What the settings say of images, as the environment of the programs that read them. */
export function dataEnvironment(): Record<string, string> {
  const { dataFolder, filesOutside, cacheMb, dataWorkers } = readSettings();
  return {
    ...(dataFolder && { [DATA_FOLDER]: dataFolder }),
    ...(filesOutside && { [FILES_OUTSIDE]: '1' }),
    ...(cacheMb !== null && { [CACHE_MB]: `${cacheMb}` }),
    ...(dataWorkers !== null && { [DATA_WORKERS]: `${dataWorkers}` }),
  };
}

/** Which lenses a person wants in a file. */
export interface LensSettings {
  readonly enabled: boolean;
  readonly hidden: ReadonlySet<TrickName>;
}

export function readLensSettings(uri: vscode.Uri): LensSettings {
  const configuration = vscode.workspace.getConfiguration('bagOfTricks.lenses', uri);
  const names = configuration.get<unknown>('hiddenTricks');
  const hidden = (Array.isArray(names) ? names : []).flatMap(
    (name) => trickCalled(String(name))?.trick.name ?? [],
  );
  return { enabled: configuration.get('enabled', true), hidden: new Set(hidden) };
}
