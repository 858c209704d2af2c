import {
  areSeedsPaired,
  type StudyAnalysis,
  type StudyRunOutcome,
  type StudySetting,
} from '../protocol/study';
import { analyzeStudy } from '../study/analysis';
import type { RunOutcome } from './outcomes';
import type { PlannedRun, StudyRecord } from './record';

/** The result of a study's run. */
export interface KnownOutcome {
  readonly planned: PlannedRun;
  readonly outcome: RunOutcome;
  /** Training time. Null if it says nothing about this study. */
  readonly seconds: number | null;
  /** Epochs that it trained. Null if that is unknown. */
  readonly epochs: number | null;
}

/** Analyzes only the first blocks of a study, as if the others had not started. */
export function analysisAt(
  record: StudyRecord,
  outcomes: readonly StudyRunOutcome[],
  blocks: number,
  isAllowed: (setting: StudySetting) => boolean,
): StudyAnalysis {
  return analysisOf(
    record,
    outcomes.filter(({ block }) => block < blocks),
    isAllowed,
  );
}

/** Analyzes the runs that a study has so far. */
export function analysisOf(
  record: StudyRecord,
  runs: readonly StudyRunOutcome[],
  isAllowed?: (setting: StudySetting) => boolean,
): StudyAnalysis {
  const { factors, plan, metric, smallestEffect, blocks, stop, isExtended } = record;
  return analyzeStudy({
    ...{ factors, plan, blocksBudgeted: plan.blocks.length, runs, metric, smallestEffect, stop, isExtended },
    images: blocks === 'folds' ? 'folds' : 'shared',
    areSeedsPaired: areSeedsPaired(record.seeding),
    ...(isAllowed && { isAllowed }),
  });
}

/** The metric of a confirmation if its data set has test images. */
export const TEST_ACCURACY = 'test_accuracy';
