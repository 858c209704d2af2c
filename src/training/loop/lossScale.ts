import type { LossScaling } from '../../recipe/recipe';

/** Where a loss scale stands: plain data, to be kept in checkpoints. */
export interface LossScale {
  /** What the loss is multiplied by, and the gradients divided by. */
  readonly scale: number;
  /** Steps without an overflow since the scale last changed. */
  readonly growthTracker: number;
  /** Steps whose gradients overflowed, and that changed nothing else. */
  readonly overflows: number;
}

/** The loss scale of the first step. */
export function initialLossScale(scaling: LossScaling): LossScale {
  const scale = scaling.kind === 'dynamic' ? scaling.initial : scaling.scale;
  return { scale, growthTracker: 0, overflows: 0 };
}

/**
 * The loss scale after a step (Micikevicius et al. 2018, section 3.2, in GradScaler's form): a dynamic one backs
 * off when a gradient was infinite or NaN, and grows after `growthInterval` steps without one, unless that would
 * pass float32's range.
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
