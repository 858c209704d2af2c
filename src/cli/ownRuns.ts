import { resolve } from 'node:path';
import * as l10n from '@vscode/l10n';
import { foreignRunsError, isOwnRun, type OriginatedRun, takeOn } from '../runs/origin';
import { isInside, realPathOf } from '../system/insideFolder';
import { confirm } from './confirm';
import type { AllowOption } from './dataAccess';
import type { Terminal } from './terminal';

/**
 * Sees that runs which are to be trained are this user's: one that came with its folder is asked about once, at a terminal, or
 * is allowed by `--allow` with its folder or one above.
 *
 * @param command what was called, for the refusal
 * @throws UserError where one is not allowed
 */
export async function ensureOwn(
  terminal: Terminal,
  runs: readonly OriginatedRun[],
  { allow = [] }: AllowOption,
  command: string,
): Promise<void> {
  const allowed = await Promise.all(allow.map((folder) => realPathOf(resolve(folder))));
  const refused: OriginatedRun[] = [];
  for (const run of runs) {
    if (await isOwnRun(run)) continue;
    const real = await realPathOf(run.folder);
    const mayTrain =
      allowed.some((folder) => isInside(real, folder)) || (await confirm(terminal, question(run)));
    if (mayTrain) await takeOn(run);
    else refused.push(run);
  }
  if (refused.length > 0) throw foreignRunsError(refused, command);
}

function question({ folder, manifest }: OriginatedRun): string {
  const { file } = manifest.experiment;
  return l10n.t(
    'The run {0} of {1} was not made here by you, but came with the folder. Train it ({2})?',
    manifest.id,
    file,
    folder,
  );
}
