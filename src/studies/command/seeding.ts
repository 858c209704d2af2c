/** Finds out what the seed means in runs of a command: whether it changes anything, and whether it decides everything. */
import type { StudyPlan, StudySeeding, StudySetting } from '../../protocol/study';
import { areSeedsIgnored } from '../../study/analysis/seeds';
import type { KnownOutcome } from '../analyzing';
import type { PlannedRun, StudyRecord } from '../record';

/**
 * Returns the runs that a study of a command adds to its plan. Each repeats the setting of the first run: with the same
 * seed, because equal metrics show that a seed decides a run, and with the next block's seed if no planned run does that,
 * because equal metrics show that the seed is ignored.
 */
export function repeatsOf({ blocks }: StudyPlan): PlannedRun[] {
  const setting = blocks[0]?.settings[0];
  if (!setting) return [];
  const hasTwin = blocks.some((block, index) => index > 0 && positionOf(setting, block.settings) >= 0);
  return [0, ...(blocks.length > 1 && !hasTwin ? [1] : [])].map((block) => ({
    ...{ block, position: blocks[block]?.settings.length ?? 0, setting: [...setting] },
    ...{ run: null, isReused: false, crashes: 0, tested: null },
  }));
}

/** Returns the runs of a study in the order in which they train: what shows the meaning of the seed comes first. */
export function inTrainingOrder({
  runs,
  seeding,
}: Pick<StudyRecord, 'runs' | 'seeding'>): readonly PlannedRun[] {
  const [first] = runs;
  if (!seeding || !first) return runs;
  const twin = runs.find(({ block, setting }) => block > 0 && `${setting}` === `${first.setting}`);
  const early = [first, ...seeding.repeats, ...(twin ? [twin] : [])];
  return [...early, ...runs.filter((run) => !early.includes(run))];
}

function positionOf(setting: StudySetting, settings: readonly StudySetting[]): number {
  return settings.findIndex((each) => `${each}` === `${setting}`);
}

/** Returns what a study's runs show about its seed, if the first run and its repetition have finished. */
export function seenSeeding(
  { seeding, runs }: Pick<StudyRecord, 'seeding' | 'runs'>,
  outcomes: readonly KnownOutcome[],
): Pick<StudySeeding, 'sameSeed' | 'values'> | null {
  const outcomeOf = (run: PlannedRun | undefined) =>
    outcomes.find(({ planned }) => planned.block === run?.block && planned.position === run.position)
      ?.outcome;
  const repeat = seeding?.repeats.find(({ block }) => block === 0);
  const [first, second] = [outcomeOf(runs[0]), outcomeOf(repeat)];
  if (first?.kind !== 'finished' || second?.kind !== 'finished') return null;
  const isEqual = first.value === second.value && first.digits === second.digits;
  return { sameSeed: isEqual ? 'equal' : 'different', values: [first.value, second.value] };
}

/** Whether runs with different seeds are copies of each other. */
export function isSeedIgnored(
  { seeds, metric }: Pick<StudyRecord, 'seeds' | 'metric'>,
  outcomes: readonly KnownOutcome[],
): boolean {
  const used = outcomes.flatMap(({ planned: { block, setting }, outcome }, index) =>
    outcome.kind === 'finished'
      ? [
          {
            ...{ index, block, setting, seed: seeds[block] ?? 0, value: outcome.value },
            ...{ correct: outcome.correct, loss: outcome.loss ?? null, digits: outcome.digits ?? null },
          },
        ]
      : [],
  );
  return areSeedsIgnored(used, metric.isAccuracy);
}
