import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Recipe } from '../../../src/recipe/recipe';
import { learningRateAt, type Schedule } from '../../../src/recipe/schedule';
import goldens from '../../fixtures/goldens.json';
import pytorch from '../../fixtures/pytorch.json';
import { resolvedRecipe } from '../../support/smallTraining';

function recipeOf(parts: object): Recipe {
  return resolvedRecipe({ name: 'a', model: { name: 'resnet8' }, ...parts });
}

/** ImageNet's 1,281,167 images make 1,251 full batches of 1,024. */
const IMAGENET = { dataset: 'synthetic', train_images: 1_281_167, batch_size: 1024 };

describe("the paper's authors' schedule", () => {
  const golden = goldens.schedule_authors_log;
  const { schedule, epochs } = recipeOf({
    data: IMAGENET,
    optimizer: { base_lr: 0.1 },
    schedule: { epochs: 120, decay: 'cosine' },
    tricks: { linear_scaling: { base_batch_size: 256 }, warmup: { epochs: 5 } },
  });

  test('has the size that they logged', () => {
    expect(schedule.peakLearningRate).toBe(golden.eta);
    expect(schedule.stepsPerEpoch).toBe(golden.steps_per_epoch);
    expect(schedule.warmup.steps).toBe(golden.warmup_steps);
    expect(schedule.totalSteps).toBe(golden.total_steps);
    expect(epochs).toBe(120);
  });

  test.each(golden.points)('epoch $epoch, batch $batch: $lr', ({ epoch, batch, lr }) => {
    const step = epoch * golden.steps_per_epoch + batch;
    expect(Math.abs(learningRateAt(schedule, step) - lr)).toBeLessThanOrEqual(golden.tolerance);
  });

  test('starts at 0, peaks when warmup ends, is half way down in the middle, and nears 0', () => {
    const { warmup, totalSteps } = schedule;
    expect(learningRateAt(schedule, 0)).toBe(0);
    expect(learningRateAt(schedule, warmup.steps)).toBe(0.4);
    expect(learningRateAt(schedule, (warmup.steps + totalSteps - 1) / 2)).toBeCloseTo(0.2, 5);
    expect(learningRateAt(schedule, totalSteps - 1)).toBeLessThan(1e-9);
  });
});

describe('a schedule that changes once per epoch', () => {
  const golden = goldens.schedule_per_epoch;
  const { schedule } = recipeOf({
    data: { dataset: 'synthetic', train_images: 700, batch_size: 100 },
    optimizer: { base_lr: golden.eta },
    schedule: { epochs: golden.total_epochs, decay: 'cosine', update: 'epoch' },
    tricks: { warmup: { epochs: golden.warmup_epochs } },
  });

  test.each(golden.points)('epoch $epoch: $lr at each of its steps', ({ epoch, lr }) => {
    for (const step of [0, 3, 6]) {
      const rate = learningRateAt(schedule, 7 * epoch + step);
      expect(Math.abs(rate - lr)).toBeLessThanOrEqual(golden.tolerance);
    }
  });
});

describe('step decay', () => {
  const data = { dataset: 'synthetic', train_images: 100, batch_size: 10 };

  function rates(schedule: Schedule, epochs: readonly number[]): number[] {
    return epochs.map((epoch) => learningRateAt(schedule, 10 * epoch));
  }

  test("by default divides the learning rate by ten at 30, 60 and 90 of 120 epochs, the paper's baseline", () => {
    const { schedule } = recipeOf({ data, optimizer: { base_lr: 0.1 } });
    const expected = [0.1, 0.1, 0.01, 0.01, 0.001, 0.0001, 0.0001];
    for (const [index, rate] of rates(schedule, [0, 29.9, 30, 59.9, 60, 90, 119.9]).entries()) {
      expect(rate).toBeCloseTo(expected[index]!, 10);
    }
  });

  test('takes its own milestones and factor', () => {
    const { schedule } = recipeOf({
      data,
      optimizer: { base_lr: 1 },
      schedule: { epochs: 4, decay: { name: 'multi_step', milestones: [1, 2.5], factor: 0.5 } },
    });
    expect(rates(schedule, [0, 0.9, 1, 2.4, 2.5, 3.9])).toEqual([1, 1, 0.5, 0.5, 0.25, 0.25]);
  });

  test('constant stays at the peak', () => {
    const { schedule } = recipeOf({
      data,
      optimizer: { base_lr: 0.3 },
      schedule: { epochs: 4, decay: 'constant' },
    });
    expect(rates(schedule, [0, 2, 3.9])).toEqual([0.3, 0.3, 0.3]);
  });
});

test('linear scaling multiplies by the batch and divides by the reference batch', () => {
  fc.assert(
    fc.property(
      fc.double({ min: 1e-4, max: 10, noNaN: true }),
      fc.integer({ min: 1, max: 4096 }),
      fc.integer({ min: 1, max: 4096 }),
      (base_lr, batch_size, base_batch_size) => {
        const { schedule } = recipeOf({
          data: { dataset: 'synthetic', train_images: 5000, batch_size },
          optimizer: { base_lr },
          tricks: { linear_scaling: { base_batch_size } },
        });
        expect(schedule.peakLearningRate / ((base_lr / base_batch_size) * batch_size)).toBeCloseTo(1, 12);
      },
    ),
  );
});

test('the first learning rate of warmup is 0 counted from 0, and a share of the peak counted from 1', () => {
  const first = (count_from: number) => {
    const { schedule } = recipeOf({
      data: { dataset: 'synthetic', train_images: 100, batch_size: 10 },
      optimizer: { base_lr: 1 },
      tricks: { warmup: { epochs: 2, count_from } },
    });
    return [0, 1, 19].map((step) => learningRateAt(schedule, step));
  };
  expect(first(0)).toEqual([0, 1 / 20, 19 / 20]);
  expect(first(1)).toEqual([1 / 20, 2 / 20, 1]);
});

test('warmup of one and a half epochs, by epoch and counted from 1, ends at the peak and not above it', () => {
  const { schedule } = recipeOf({
    data: { dataset: 'synthetic', train_images: 100, batch_size: 10 },
    optimizer: { base_lr: 0.4 },
    schedule: { epochs: 4, decay: 'constant' },
    tricks: { warmup: { epochs: 1.5, count_from: 1, update: 'epoch' } },
  });
  const rates = [0, 9, 10, 14, 15].map((step) => learningRateAt(schedule, step));
  expect(rates.map((rate) => rate.toFixed(6))).toEqual([
    '0.266667',
    '0.266667',
    '0.400000',
    '0.400000',
    '0.400000',
  ]);
});

describe('the learning rates of every step are those of PyTorch', () => {
  test.each(pytorch.schedules)('under $scheduler', ({ decay, rates }) => {
    const { schedule } = recipeOf({
      data: { dataset: 'synthetic', train_images: 80, batch_size: 10 },
      optimizer: { base_lr: 0.4 },
      schedule: { epochs: 5, decay },
    });
    expect(schedule.totalSteps).toBe(rates.length);
    for (const [step, rate] of rates.entries()) {
      expect(Math.abs(learningRateAt(schedule, step) - rate), `step ${step}`).toBeLessThan(1e-12);
    }
  });
});

describe('any schedule', () => {
  const decay = fc.oneof(
    fc.constantFrom('constant', 'cosine', 'step', 'linear', 'polynomial'),
    fc.record({
      name: fc.constant('one_cycle'),
      rise_share: fc.double({ min: 0, max: 0.99, noNaN: true }),
      start_factor: fc.double({ min: 0.01, max: 1, noNaN: true }),
    }),
    fc.record({ name: fc.constant('step'), every: fc.double({ min: 0.1, max: 20, noNaN: true }) }),
    fc.record({
      name: fc.constant('multi_step'),
      milestones: fc.array(fc.double({ min: 0.1, max: 4.9, noNaN: true }), { maxLength: 4 }),
      factor: fc.double({ min: 0.01, max: 0.99, noNaN: true }),
    }),
  );
  const schedules = fc
    .record({
      trainImages: fc.integer({ min: 10, max: 500 }),
      epochs: fc.integer({ min: 5, max: 12 }),
      decay,
      update: fc.constantFrom('step', 'epoch'),
      base_lr: fc.double({ min: 1e-4, max: 10, noNaN: true }),
      warmup: fc.double({ min: 0.01, max: 5, noNaN: true }),
      count_from: fc.constantFrom(0, 1),
      rise: fc.constantFrom('step', 'epoch'),
    })
    .map(({ trainImages, epochs, decay, update, base_lr, warmup, count_from, rise }) =>
      recipeOf({
        data: { dataset: 'synthetic', train_images: trainImages, batch_size: 10 },
        optimizer: { base_lr },
        schedule: { epochs, decay, update },
        tricks: { warmup: { epochs: warmup, count_from, update: rise } },
      }),
    );

  test('has a finite learning rate of at least 0 and at most the peak at every step', () => {
    fc.assert(
      fc.property(schedules, ({ schedule }) => {
        for (let step = 0; step < schedule.totalSteps; step++) {
          const rate = learningRateAt(schedule, step);
          expect(Number.isFinite(rate)).toBe(true);
          expect(rate).toBeGreaterThanOrEqual(0);
          // One rounding step above the peak counts as the peak.
          expect(rate).toBeLessThanOrEqual(schedule.peakLearningRate * (1 + Number.EPSILON));
        }
      }),
    );
  });

  test('never falls in warmup and never rises after it', () => {
    fc.assert(
      fc.property(schedules, ({ schedule }) => {
        // one_cycle rises by itself after warmup.
        fc.pre(schedule.decay.name !== 'one_cycle');
        for (let step = 1; step < schedule.totalSteps; step++) {
          const change = learningRateAt(schedule, step) - learningRateAt(schedule, step - 1);
          // The step in between may fall if a milestone is within warmup.
          const start =
            schedule.update === 'step'
              ? schedule.warmup.steps
              : Math.ceil(schedule.warmup.steps / schedule.stepsPerEpoch) * schedule.stepsPerEpoch;
          if (step < start) expect(change).toBeGreaterThanOrEqual(0);
          if (step > start) expect(change).toBeLessThanOrEqual(0);
        }
      }),
    );
  });
});
