/** Asks for consent to read an experiment's own images, and indexes them. */
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

/** Where to look for an experiment's images and its index. */
export interface DataPlace {
  /** The folder that contains .bag-of-tricks. */
  readonly root: string;
  /** The experiment file's folder. */
  readonly folder: string;
}

/** `--allow`, repeatable. */
export const allowOption = () =>
  [
    '--allow <folder>',
    l10n.t(
      'allow a folder: one with data outside the folder that keeps the runs, the target of a .bag-of-tricks link, or one whose runs came with it; may be repeated',
    ),
    (value: string, before: string[] = []) => [...before, value],
  ] as const;

/** Adds `--allow`, which `allowFolders` reads. */
export function withAllow(command: Command): Command {
  return command.option(...allowOption());
}

/** Allows the folders given by `--allow`, for this user. */
export async function allowFolders({ allow = [] }: AllowOption): Promise<void> {
  for (const folder of allow) await allowFolder(folder);
}

/**
 * Makes sure that a data set may be read. Asks if there is a person at a terminal.
 *
 * @throws UserError if it may not be read
 */
export async function ensureAllowed(
  terminal: Terminal,
  request: OwnDatasetRequest,
  place: DataPlace,
): Promise<void> {
  const paths = process.env[FILES_OUTSIDE] ? [] : await pathsToAllow(request, place);
  if (paths.length === 0) return;
  for (const path of paths) {
    const question = l10n.t('{0} is outside {1}. Allow its images to be read?', path, place.root);
    if (!(await confirm(terminal, question))) throw consentError(paths, place.root);
    await allowFolder(path);
  }
}

/**
 * Indexes a data set and shows progress on standard error. An interrupt aborts it.
 *
 * @throws UserError if it may not be read or is not a data set
 * @throws Interrupted
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

/** Minimum interval between redraws. */
const DRAW_EVERY_MS = 100;
/** Anything faster shows no progress line. */
const QUIET_MS = 1000;

/** A status line that follows a scan. Without a terminal, prints one line saying that the scan has begun. */
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
