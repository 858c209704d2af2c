import type { StudyAnalysis, StudyRunOutcome, StudySetting } from '../../src/protocol/study';
import { analyzeStudy, type StudyInput } from '../../src/study/analysis/index';
import type { Spending } from '../../src/study/analysis/looks/boundaries';
import { type Design, factorsOf, planOf } from './designs';
import { Source } from './random';

type Outcome = StudyRunOutcome['outcome'];

/** Determines the outcomes of a study's runs. */
export interface World {
  /** The true values that the intervals should cover, by effect, in the order of the analysis. */
  readonly truth: readonly number[];
  /** Draws what the runs of a study share and returns a function that draws the outcome of each run. */
  readonly study: (random: Source) => (setting: StudySetting, block: number) => Outcome;
}

export interface Row {
  readonly name: string;
  readonly design: Design;
  readonly blocks: number;
  readonly world: World;
  readonly input: Pick<StudyInput, 'stop' | 'images' | 'smallestEffect'>;
  readonly spending?: Spending;
}

/** Results over many studies of a row, as fractions of the studies unless noted otherwise. */
export interface Tally {
  readonly studies: number;
  /** Over all intervals shown, and for the effect with the lowest coverage. */
  readonly coverage: number;
  readonly leastCoverage: number;
  /** Of the intervals that are based on the runs alone. */
  readonly coverageOfRuns: number;
  /** Studies with a `helps` or `hurts` verdict on an effect that is 0 or has the opposite sign. */
  readonly falseDifferent: number;
  /** Studies with a `too small` verdict on an effect that is not. */
  readonly falseTooSmall: number;
  readonly halfWidth: number;
  /** Effects with a verdict other than `undecided`. */
  readonly decided: number;
  readonly withheld: number;
  readonly stoppedEarly: number;
  /** Mean number of blocks run. */
  readonly blocks: number;
  /** Processor time, so that other load on the machine does not count. */
  readonly msPerAnalysis: number;
}

const METRIC = { name: 'validation_accuracy', higherIsBetter: true, isAccuracy: true } as const;

/** Simulates `studies` studies of a row, or as many as fit the time. */
export function simulate(row: Row, seed: number, studies: number, secondsAtMost: number): Tally {
  const { design, world } = row;
  const plan = planOf(design, row.blocks);
  const factors = factorsOf(design.levels);
  const started = performance.now();
  let analyses = 0;
  let msAnalysing = 0;
  const analyze = (runs: readonly StudyRunOutcome[]): StudyAnalysis => {
    const from = process.cpuUsage();
    const analysis = analyzeStudy(
      { factors, plan, blocksBudgeted: row.blocks, runs, metric: METRIC, ...row.input },
      row.spending,
    );
    analyses++;
    const { user, system } = process.cpuUsage(from);
    msAnalysing += (user + system) / 1000;
    return analysis;
  };
  const covered = world.truth.map(() => 0);
  const shown = world.truth.map(() => 0);
  const sums = { runs: 0, different: 0, tooSmall: 0, width: 0, decided: 0, withheld: 0, early: 0, blocks: 0 };
  let count = 0;
  for (; count < studies; count++) {
    if (performance.now() - started > secondsAtMost * 1000) break;
    const random = new Source(seed, count);
    const outcome = world.study(random);
    const runs: StudyRunOutcome[] = [];
    let analysis: StudyAnalysis | null = null;
    let blocks = 0;
    for (const { settings } of plan.blocks) {
      for (const setting of settings)
        runs.push({ block: blocks, setting, seed: blocks, outcome: outcome(setting, blocks) });
      blocks++;
      if (row.input.stop === 'never' && blocks < row.blocks) continue;
      analysis = analyze(runs);
      if (analysis.look?.stop) break;
    }
    if (!analysis) throw new Error('A study needs a block');
    if (blocks < row.blocks) sums.early++;
    sums.blocks += blocks;
    if (analysis.withheld) sums.withheld++;
    let isFalse = false;
    let isFalseSmall = false;
    analysis.effects.forEach(({ estimates, verdict }, index) => {
      const truth = world.truth[index] ?? 0;
      const isSmall = verdict.endsWith('too_small');
      if (verdict.startsWith('helps') && truth <= 0) isFalse = true;
      if (verdict.startsWith('hurts') && truth >= 0) isFalse = true;
      if (isSmall && Math.abs(truth) >= row.input.smallestEffect * (1 - 1e-9)) isFalseSmall = true;
      if (verdict !== 'undecided') sums.decided++;
      const interval = estimates?.onNewImages ?? estimates?.onTheseImages;
      if (!estimates || !interval || interval.halfWidth === null) return;
      shown[index] = (shown[index] ?? 0) + 1;
      sums.width += interval.halfWidth;
      if (Math.abs(interval.value - truth) <= interval.halfWidth) covered[index] = (covered[index] ?? 0) + 1;
      if (Math.abs(interval.value - truth) <= (estimates.onTheseImages.halfWidth ?? 0)) sums.runs++;
    });
    if (isFalse) sums.different++;
    if (isFalseSmall) sums.tooSmall++;
  }
  const total = shown.reduce((sum, each) => sum + each, 0);
  return {
    studies: count,
    coverage: covered.reduce((sum, each) => sum + each, 0) / total,
    leastCoverage: Math.min(...covered.map((each, index) => each / (shown[index] || Number.NaN))),
    coverageOfRuns: sums.runs / total,
    falseDifferent: sums.different / count,
    falseTooSmall: sums.tooSmall / count,
    halfWidth: sums.width / total,
    decided: sums.decided / count / world.truth.length,
    withheld: sums.withheld / count,
    stoppedEarly: sums.early / count,
    blocks: sums.blocks / count,
    msPerAnalysis: msAnalysing / analyses,
  };
}
