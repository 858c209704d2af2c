/** Creates the record of a new study from the user's files, and reads a record's experiments back. */
import { createHash } from 'node:crypto';
import { dirname } from 'node:path';
import * as l10n from '@vscode/l10n';
import { factsLookup } from '../datasets/index/store';
import { datasetRequest } from '../experiment/dataPlan';
import { formatProblem } from '../experiment/problem';
import type { StudyPlan } from '../protocol/study';
import { type AnyRecipe, anyRecipeKey } from '../recipe/anyRecipe';
import { type FactsLookup, isOwnDataset, type OwnDatasetRequest, type SplitFold } from '../recipe/datasets';
import type { Failure } from '../shared/failure';
import { UserError } from '../shared/userError';
import { chooseDesign } from '../study/design/chooseDesign';
import { type DesignExplanation, explainDesign } from '../study/design/explain';
import { blocksOf } from '../study/file/blocks';
import { getsSeed } from '../study/file/commandSeeds';
import { designRequestOf } from '../study/file/design';
import { parseStudy } from '../study/file/parse';
import {
  isCommandBaseline,
  type NetworkBaseline,
  type ReadStudy,
  type Study,
  type StudyParse,
} from '../study/file/study';
import { readIn } from './command/reading';
import { repeatsOf } from './command/seeding';
import { designFailure } from './designProblems';
import { metricFacts } from './metric';
import type { PlannedRun, StudyRecord } from './record';
import type { StudyExperiments } from './settings';

/** The texts that a study is made from. */
export interface StudySource {
  /** Absolute path; null if it was composed without a file. */
  readonly file: string | null;
  readonly text: string;
  /** The baseline. Its file path is absolute. */
  readonly experiment: { readonly file: string; readonly text: string };
}

/** Parses a study's texts with the image facts in the store of `root`. */
export function readSource(root: string, { file, text, experiment }: StudySource): StudyParse {
  const parsed = readIn(root, experiment);
  return parseStudy(text, file ?? 'study.study.yaml', () => ({ ok: true, parsed }));
}

const factsOf = (root: string, experimentFile: string): FactsLookup =>
  factsLookup(root, dirname(experimentFile));

/** A plan and what the user should know about it before anything starts. */
export interface ChosenPlan {
  readonly plan: StudyPlan;
  readonly blocks: StudyRecord['blocks'];
  /** The reasons for the design, and its aliases. */
  readonly explanation: DesignExplanation;
}

/**
 * Chooses the design of a study.
 *
 * @param runs the budget
 * @param isSplit whether validation images are split from the training images, if only the data files tell
 * @throws UserError if no design of its kind fits the factors and the budget
 */
export function choosePlan(
  { study, baseline, settings }: ReadStudy,
  runs: number,
  isSplit = false,
): ChosenPlan {
  const request = designRequestOf(study, settings, runs);
  const chosen = chooseDesign(request);
  if (chosen.kind === 'problem') {
    throw new UserError(designFailure(chosen.problem, settings.factors.length, runs));
  }
  const { plan } = chosen;
  return { plan, blocks: blocksOf(study, baseline, isSplit), explanation: explainDesign(request, plan) };
}

/** Converts a budget to a number of runs, given the seconds per run and the runs at a time. */
export function runsOfBudget(
  budget: Study['budget'],
  { secondsPerRun, atOnce }: { readonly secondsPerRun: number; readonly atOnce: number },
): number {
  if ('runs' in budget) return budget.runs;
  return Math.floor((budget.hours * 3600 * atOnce) / secondsPerRun);
}

/**
 * Creates the record of a study that has not started. If the study has folds, their images are indexed.
 *
 * @throws UserError if its baseline cannot be trained
 */
export function newRecord(
  root: string,
  source: StudySource,
  parsed: ReadStudy,
  { plan, blocks }: ChosenPlan,
): Omit<StudyRecord, 'id' | 'version' | 'createdAt'> {
  const { study, baseline, settings } = parsed;
  const { seed } = baseline.recipe;
  const isCommand = isCommandBaseline(baseline);
  const folds = blocks === 'folds' && !isCommand ? foldsFor(plan.blocks.length, baseline) : null;
  const experiments = experimentsIn(root, parsed, { experiment: source.experiment, folds });
  // A design knows which pairs of levels cannot be trained. Conflicts among three or more show up here, before anything
  // starts.
  for (const setting of plan.blocks.flatMap(({ settings }) => settings)) {
    if (setting.some((level) => level !== 0))
      settings.recipeAt(setting) ?? experiments.experimentAt(setting, seed, 0);
  }
  const { recipe } = experiments.experimentAt(
    settings.factors.map(() => 0),
    seed,
    0,
  );
  return {
    name: study.name,
    study: { file: source.file, text: source.text },
    experiment: source.experiment,
    baselineHash: baselineHash(recipe),
    factors: settings.factors,
    plan,
    metric: metricFacts(study.metric),
    smallestEffect: study.smallestEffect,
    stop: study.stop,
    blocks,
    folds,
    // The experiment's own seed comes first, because runs with it may already exist.
    seeds: plan.blocks.map((_, block) => seed + block),
    isExtended: false,
    confirms: null,
    atOnce: study.atOnce,
    scheduling: null,
    runs: plannedRuns(plan),
    seeding: isCommand ? newSeeding(getsSeed(baseline), plan) : null,
    costs: null,
    state: { status: 'stopped', because: null },
  };
}

/** Runs of a command that does not get the seed repeat each other anyway. */
function newSeeding(isPassed: boolean, plan: StudyPlan): StudyRecord['seeding'] {
  return { isPassed, repeats: isPassed ? repeatsOf(plan) : [], sameSeed: 'unknown', values: null };
}

/** Returns the number of folds: one per block, but at least as many as match the current share of validation images. */
export function foldsFor(blocks: number, { recipe: { data } }: NetworkBaseline): number {
  const { trainImages, validationImages } = data.dataset;
  return Math.max(blocks, 2, Math.round((trainImages + validationImages) / validationImages));
}

/** Returns the index request for a baseline's images in a fold; null if the images need no index. */
export function foldRequest(baseline: NetworkBaseline, fold: SplitFold): OwnDatasetRequest | null {
  const request = datasetRequest(baseline.experiment);
  return isOwnDataset(request) ? { ...request, split: { ...request.split, fold } } : null;
}

/** Returns the index request of each block of a study with folds; empty without folds. */
export function foldRequests(root: string, record: StudyRecord): OwnDatasetRequest[] {
  const { folds, experiment, plan } = record;
  if (folds === null) return [];
  const parsed = readIn(root, experiment);
  if (!parsed.ok || parsed.kind === 'command') return [];
  return plan.blocks.flatMap((_, block) => foldRequest(parsed, { index: block % folds, of: folds }) ?? []);
}

/** Returns the runs of a plan, none of them started. */
export function plannedRuns({ blocks }: StudyPlan): PlannedRun[] {
  return blocks.flatMap(({ settings }, block) =>
    settings.map((setting, position) => ({
      ...{ block, position, setting: [...setting], run: null },
      ...{ isReused: false, crashes: 0, tested: null },
    })),
  );
}

/**
 * Returns the experiments of a study, from its own copies of the texts.
 *
 * @throws UserError if they can no longer be read
 */
export function experimentsOf(root: string, record: StudyRecord): StudyExperiments {
  const parsed = readSource(root, { ...record.study, experiment: record.experiment });
  if (!parsed.ok) throw new UserError(unreadableFailure(record, parsed));
  return experimentsIn(root, parsed, record);
}

/** Returns the experiments of a parsed study. */
export function experimentsIn(
  root: string,
  { settings }: Pick<ReadStudy, 'settings'>,
  { experiment, folds }: Pick<StudyRecord, 'experiment' | 'folds'>,
): StudyExperiments {
  return {
    factors: settings.factors,
    isAllowed: (setting) => settings.isAllowed(setting),
    experimentAt: (setting, seed, block) => {
      const fold = folds === null ? null : { index: block % folds, of: folds };
      const result = settings.experimentAt(setting, seed, {
        ...(fold && { changes: [{ path: ['data', 'split', 'fold'], value: fold }] }),
        factsOf: factsOf(root, experiment.file),
      });
      if (result.ok) return { text: result.text, recipe: result.recipe };
      const [problem] = result.problems;
      if (!problem) throw new UserError(unindexedFailure(experiment.file));
      throw new UserError({
        what: l10n.t('A run of the study cannot be trained: {0}', problem.what),
        remedy: problem.remedy,
      });
    },
  };
}

function unindexedFailure(experimentFile: string): Failure {
  return {
    what: l10n.t('The images of {0}, or of one of its folds, are not indexed.', experimentFile),
    remedy: l10n.t(
      'Run or resume the study from the command line, which indexes them: {0}',
      'tricks study resume last',
    ),
  };
}

function unreadableFailure({ id, experiment }: StudyRecord, parsed: Extract<StudyParse, { ok: false }>) {
  const remedy = l10n.t('Create a new study from the file. It reuses the finished runs.');
  switch (parsed.why) {
    case 'problems': {
      const [problem] = parsed.problems;
      const line = problem ? formatProblem(experiment.file, problem) : '';
      return { what: l10n.t('The study {0} can no longer be read: {1}', id, line), remedy };
    }
    case 'unindexed':
      return unindexedFailure(experiment.file);
    case 'search':
      return { what: l10n.t('The study {0} is a search.', id), remedy };
  }
}

/** Hashes what a recipe trains. */
export function baselineHash(recipe: AnyRecipe): string {
  return createHash('sha256').update(anyRecipeKey(recipe)).digest('hex');
}
