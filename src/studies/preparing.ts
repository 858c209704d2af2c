/** What a study's file comes to before anything of it is written: its schedule and its plan. */
import { dirname } from 'node:path';
import * as l10n from '@vscode/l10n';
import { factsLookup } from '../datasets/index/store';
import type { OwnDatasetRequest } from '../recipe/datasets';
import { UserError } from '../shared/userError';
import { validationOrigin } from '../study/file/blocks';
import type { ReadStudy } from '../study/file/study';
import {
  type ChosenPlan,
  choosePlan,
  foldRequest,
  foldsFor,
  newRecord,
  runsOfBudget,
  type StudySource,
} from './planning';
import { chooseScheduling } from './probes/scheduling';
import type { StartTrainer } from './probes/trial';
import type { Scheduling } from './record';
import { createStudy, listStudies, type ReadableStudy } from './store';

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

/** Has images indexed that are not yet; rejects where they are not indexed then. */
export type IndexImages = (requests: readonly OwnDatasetRequest[]) => Promise<void>;

/**
 * The plan of a study, and what its blocks are, which the images themselves may decide.
 *
 * @param scheduling needed where the budget is in hours
 * @throws UserError where no design fits, or the budget cannot be told in runs; what `index` rejects with
 */
export async function planOf(
  root: string,
  { experiment }: StudySource,
  parsed: ReadStudy,
  scheduling: Scheduling | null,
  index: IndexImages,
): Promise<ChosenPlan> {
  const { baseline, study } = parsed;
  const runs = runsIn(study, scheduling);
  // What the blocks are makes no difference to the design.
  const asSplit = choosePlan(parsed, runs, true);
  if (asSplit.blocks === 'seeds' || validationOrigin(baseline) !== 'either') return asSplit;
  const of = foldsFor(asSplit.plan.blocks.length, baseline);
  const request = foldRequest(baseline, { index: 0, of });
  if (!request) return asSplit;
  await index([request]);
  // Images that have a split of their own are the same in every fold.
  const facts = factsLookup(root, dirname(experiment.file))(request);
  if (facts?.fingerprint !== baseline.recipe.data.dataset.fingerprint) return asSplit;
  if (study.blocks === 'folds') {
    throw new UserError({
      what: l10n.t(
        'Folds need validation images that are split from the training images, and {0} has its own.',
        baseline.recipe.data.dataset.name,
      ),
      remedy: l10n.t('Use seeds.'),
    });
  }
  return choosePlan(parsed, runs, false);
}

function runsIn({ budget }: ReadStudy['study'], scheduling: Scheduling | null): number {
  if ('runs' in budget) return budget.runs;
  const secondsPerRun = scheduling?.secondsPerRun ?? null;
  if (!scheduling || secondsPerRun === null) {
    throw new UserError({
      what: l10n.t('How long a run takes could not be measured: its training is too short.'),
      remedy: l10n.t('Give the budget in runs: {0}', 'budget: { runs: 16 }'),
    });
  }
  return runsOfBudget(budget, { secondsPerRun, atOnce: scheduling.atOnce });
}

/** Writes down a new study, which no process runs yet, once the images of its folds are indexed. */
export async function writeDown(
  root: string,
  source: StudySource,
  parsed: ReadStudy,
  chosen: ChosenPlan,
  scheduling: Scheduling,
  index: IndexImages,
): Promise<ReadableStudy> {
  if (chosen.blocks === 'folds') {
    const { baseline } = parsed;
    const of = foldsFor(chosen.plan.blocks.length, baseline);
    await index(
      chosen.plan.blocks.flatMap((_, block) => foldRequest(baseline, { index: block % of, of }) ?? []),
    );
  }
  return createStudy(root, { ...newRecord(root, source, parsed, chosen), scheduling });
}
