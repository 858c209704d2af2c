import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { LossScaling } from '../../../../src/recipe/recipe';
import {
  initialLossScale,
  isHopeless,
  type LossScale,
  nextLossScale,
} from '../../../../src/training/loop/lossScale';
import goldens from '../../../fixtures/goldens.json';

const DYNAMIC = {
  kind: 'dynamic',
  initial: 65536,
  growthFactor: 2,
  backoffFactor: 0.5,
  growthInterval: 2000,
} as const;

describe('the loss scale', () => {
  it('follows the scale of torch.amp.GradScaler', () => {
    const golden = goldens.loss_scaler;
    const scaling: LossScaling = {
      kind: 'dynamic',
      initial: golden.init_scale,
      growthFactor: golden.growth_factor,
      backoffFactor: golden.backoff_factor,
      growthInterval: golden.growth_interval,
    };
    const states = statesAfter(
      scaling,
      golden.gradients.map((gradient) => gradient === 'inf'),
    );
    expect(states.map(({ scale }) => scale)).toEqual(golden.scale_after_each);
    expect(states.at(-1)?.overflows).toBe(1);
  });

  it('grows at the 2000th good step in a row, then counts again from 0', () => {
    const states = statesAfter(DYNAMIC, new Array<boolean>(4000).fill(false));
    expect([1998, 1999, 3998, 3999].map((step) => states[step]?.scale)).toEqual([
      65536, 131072, 131072, 262144,
    ]);
    expect(states[1999]?.growthTracker).toBe(0);
  });

  it('stays finite in float32 however long nothing overflows', () => {
    const states = statesAfter({ ...DYNAMIC, initial: 2 ** 126, growthInterval: 1 }, [false, false, false]);
    expect(states.map(({ scale }) => scale)).toEqual([2 ** 127, 2 ** 127, 2 ** 127]);
  });

  it('is its start times a factor for each growth and each overflow, and counts all overflows', () => {
    const interval = fc.integer({ min: 1, max: 5 });
    fc.assert(
      fc.property(fc.array(fc.boolean(), { maxLength: 60 }), interval, (steps, growthInterval) => {
        const last = statesAfter({ ...DYNAMIC, growthInterval }, steps).at(-1) ?? initialLossScale(DYNAMIC);
        const overflows = steps.filter(Boolean).length;
        const goodRuns = steps
          .map((overflowed) => (overflowed ? '|' : '.'))
          .join('')
          .split('|');
        const growths = goodRuns.reduce((sum, { length }) => sum + Math.floor(length / growthInterval), 0);
        expect(last).toEqual({
          scale: 65536 * 2 ** (growths - overflows),
          growthTracker: (goodRuns.at(-1) as string).length % growthInterval,
          overflows,
        });
      }),
    );
  });

  it('is hopeless once it is too small for any use, however high it started, and never because of the count', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 127 }), (exponent) => {
        const scaling = { ...DYNAMIC, initial: 2 ** exponent };
        const states = statesAfter(scaling, new Array<boolean>(160).fill(true));
        const end = states.findIndex((state, index) => isHopeless(scaling, state, index + 1));
        expect(states[end]?.scale).toBe(2 ** -14);
        expect(isHopeless(scaling, states[end - 1]!, end)).toBe(false);
      }),
    );
    expect(isHopeless(DYNAMIC, { scale: 2 ** -20, growthTracker: 1, overflows: 90 }, 0)).toBe(false);
    expect(isHopeless(DYNAMIC, { scale: Infinity, growthTracker: 0, overflows: 1 }, 1)).toBe(true);
  });

  it('that is static is hopeless where batch after batch overflows', () => {
    const scaling: LossScaling = { kind: 'static', scale: 128 };
    const state = { scale: 128, growthTracker: 0, overflows: 41 };
    expect([40, 41].map((inARow) => isHopeless(scaling, state, inARow))).toEqual([false, true]);
  });

  it('that is static only counts', () => {
    const states = statesAfter({ kind: 'static', scale: 128 }, [false, true, true, false]);
    expect(states.map(({ scale }) => scale)).toEqual([128, 128, 128, 128]);
    expect(states.at(-1)).toEqual({ scale: 128, growthTracker: 0, overflows: 2 });
  });

  it('resumes from a checkpoint as if uninterrupted', () => {
    const steps = [false, false, true, false, false, false, false];
    const scaling = { ...DYNAMIC, growthInterval: 3 };
    const whole = statesAfter(scaling, steps);
    const restored: LossScale = JSON.parse(JSON.stringify(whole[3]));
    expect(statesAfter(scaling, steps.slice(4), restored)).toEqual(whole.slice(4));
  });
});

/** Returns the state after each step, given which steps overflowed. */
function statesAfter(
  scaling: LossScaling,
  overflows: readonly boolean[],
  state = initialLossScale(scaling),
): LossScale[] {
  const states: LossScale[] = [];
  for (const overflowed of overflows) {
    state = nextLossScale(scaling, state, overflowed);
    states.push(state);
  }
  return states;
}
