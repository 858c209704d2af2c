import type { StudyAnalysis, StudyRunOutcome, StudySetting } from '../protocol/study';
import { analyzeStudy } from '../study/analysis';
import type { RunOutcome } from './outcomes';
import type { PlannedRun, StudyRecord } from './record';

/** What came of a run of a study. */
export interface KnownOutcome {
  readonly planned: PlannedRun;
  readonly outcome: RunOutcome;
  /** That its training took; null where that says nothing of this study. */
  readonly seconds: number | null;
}

/** What the first so many blocks of a study say, with all others left out as if they had not begun. */
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

/** What the runs of a study say that are there. */
export function analysisOf(
  record: StudyRecord,
  runs: readonly StudyRunOutcome[],
  isAllowed?: (setting: StudySetting) => boolean,
): StudyAnalysis {
  const { factors, plan, metric, smallestEffect, blocks, stop, isExtended } = record;
  return analyzeStudy({
    ...{ factors, plan, blocksBudgeted: plan.blocks.length, runs, metric, smallestEffect, stop, isExtended },
    images: blocks === 'folds' ? 'folds' : 'shared',
    ...(isAllowed && { isAllowed }),
  });
}

/** The metric of a confirmation whose data set has test images. */
export const TEST_ACCURACY = 'test_accuracy';
