/** Computes a study's schedule and plan from its file, before anything is written. */
import { dirname } from 'node:path';
import * as l10n from '@vscode/l10n';
import { factsLookup } from '../datasets/index/store';
import type { OwnDatasetRequest } from '../recipe/datasets';
import { listRuns } from '../runs/store';
import { UserError } from '../shared/userError';
import { validationOrigin } from '../study/file/blocks';
import { keyBySeed } from '../study/file/commandSeeds';
import { isCommandBaseline, type ReadStudy } from '../study/file/study';
import { commandScheduling, unknownTimeError } from './command/scheduling';
import {
  type ChosenPlan,
  choosePlan,
  foldRequest,
  foldsFor,
  newRecord,
  runsOfBudget,
  type StudySource,
} from './planning';
import { chooseScheduling, secondsOfLastRun } from './probes/scheduling';
import type { StartTrainer } from './probes/trial';
import type { Scheduling } from './record';
import { createStudy, listStudies, type ReadableStudy } from './store';

/** Returns the latest unfinished study with the same texts. It is resumed instead of starting a new one. */
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

/** Determines by trials how to train a study's runs: on which engine, and how many at a time. A command is not tried. */
export async function scheduleOf(
  root: string,
  { experiment }: StudySource,
  { baseline, study }: ReadStudy,
  {
    runs,
    ...options
  }: { readonly runs: number; readonly start: StartTrainer; readonly signal?: AbortSignal },
): Promise<Scheduling> {
  if (isCommandBaseline(baseline)) {
    return commandScheduling(study.atOnce, secondsOfLastRun(await listRuns(root), keyBySeed(baseline)));
  }
  const tried = { recipe: baseline.recipe, experimentFile: experiment.file };
  return chooseScheduling(tried, { atOnce: study.atOnce, runs }, { root, ...options });
}

/** Indexes the images that are not yet indexed. Rejects if they are still not indexed afterwards. */
export type IndexImages = (requests: readonly OwnDatasetRequest[]) => Promise<void>;

/**
 * Returns a study's plan, including what its blocks are, which may depend on the images themselves.
 *
 * @param scheduling required if the budget is in hours
 * @throws UserError if no design fits, or the budget cannot be converted to runs; what `index` rejects with
 */
export async function planOf(
  root: string,
  { experiment }: StudySource,
  parsed: ReadStudy,
  scheduling: Scheduling | null,
  index: IndexImages,
): Promise<ChosenPlan> {
  const { baseline, study } = parsed;
  if (isCommandBaseline(baseline) && 'hours' in study.budget && scheduling?.secondsPerRun == null) {
    throw unknownTimeError();
  }
  const runs = runsIn(study, scheduling);
  // The kind of blocks does not affect the design.
  const asSplit = choosePlan(parsed, runs, true);
  if (isCommandBaseline(baseline)) return asSplit;
  if (asSplit.blocks === 'seeds' || validationOrigin(baseline) !== 'either') return asSplit;
  const of = foldsFor(asSplit.plan.blocks.length, baseline);
  const request = foldRequest(baseline, { index: 0, of });
  if (!request) return asSplit;
  await index([request]);
  // Images with a split of their own are the same in every fold.
  const facts = factsLookup(root, dirname(experiment.file))(request);
  if (facts?.fingerprint !== baseline.recipe.data.dataset.fingerprint) return asSplit;
  if (study.blocks === 'folds') {
    throw new UserError({
      what: l10n.t(
        'Folds need validation images split from the training images, but {0} has its own.',
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
      what: l10n.t('The time per run could not be measured: the training is too short.'),
      remedy: l10n.t('Set the budget in runs: {0}', 'budget: { runs: 16 }'),
    });
  }
  return runsOfBudget(budget, { secondsPerRun, atOnce: scheduling.atOnce });
}

/** Writes a new study to disk after the images of its folds are indexed. No process runs it yet. */
export async function writeDown(
  root: string,
  source: StudySource,
  parsed: ReadStudy,
  chosen: ChosenPlan,
  scheduling: Scheduling,
  index: IndexImages,
): Promise<ReadableStudy> {
  const { baseline } = parsed;
  if (chosen.blocks === 'folds' && !isCommandBaseline(baseline)) {
    const of = foldsFor(chosen.plan.blocks.length, baseline);
    await index(
      chosen.plan.blocks.flatMap((_, block) => foldRequest(baseline, { index: block % of, of }) ?? []),
    );
  }
  return createStudy(root, { ...newRecord(root, source, parsed, chosen), scheduling });
}
