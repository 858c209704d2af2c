import * as vscode from 'vscode';
import { CACHE_MB, DATA_WORKERS } from '../protocol/dataVariables';
import { FILES_OUTSIDE } from '../protocol/trainer';
import { findNode } from '../system/findNode';
import { type TrickName, trickCalled } from '../tricks/registry';

/** Environment variable of a trainer with the folder of the full data sets. */
const DATA_FOLDER = 'BAG_OF_TRICKS_DATA';

/** Settings for training runs. */
export interface Settings {
  /** Path of the Node that runs trainers. */
  readonly nodePath: string;
  /** The Python for commands, or the folder of its environment. Null to find one. */
  readonly python: string | null;
  /** Folder of the full data sets, or null for the default locations. */
  readonly dataFolder: string | null;
  /** Whether experiments may refer to files outside their workspace folder. */
  readonly filesOutside: boolean;
  /** Threads per run that prepare images. Null leaves the choice to the trainer. */
  readonly dataWorkers: number | null;
  /** MiB of decoded images that a run caches in memory. Null leaves the choice to the trainer. */
  readonly cacheMb: number | null;
  /** Number of concurrent runs. */
  readonly runsAtOnce: number;
  /** Number of retries for a run with a crashed trainer. */
  readonly retries: number;
  /** Interval between checkpoints within an epoch. */
  readonly saveEvery: { readonly seconds: number };
  /** Whether training stops when the window closes. */
  readonly stopWithWindow: boolean;
}

/** The Node that runs trainers by default: VS Code's own, or the one that `preferNodeOfPath` found. */
let unnamedNode = process.execPath;

/**
 * On the desktop, prefers the user's own Node over VS Code's if it is recent enough. VS Code's Node belongs to Electron
 * and cannot read GPU results.
 */
export async function preferNodeOfPath(): Promise<void> {
  if (process.versions.electron) unnamedNode = (await findNode()) ?? process.execPath;
}

export function readSettings(): Settings {
  const configuration = vscode.workspace.getConfiguration('bagOfTricks');
  return {
    nodePath: configuration.get('nodePath', '').trim() || unnamedNode,
    python: configuration.get('python', '').trim() || null,
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

/** The image settings as environment variables for the programs that read them. */
export function dataEnvironment(): Record<string, string> {
  const { dataFolder, filesOutside, cacheMb, dataWorkers } = readSettings();
  return {
    ...(dataFolder && { [DATA_FOLDER]: dataFolder }),
    ...(filesOutside && { [FILES_OUTSIDE]: '1' }),
    ...(cacheMb !== null && { [CACHE_MB]: `${cacheMb}` }),
    ...(dataWorkers !== null && { [DATA_WORKERS]: `${dataWorkers}` }),
  };
}

/** Which CodeLenses to show in a file. */
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
