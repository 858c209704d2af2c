import { assertNever } from '../shared/assertNever';

/** Learning rate decay after warmup. Milestones are in steps. */
export type Decay =
  | { readonly name: 'constant' }
  | { readonly name: 'cosine' }
  /** Covers step and multi-step decay: multiplies the learning rate by `factor` at each milestone. */
  | { readonly name: 'step'; readonly milestones: readonly number[]; readonly factor: number }
  /** (1 - t / T) ** power. Power 1 is linear. */
  | { readonly name: 'polynomial'; readonly power: number }
  /**
   * Rises from `startFactor` to the peak over `riseShare` of the steps, then falls to `endFactor`, both along a cosine
   * (Smith 2018, in the form and with the step boundaries of PyTorch's OneCycleLR).
   */
  | {
      readonly name: 'one_cycle';
      readonly riseShare: number;
      readonly startFactor: number;
      readonly endFactor: number;
    }
  /**
   * Rises from `startFactor` to the peak by a constant factor per step (Smith 2017, arXiv 1506.01186, section 3.3, in
   * fastai's exponential form). This training only serves to find a learning rate. It ends when the loss explodes.
   */
  | { readonly name: 'range_test'; readonly startFactor: number };

/** Everything that determines a step's learning rate. */
export interface Schedule {
  /** Learning rate at the end of warmup, where decay starts. */
  readonly peakLearningRate: number;
  readonly warmup: {
    readonly steps: number;
    /**
     * The count at the first step or epoch: its learning rate is peak x countFrom / steps. 0 follows the paper authors'
     * log, 1 the paper's text.
     */
    readonly countFrom: 0 | 1;
    /** Whether warmup changes the learning rate at every step or only at the first step of an epoch. */
    readonly update: 'step' | 'epoch';
  };
  readonly decay: Decay;
  /** Whether the learning rate changes at every step or only at the first step of an epoch. */
  readonly update: 'step' | 'epoch';
  readonly stepsPerEpoch: number;
  readonly totalSteps: number;
}

/**
 * Returns the learning rate for optimizer step `step` (0, 1, ...): linear warmup (He et al. 2018, section 3.1), then
 * decay over the remaining steps, not counting warmup (section 5.1).
 */
export function learningRateAt(schedule: Schedule, step: number): number {
  const { peakLearningRate, warmup, update, stepsPerEpoch } = schedule;
  const epochStart = Math.floor(step / stepsPerEpoch) * stepsPerEpoch;
  const t = update === 'epoch' ? epochStart : step;
  if (t >= warmup.steps) return peakLearningRate * decayAt(schedule, t);
  const counted =
    warmup.update === 'epoch' ? epochStart + warmup.countFrom * stepsPerEpoch : t + warmup.countFrom;
  // If a per-epoch warmup ends within an epoch, the count can exceed its steps.
  return peakLearningRate * Math.min(counted / warmup.steps, 1);
}

/** Returns the fraction of the peak learning rate at step `t`, after warmup. */
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

/** Interpolates from `start` to `end` along half a cosine, at fraction `share`. */
function alongCosine(start: number, end: number, share: number): number {
  return end + ((start - end) * (1 + Math.cos(Math.PI * share))) / 2;
}
