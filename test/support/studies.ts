import type {
  Estimate,
  StudyAnalysis,
  StudyEffect,
  StudyFactor,
  StudyInteraction,
  StudySetting,
} from '../../src/protocol/study';
import type { StudyFacts, StudyRunFacts } from '../../src/protocol/studyView';

/** Five factors of a study on Fashion-MNIST. */
export const FACTORS: readonly StudyFactor[] = [
  { key: 'warmup', kind: 'trick', levels: ['without', 'with'] },
  { key: 'label_smoothing', kind: 'trick', levels: ['without', 'epsilon 0.1'] },
  { key: 'mixup', kind: 'trick', levels: ['without', 'with'] },
  { key: 'ema', kind: 'trick', levels: ['without', 'with'] },
  { key: 'optimizer.weight_decay', kind: 'key', levels: ['0.0001', '0.0005'] },
];

const LEVEL_VALUES = [
  [false, { epochs: 1 }],
  [false, { epsilon: 0.1 }],
  [false, true],
  [false, true],
  [0.0001, 0.0005],
];

/** The half fraction of resolution V: the fifth factor is the product of the other four. */
const SETTINGS: readonly StudySetting[] = Array.from({ length: 16 }, (_, index) => {
  const base = [0, 1, 2, 3].map((bit) => (index >> bit) & 1);
  return [...base, 1 - (base.reduce((sum, level) => sum + level, 0) % 2)];
});

/** The same half in both blocks would leave the other half unseen, so the second block runs its complement. */
const BLOCKS = [
  { settings: SETTINGS },
  { settings: SETTINGS.map((setting) => setting.map((level, at) => (at === 4 ? 1 - level : level))) },
];

export function estimate(value: number, halfWidth: number | null, degrees = 16): Estimate {
  return { value, standardError: halfWidth === null ? null : halfWidth / 2.12, degrees, halfWidth };
}

/** An effect of a level, both on new images and on these. */
export function effect(changes: Partial<StudyEffect> & { readonly factor: number }): StudyEffect {
  return {
    level: 1,
    estimates: {
      onTheseImages: estimate(0.31, 0.1),
      onNewImages: estimate(0.31, 0.14),
      withinChosen: estimate(0.36, 0.21),
    },
    verdict: 'helps',
    pDifferent: 0.0021,
    pTooSmall: 1,
    blocksNeeded: null,
    needsMoreImages: false,
    ...changes,
  };
}

function estimates(value: number): NonNullable<StudyEffect['estimates']> {
  return {
    onTheseImages: estimate(value, 0.1),
    onNewImages: estimate(value, 0.14),
    withinChosen: estimate(value + 0.05, 0.21),
  };
}

export const INTERACTION: StudyInteraction = {
  pair: [2, 1],
  levels: [1, 1],
  estimate: estimate(-0.5, 0.28),
  p: 0.011,
  isShown: true,
  firstWithout: 0.4,
  firstWith: -0.1,
  secondWithout: 0.67,
  secondWith: 0.17,
};

function interaction(pair: readonly [number, number], without: readonly [number, number], size: number) {
  return {
    ...INTERACTION,
    pair,
    estimate: estimate(size, 0.28),
    p: 1,
    isShown: false,
    firstWithout: without[0],
    firstWith: without[0] + size,
    secondWithout: without[1],
    secondWith: without[1] + size,
  };
}

export function analysis(changes: Partial<StudyAnalysis> = {}): StudyAnalysis {
  return {
    blocksDone: 2,
    blocksBudgeted: 2,
    runsUsed: 32,
    runsDiverged: 0,
    higherIsBetter: true,
    others: 'averaged',
    effects: [
      effect({ factor: 0 }),
      effect({ factor: 1, estimates: estimates(0.42), pDifferent: 0.0003 }),
      effect({ factor: 2, estimates: estimates(-0.35), verdict: 'hurts', pDifferent: 0.0009 }),
      effect({
        factor: 3,
        estimates: estimates(0.03),
        verdict: 'too_small',
        pDifferent: 0.64,
        pTooSmall: 0.03,
      }),
      effect({
        factor: 4,
        estimates: estimates(0.13),
        verdict: 'undecided',
        pDifferent: 0.13,
        blocksNeeded: 4,
      }),
    ],
    interactions: [
      INTERACTION,
      interaction([0, 1], [0.3, 0.4], 0.04),
      interaction([0, 2], [0.28, -0.4], 0.07),
      interaction([0, 3], [0.33, 0.05], -0.05),
      interaction([1, 3], [0.45, 0.06], -0.06),
      interaction([2, 3], [-0.36, 0.02], 0.02),
    ],
    interactionsLeftOut: 'none',
    noise: { standardDeviation: 0.21, degrees: 16, isUneven: false },
    divergences: [],
    chosen: { setting: [1, 1, 0, 1, 1], gain: estimate(0.94, 0.3) },
    outliers: [],
    logError: null,
    seedsIgnored: false,
    look: {
      number: 1,
      of: 1,
      stop: null,
      levelUsed: 0.01,
      levelDifferent: 0.01,
      levelTooSmall: 0.01,
    },
    isExtended: false,
    withheld: null,
    ...changes,
  };
}

/** The results of the runs: the effects above plus a deterministic spread that looks like noise. */
function runs(): StudyRunFacts[] {
  return BLOCKS.flatMap(({ settings }, block) =>
    settings.map((setting, position): StudyRunFacts => {
      const effects = [0.31, 0.42, -0.35, 0.03, 0.13];
      const gain = setting.reduce((sum, level, factor) => sum + level * effects[factor]!, 0);
      const spread = 0.25 * Math.sin(12.9898 * (16 * block + position + 1));
      const id = `which-tricks-pay-${block + 1}-${position + 1}`;
      return {
        id,
        folder: `/project/.bag-of-tricks/runs/${id}`,
        block,
        position,
        setting,
        seed: block + 1,
        fold: null,
        status: 'finished',
        value: 91.2 + gain + spread,
        seconds: 412 + 9 * setting[2]! + position,
        isReused: block === 0 && position === 0,
      };
    }),
  );
}

/** A finished study of 32 runs. */
export function studyFacts(changes: Partial<StudyFacts> = {}): StudyFacts {
  return {
    folder: '/project/.bag-of-tricks/studies/which-tricks-pay-1',
    id: 'which-tricks-pay-1',
    name: 'which-tricks-pay',
    createdAt: Date.UTC(2026, 0, 5, 9, 30),
    experimentFile: '/project/fashion-mnist.experiment.yaml',
    studyFile: '/project/which-tricks-pay.study.yaml',
    factors: FACTORS,
    levelValues: LEVEL_VALUES,
    plan: {
      kind: 'full',
      blocks: BLOCKS,
      resolution: null,
      aliases: [],
      residualDegrees: 25,
      efficiency: null,
    },
    metric: { name: 'validation_accuracy', higherIsBetter: true, unit: 'points' },
    smallestEffect: 0.2,
    images: 'shared',
    stop: 'when_decided',
    state: { status: 'done', because: 'full' },
    runs: runs(),
    analysis: analysis(),
    costs: [
      cost(0, 38.1, 38.1, 812),
      cost(1, 38.1, 38.4, 812),
      cost(2, 38.1, 40.2, 830),
      cost(3, 38.1, 39.0, 815),
    ],
    epochs: 10,
    secondsLeft: null,
    confirmation: null,
    confirms: null,
    isExtended: false,
    seeding: null,
    ...changes,
  };
}

function cost(
  factor: number,
  without: number,
  withIt: number,
  mebibytes: number,
): StudyFacts['costs'][number] {
  return {
    factor,
    level: 1,
    secondsPerEpoch: { without, with: withIt },
    memoryBytes: { without: 812 * 2 ** 20, with: mebibytes * 2 ** 20 },
  };
}

/** The same study in progress: the first block is done, the second is running. */
export function runningStudy(changes: Partial<StudyFacts> = {}): StudyFacts {
  const whole = studyFacts();
  return studyFacts({
    state: { status: 'running' },
    runs: whole.runs.map((run) => {
      const place = 16 * run.block + run.position;
      if (place < 20) return run;
      const open = { ...run, value: null, seconds: null };
      if (place < 22) return { ...open, status: 'running' };
      return place < 24
        ? { ...open, status: 'queued' }
        : { ...open, status: 'planned', id: null, folder: null };
    }),
    analysis: analysis({
      blocksDone: 1,
      runsUsed: 20,
      effects: analysis().effects.map((each) => ({
        ...each,
        verdict: each.factor === 1 ? 'helps' : 'undecided',
        blocksNeeded: each.factor === 1 ? null : 3,
      })),
      interactions: [],
      interactionsLeftOut: 'too_few_degrees',
      chosen: null,
    }),
    secondsLeft: 4980,
    ...changes,
  });
}

/** A study that has just started: nothing is known yet. */
export function newStudy(): StudyFacts {
  const whole = studyFacts();
  return studyFacts({
    state: { status: 'waiting' },
    runs: whole.runs.map((run) => ({
      ...run,
      id: null,
      folder: null,
      status: 'planned',
      value: null,
      seconds: null,
      isReused: false,
    })),
    analysis: null,
    costs: [],
  });
}

/** One block is done: effects without a verdict. */
export function oneBlock(): StudyFacts {
  const whole = studyFacts();
  return studyFacts({
    plan: {
      ...whole.plan,
      kind: 'fractional',
      resolution: 5,
      blocks: BLOCKS.slice(0, 1),
      residualDegrees: 10,
    },
    runs: whole.runs.slice(0, 16),
    analysis: analysis({
      blocksDone: 1,
      blocksBudgeted: 1,
      runsUsed: 16,
      withheld: 'one_block',
      effects: analysis().effects.map((each) => ({
        ...each,
        verdict: 'undecided',
        pDifferent: null,
        pTooSmall: null,
      })),
      interactions: [],
      interactionsLeftOut: 'design',
    }),
  });
}

/** A study with runs that diverged with mixup, an outlier, aliases, a failed confirmation, and a raised budget. */
export function divergedStudy(): StudyFacts {
  const whole = studyFacts();
  return studyFacts({
    plan: {
      ...whole.plan,
      kind: 'plackett_burman',
      resolution: 3,
      aliases: [
        { factor: 0, pair: [2, 1], share: 1 },
        { factor: 3, pair: [0, 2], share: -1 / 3 },
      ],
    },
    runs: whole.runs.map((run, index) =>
      index % 16 === 5 || index % 16 === 7 ? { ...run, status: 'diverged', value: null } : run,
    ),
    analysis: analysis({
      runsUsed: 28,
      runsDiverged: 4,
      interactions: [],
      interactionsLeftOut: 'design',
      effects: analysis().effects.map((each) => (each.factor === 2 ? { ...each, estimates: null } : each)),
      divergences: [
        {
          factor: 2,
          level: 1,
          divergedWith: 4,
          runsWith: 16,
          divergedWithout: 0,
          runsWithout: 16,
          p: 0.0365,
        },
        {
          factor: 0,
          level: 1,
          divergedWith: 4,
          runsWith: 16,
          divergedWithout: 0,
          runsWithout: 16,
          p: 0.0365,
        },
      ],
      outliers: [{ run: 9, residual: -1.12, studentized: -4.2 }],
      logError: [{ factor: 1, level: 1, ratio: 0.88, low: 0.81, high: 0.95, degrees: 12 }],
    }),
    confirmation: {
      setting: [1, 1, 0, 1, 1],
      seeds: 4,
      split: 'test',
      onTheseImages: estimate(0.21, 0.2, 3),
      onNewImages: estimate(0.21, 0.28, 3),
    },
    isExtended: true,
  });
}

/** A study with factors of several levels and a metric where lower is better. */
export function manyLevels(): StudyFacts {
  const factors: readonly StudyFactor[] = [
    { key: 'optimizer.weight_decay', kind: 'key', levels: ['0', '0.0001', '0.0005'] },
    { key: 'stochastic_depth', kind: 'trick', levels: ['without', 'rate 0.1', 'rate 0.2'] },
  ];
  const settings = [0, 1, 2].flatMap((one) => [0, 1, 2].map((other) => [one, other]));
  const losses = (value: number) => ({
    onTheseImages: estimate(value, 0.008),
    onNewImages: null,
    withinChosen: null,
  });
  const { runs, costs, ...whole } = studyFacts();
  return {
    ...whole,
    factors,
    levelValues: [
      [0, 0.0001, 0.0005],
      [false, { rate: 0.1 }, { rate: 0.2 }],
    ],
    plan: { ...whole.plan, blocks: [{ settings }, { settings }] },
    metric: { name: 'validation_loss', higherIsBetter: false, unit: 'plain' },
    smallestEffect: 0.005,
    images: 'folds',
    stop: 'never',
    costs: costs.slice(0, 0),
    runs: [0, 1].flatMap((block) =>
      settings.map((setting, position) => ({
        ...runs[position]!,
        block,
        position,
        setting,
        fold: block,
        value: 0.312 - 0.01 * setting[0]! + 0.004 * position * (block + 1),
      })),
    ),
    analysis: analysis({
      higherIsBetter: false,
      effects: [
        effect({ factor: 0, level: 1, estimates: losses(-0.021) }),
        effect({ factor: 0, level: 2, estimates: losses(0.019), verdict: 'hurts' }),
        effect({ factor: 1, level: 1, estimates: losses(-0.0005), verdict: 'too_small' }),
        effect({
          factor: 1,
          level: 2,
          estimates: losses(-0.003),
          verdict: 'undecided',
          needsMoreImages: true,
        }),
      ],
      interactions: [
        {
          ...INTERACTION,
          pair: [0, 1],
          levels: [2, 1],
          estimate: estimate(-0.011, 0.012),
          isShown: false,
          firstWithout: 0.024,
          firstWith: 0.013,
          secondWithout: 0.005,
          secondWith: -0.006,
        },
      ],
      chosen: { setting: [1, 0], gain: estimate(-0.021, 0.01) },
      noise: { standardDeviation: 0.0061, degrees: 12, isUneven: true },
    }),
  };
}
