import { resolve } from 'node:path';
import * as l10n from '@vscode/l10n';
import { foreignRunsError, isOwnRun, type OriginatedRun, takeOn } from '../runs/origin';
import { foreignStudyError, isOwnStudy, type OriginatedStudy, takeOnStudy } from '../studies/origin';
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
  const refused: OriginatedRun[] = [];
  for (const run of runs) {
    if (await isOwnRun(run)) continue;
    const mayTrain = (await isAllowed(run.folder, allow)) || (await confirm(terminal, question(run)));
    if (mayTrain) await takeOn(run);
    else refused.push(run);
  }
  if (refused.length > 0) throw foreignRunsError(refused, command);
}

/**
 * Sees that a study that is to be run is this user's, as `ensureOwn` does of runs.
 *
 * @throws UserError where it is not allowed
 */
export async function ensureOwnStudy(
  terminal: Terminal,
  study: OriginatedStudy,
  { allow = [] }: AllowOption,
): Promise<void> {
  if (await isOwnStudy(study)) return;
  const { folder, record } = study;
  const asked = l10n.t(
    'The study {0} of {1} was not made here by you, but came with the folder. Run it ({2})?',
    ...[record.id, record.experiment.file, folder],
  );
  if (!(await isAllowed(folder, allow)) && !(await confirm(terminal, asked))) throw foreignStudyError(study);
  await takeOnStudy(study);
}

/** Whether a folder is one of those that a person allowed, or in one. */
async function isAllowed(folder: string, allow: readonly string[]): Promise<boolean> {
  const real = await realPathOf(folder);
  const allowed = await Promise.all(allow.map((each) => realPathOf(resolve(each))));
  return allowed.some((each) => isInside(real, each));
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
