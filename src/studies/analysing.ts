import type { StudyAnalysis, StudyRunOutcome, StudySetting } from '../protocol/study';
import { readRun, runFolder } from '../runs/store';
import { analyzeStudy } from '../study/analysis';
import { type RunOutcome, readOutcome } from './outcomes';
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

/**
 * What came of each run of a study by now, in the order of its plan: for who only looks at it.
 *
 * @throws the file system's error where a run's files cannot be read
 */
export async function readOutcomes(root: string, record: StudyRecord): Promise<StudyRunOutcome[]> {
  const outcomes: StudyRunOutcome[] = [];
  // One after the other: a study may have more runs than files may be open.
  for (const { block, setting, run, tested } of record.runs) {
    const outcome = await outcomeOf(root, record, run, tested);
    outcomes.push({ block, setting, seed: record.seeds[block] ?? 0, outcome });
  }
  return outcomes;
}

async function outcomeOf(
  root: string,
  { metric }: StudyRecord,
  run: string | null,
  tested: number | null,
): Promise<RunOutcome> {
  if (run === null) return { kind: 'missing' };
  const entry = await readRun(runFolder(root, run));
  if (entry.kind === 'broken') return { kind: 'missing' };
  if (metric.name !== TEST_ACCURACY) return readOutcome(entry, metric.name);
  const outcome = await readOutcome(entry, 'validation_accuracy');
  if (outcome.kind !== 'finished') return outcome;
  return tested === null ? { kind: 'missing' } : { ...outcome, value: tested, correct: null };
}

/** The metric of a confirmation whose data set has test images. */
export const TEST_ACCURACY = 'test_accuracy';
