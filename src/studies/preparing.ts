/** What a study's file comes to before anything of it is written: its schedule and its plan. */
import * as l10n from '@vscode/l10n';
import { UserError } from '../shared/userError';
import type { ReadStudy } from '../study/file/study';
import { type ChosenPlan, choosePlan, newRecord, runsOfBudget, type StudySource } from './planning';
import type { Scheduling } from './record';
import { chooseScheduling } from './scheduling';
import { createStudy, listStudies, type ReadableStudy } from './store';
import type { StartTrainer } from './trial';

/** The latest study of the same texts that is not done: it is gone on with, rather than begun anew. */
export async function unfinishedStudy(
  root: string,
  { text, experiment }: StudySource,
): Promise<ReadableStudy | null> {
  const studies = await listStudies(root);
  const isMeant = (study: (typeof studies)[number]): study is ReadableStudy =>
    study.kind === 'study' &&
    study.record.study.text === text &&
    study.record.experiment.text === experiment.text &&
    study.record.experiment.file === experiment.file &&
    study.record.confirms === null &&
    study.record.state.status !== 'done';
  return studies.find(isMeant) ?? null;
}

/** How the runs of a study are to be trained: on what engine, and how many at a time, by trials. */
export async function scheduleOf(
  root: string,
  { experiment }: StudySource,
  { baseline, study }: ReadStudy,
  {
    runs,
    ...options
  }: { readonly runs: number; readonly start: StartTrainer; readonly signal?: AbortSignal },
): Promise<Scheduling> {
  const tried = { recipe: baseline.recipe, experimentFile: experiment.file };
  return chooseScheduling(tried, { atOnce: study.atOnce, runs }, { root, ...options });
}

/**
 * The plan of a study.
 *
 * @param scheduling needed where the budget is in hours
 * @throws UserError where no design fits, or the budget cannot be told in runs
 */
export function planOf(parsed: ReadStudy, scheduling: Scheduling | null): ChosenPlan {
  const { budget } = parsed.study;
  if ('runs' in budget) return choosePlan(parsed, budget.runs);
  const secondsPerRun = scheduling?.secondsPerRun ?? null;
  if (!scheduling || secondsPerRun === null) {
    throw new UserError({
      what: l10n.t('How long a run takes could not be measured: its training is too short.'),
      remedy: l10n.t('Give the budget in runs: {0}', 'budget: { runs: 16 }'),
    });
  }
  return choosePlan(parsed, runsOfBudget(budget, { secondsPerRun, atOnce: scheduling.atOnce }));
}

/** Writes down a new study, which no process runs yet. */
export async function writeDown(
  root: string,
  source: StudySource,
  parsed: ReadStudy,
  chosen: ChosenPlan,
  scheduling: Scheduling,
): Promise<ReadableStudy> {
  return createStudy(root, { ...newRecord(source, parsed, chosen), scheduling });
}
