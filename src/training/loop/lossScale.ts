import type { LossScaling } from '../../recipe/recipe';

/** The state of a loss scale: plain data for checkpoints. */
export interface LossScale {
  /** Multiplies the loss and divides the gradients. */
  readonly scale: number;
  /** Steps since the scale last changed, without an overflow. */
  readonly growthTracker: number;
  /** Steps with overflowed gradients, which changed nothing else. */
  readonly overflows: number;
}

/** Returns the loss scale of the first step. */
export function initialLossScale(scaling: LossScaling): LossScale {
  const scale = scaling.kind === 'dynamic' ? scaling.initial : scaling.scale;
  return { scale, growthTracker: 0, overflows: 0 };
}

/**
 * Returns the loss scale after a step (Micikevicius et al. 2018, section 3.2, like GradScaler). A dynamic scale backs
 * off after an infinite or NaN gradient. It grows after `growthInterval` steps without one, unless that would overflow
 * float32.
 */
export function nextLossScale(scaling: LossScaling, state: LossScale, overflowed: boolean): LossScale {
  const overflows = state.overflows + (overflowed ? 1 : 0);
  if (scaling.kind === 'static') return { ...state, overflows };
  if (overflowed) {
    return { scale: Math.fround(state.scale * scaling.backoffFactor), growthTracker: 0, overflows };
  }
  const growthTracker = state.growthTracker + 1;
  if (growthTracker < scaling.growthInterval) return { ...state, growthTracker };
  const grown = Math.fround(state.scale * scaling.growthFactor);
  return { scale: Number.isFinite(grown) ? grown : state.scale, growthTracker: 0, overflows };
}

/** fairseq's minimum loss scale. Below it, the gradients themselves are too large. */
const LEAST_SCALE = 1e-4;

/** Overflows in a row after which a fixed scale counts as too large. */
const MOST_OVERFLOWS_AT_ONE_SCALE = 40;

/** Returns, after a step with overflowed gradients, whether no later step can be expected to update the weights. */
export function isHopeless(scaling: LossScaling, { scale }: LossScale, overflowsInARow: number): boolean {
  if (scaling.kind === 'static') return overflowsInARow > MOST_OVERFLOWS_AT_ONE_SCALE;
  // An infinite scale stays infinite however often it is halved.
  return overflowsInARow > 0 && (scale < LEAST_SCALE || !Number.isFinite(scale));
}
