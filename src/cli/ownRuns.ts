import { resolve } from 'node:path';
import * as l10n from '@vscode/l10n';
import { foreignRunsError, isOwnRun, type OriginatedRun, takeOn } from '../runs/origin';
import { foreignStudyError, isOwnStudy, type OriginatedStudy, takeOnStudy } from '../studies/origin';
import { isInside, realPathOf } from '../system/insideFolder';
import { confirm } from './confirm';
import type { AllowOption } from './dataAccess';
import type { Terminal } from './terminal';

/**
 * Makes sure that runs about to train belong to this user. A run that came with its folder needs consent once: at a
 * terminal, or by `--allow` with its folder or a parent.
 *
 * @param command the called command, for the refusal
 * @throws UserError if a run is not allowed
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
 * Makes sure that a study about to run belongs to this user. Works like `ensureOwn` for runs.
 *
 * @throws UserError if it is not allowed
 */
export async function ensureOwnStudy(
  terminal: Terminal,
  study: OriginatedStudy,
  { allow = [] }: AllowOption,
): Promise<void> {
  if (await isOwnStudy(study)) return;
  const { folder, record } = study;
  const asked = l10n.t(
    'You did not create the study {0} of {1} here. It came with the folder. Run it ({2})?',
    ...[record.id, record.experiment.file, folder],
  );
  if (!(await isAllowed(folder, allow)) && !(await confirm(terminal, asked))) throw foreignStudyError(study);
  await takeOnStudy(study);
}

/** Whether a folder is one of the allowed folders or inside one. */
async function isAllowed(folder: string, allow: readonly string[]): Promise<boolean> {
  const real = await realPathOf(folder);
  const allowed = await Promise.all(allow.map((each) => realPathOf(resolve(each))));
  return allowed.some((each) => isInside(real, each));
}

function question({ folder, manifest }: OriginatedRun): string {
  const { file } = manifest.experiment;
  return l10n.t(
    'You did not create the run {0} of {1} here. It came with the folder. Train it ({2})?',
    manifest.id,
    file,
    folder,
  );
}
