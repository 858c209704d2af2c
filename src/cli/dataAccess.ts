/** What a command does before an experiment's own images are read: ask for consent, and index them. */
import * as l10n from '@vscode/l10n';
import type { Command } from 'commander';
import { assertListedAllowed, consentError, pathsToAllow } from '../datasets/consent';
import type { DatasetIndex } from '../datasets/index/datasetIndex';
import { indexDataset } from '../datasets/index/scan';
import { dataCacheFolder } from '../datasets/requestPaths';
import { FILES_OUTSIDE } from '../protocol/trainer';
import type { OwnDatasetRequest } from '../recipe/datasets';
import { formatProgress } from '../shared/format';
import { allowFolder } from '../system/allowedFolders';
import { confirm } from './confirm';
import { interruptible } from './interrupting';
import type { Terminal } from './terminal';

export interface AllowOption {
  readonly allow?: readonly string[];
}

/** Where an experiment's images are looked for, and its index. */
export interface DataPlace {
  /** The folder that has .bag-of-tricks. */
  readonly root: string;
  /** The experiment file's folder. */
  readonly folder: string;
}

/** `--allow`, any number of times. */
export const allowOption = () =>
  [
    '--allow <folder>',
    l10n.t(
      'allow a folder: data in it outside of the one that keeps the runs, where a link of .bag-of-tricks leads, or runs that came with it; may be repeated',
    ),
    (value: string, before: string[] = []) => [...before, value],
  ] as const;

/** Adds `--allow`, which `allowFolders` reads. */
export function withAllow(command: Command): Command {
  return command.option(...allowOption());
}

/** Allows the folders of `--allow`, for this user. */
export async function allowFolders({ allow = [] }: AllowOption): Promise<void> {
  for (const folder of allow) await allowFolder(folder);
}

/**
 * Sees that a data set may be read: asks, where there is a person at a terminal.
 *
 * @throws UserError where it may not
 */
export async function ensureAllowed(
  terminal: Terminal,
  request: OwnDatasetRequest,
  place: DataPlace,
): Promise<void> {
  const paths = process.env[FILES_OUTSIDE] ? [] : await pathsToAllow(request, place);
  if (paths.length === 0) return;
  for (const path of paths) {
    const question = l10n.t('{0} lies outside {1}. May its images be read?', path, place.root);
    if (!(await confirm(terminal, question))) throw consentError(paths, place.root);
    await allowFolder(path);
  }
}

/**
 * Indexes a data set, with progress on standard error; an interrupt ends it.
 *
 * @throws UserError where it may not be read or is none; Interrupted
 */
export async function indexData(
  terminal: Terminal,
  request: OwnDatasetRequest,
  place: DataPlace,
  options: { readonly decodedImages?: number } = {},
): Promise<DatasetIndex> {
  const line = progressLine(terminal);
  try {
    return await interruptible(terminal, (signal) =>
      indexDataset(request, {
        ...place,
        ...options,
        cacheFolder: dataCacheFolder(),
        signal,
        onProgress: line.show,
        check: async (dataset) => {
          if (!process.env[FILES_OUTSIDE]) await assertListedAllowed(dataset, place.root);
        },
      }),
    );
  } finally {
    line.end();
  }
}

/** How often a line is drawn anew. */
const DRAW_EVERY_MS = 100;
/** What takes no longer is not worth a line. */
const QUIET_MS = 1000;

/** A line that follows a scan; where it cannot be drawn anew, one that says that it has begun. */
function progressLine(terminal: Terminal) {
  const line = terminal.statusLine();
  const begun = l10n.t('Indexing the images');
  const startedAt = performance.now();
  let drawnAt = Number.NEGATIVE_INFINITY;
  const isShown = () => drawnAt > 0;
  return {
    show: (what: string, share: number | null) => {
      const now = performance.now();
      if (now - startedAt < QUIET_MS || now - drawnAt < DRAW_EVERY_MS) return;
      if (line) line.show(`${begun}: ${what}${share === null ? '' : ` (${formatProgress(share)})`}`);
      else if (!isShown()) terminal.note(`${begun}...`);
      drawnAt = now;
    },
    end: () => {
      if (isShown()) line?.clear();
    },
  };
}
