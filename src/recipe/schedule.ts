import { assertNever } from '../shared/assertNever';

/** How the rate falls once warmup is over. Milestones are steps. */
export type Decay =
  | { readonly name: 'constant' }
  | { readonly name: 'cosine' }
  /** Steps and multi-steps alike: the rate is multiplied by `factor` at each milestone. */
  | { readonly name: 'step'; readonly milestones: readonly number[]; readonly factor: number }
  /** (1 - t / T) ** power; power 1 is linear. */
  | { readonly name: 'polynomial'; readonly power: number }
  /**
   * Up from `startFactor` to the peak over `riseShare` of the steps and down to `endFactor`, both along a cosine
   * (Smith 2018, in the form and with the fenceposts of PyTorch's OneCycleLR).
   */
  | {
      readonly name: 'one_cycle';
      readonly riseShare: number;
      readonly startFactor: number;
      readonly endFactor: number;
    }
  /**
   * Up from `startFactor` to the peak by the same factor at every step (Smith 2017, arXiv 1506.01186, section 3.3, in
   * fastai's exponential form). Such a training finds a learning rate and is over once its loss explodes.
   */
  | { readonly name: 'range_test'; readonly startFactor: number };

/** Everything the learning rate of a step depends on. */
export interface Schedule {
  /** The rate that warmup ends at and decay starts from. */
  readonly peakLearningRate: number;
  readonly warmup: {
    readonly steps: number;
    /**
     * What the first step, or epoch, counts as: its rate is peak x countFrom / steps. 0 is the paper's authors' log, 1 the
     * paper's words.
     */
    readonly countFrom: 0 | 1;
    /** Whether the rate rises at every step or only at the first of an epoch. */
    readonly update: 'step' | 'epoch';
  };
  readonly decay: Decay;
  /** Whether the rate changes at every step or only at the first step of an epoch. */
  readonly update: 'step' | 'epoch';
  readonly stepsPerEpoch: number;
  readonly totalSteps: number;
}

/**
 * The learning rate that the optimizer's step `step` (0, 1, ...) uses: linear warmup (He et al. 2018, section
 * 3.1), then decay over the steps left, warmup left out of it (section 5.1).
 */
export function learningRateAt(schedule: Schedule, step: number): number {
  const { peakLearningRate, warmup, update, stepsPerEpoch } = schedule;
  const epochStart = Math.floor(step / stepsPerEpoch) * stepsPerEpoch;
  const t = update === 'epoch' ? epochStart : step;
  if (t >= warmup.steps) return peakLearningRate * decayAt(schedule, t);
  const counted =
    warmup.update === 'epoch' ? epochStart + warmup.countFrom * stepsPerEpoch : t + warmup.countFrom;
  // A warmup that ends within an epoch has no whole step left to rise by.
  return peakLearningRate * Math.min(counted / warmup.steps, 1);
}

/** The share of the peak rate left at step `t`, which lies after warmup. */
function decayAt({ decay, warmup, totalSteps }: Schedule, t: number): number {
  const past = t - warmup.steps;
  const steps = totalSteps - warmup.steps;
  switch (decay.name) {
    case 'constant':
      return 1;
    case 'cosine':
      return (1 + Math.cos((Math.PI * past) / steps)) / 2;
    case 'step':
      return decay.factor ** decay.milestones.filter((milestone) => t >= milestone).length;
    case 'polynomial':
      return (1 - past / steps) ** decay.power;
    case 'one_cycle': {
      const { riseShare, startFactor, endFactor } = decay;
      const top = Math.max(riseShare * steps - 1, 0);
      if (past < top) return alongCosine(startFactor, 1, past / top);
      return alongCosine(1, endFactor, (past - top) / Math.max(steps - 1 - top, 1));
    }
    case 'range_test':
      return decay.startFactor ** (1 - past / Math.max(steps - 1, 1));
    default:
      return assertNever(decay);
  }
}

/** From `start` to `end` along half a cosine, `share` of the way. */
function alongCosine(start: number, end: number, share: number): number {
  return end + ((start - end) * (1 + Math.cos(Math.PI * share))) / 2;
}
