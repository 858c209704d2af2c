import { z } from 'zod';
import type { Recipe } from './recipe';

const positive = z.int().positive();
const update = z.enum(['step', 'epoch']);

/**
 * The fields of a recipe that code reads to display runs. The trainer validates the rest, and trains only recipes of
 * its own version.
 */
const shapeSchema = z.looseObject({
  version: z.int(),
  name: z.string(),
  tricks: z.array(z.string()),
  data: z.looseObject({ dataset: z.looseObject({ name: z.string() }), batchSize: positive }),
  model: z.looseObject({ name: z.string() }),
  epochs: positive,
  schedule: z.looseObject({
    peakLearningRate: z.number(),
    warmup: z.looseObject({ steps: z.number().min(0), countFrom: z.literal([0, 1]), update }),
    decay: z.discriminatedUnion('name', [
      z.looseObject({ name: z.literal('constant') }),
      z.looseObject({ name: z.literal('cosine') }),
      z.looseObject({ name: z.literal('step'), milestones: z.array(z.number()), factor: z.number() }),
      z.looseObject({ name: z.literal('polynomial'), power: z.number() }),
      z.looseObject({
        name: z.literal('one_cycle'),
        riseShare: z.number(),
        startFactor: z.number(),
        endFactor: z.number(),
      }),
      z.looseObject({ name: z.literal('range_test'), startFactor: z.number() }),
    ]),
    update,
    stepsPerEpoch: positive,
    totalSteps: positive,
  }),
  seed: z.number(),
});

/** Whether a value has enough of a recipe's shape to display it. Keeps damaged runs from crashing their readers. */
export function hasRecipeShape(value: unknown): value is Recipe {
  return shapeSchema.safeParse(value).success;
}
