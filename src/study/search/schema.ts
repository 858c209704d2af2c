/** The schema of a search file for editors: JSON Schema, completion and hovers. `readSearch` reads the file itself. */
import { z } from 'zod';
import { SAMPLERS, SEARCH_METRICS } from './search';

/** [lowest, highest]. */
const numbers = z.tuple([z.number(), z.number()]);
const positiveNumbers = z.tuple([z.number().positive(), z.number().positive()]);
const integers = z.tuple([z.int(), z.int()]);
const positiveIntegers = z.tuple([z.int().positive(), z.int().positive()]);

/** A parameter's domain: one kind of range, or choices. */
export const rangeSchema = z.strictObject({
  log: positiveNumbers.optional().describe('The lowest and highest number, drawn evenly in their logarithm.'),
  range: numbers.optional().describe('The lowest and highest number, drawn evenly.'),
  integers: integers.optional().describe('The lowest and highest whole number, drawn evenly.'),
  log_integers: positiveIntegers
    .optional()
    .describe('The lowest and highest whole number, drawn evenly in their logarithm.'),
});

export const searchSchema = z.strictObject({
  $schema: z.string().optional(),
  name: z.string().min(1).describe('Names the search.'),
  experiment: z
    .string()
    .min(1)
    .describe(
      "The experiment file to start from, relative to this file's folder. Trials change what is searched over.",
    ),
  search: z
    .record(z.string(), z.union([rangeSchema, z.array(z.unknown()).min(2)]))
    .describe(
      'What is searched over, for tricks tune: keys such as optimizer.base_lr, each with log, range, integers, log_integers or a list of choices; or tricks with choices such as [off, on].',
    ),
  budget: z
    .strictObject({
      trials: z.int().positive().max(100_000).optional().describe('Total number of trials.'),
      hours: z.number().positive().optional().describe('Total hours of training.'),
    })
    .describe('What the search may take: trials or hours.'),
  seeds: z
    .int()
    .positive()
    .default(1)
    .describe('Runs of each trial, each with its own seed, whose metrics are averaged.'),
  rungs: z
    .union([z.literal('auto'), z.int().positive()])
    .default('auto')
    .describe(
      'Epochs at which trials are compared: auto takes as many as epochs and trials fill; 1 trains each trial to the end.',
    ),
  reduction: z
    .int()
    .min(2)
    .default(3)
    .describe(
      'One of so many trials goes on from a rung; each rung is so many times as long as the one before.',
    ),
  sampler: z
    .enum(SAMPLERS)
    .default('quasi_random')
    .describe(
      'What draws values: quasi_random and random are built in; tpe, gp and cmaes are those of Optuna, in a Python that has it.',
    ),
  metric: z
    .enum(SEARCH_METRICS)
    .default('validation_accuracy')
    .describe('What trials are compared by, at the end of an epoch.'),
  seed: z.int().min(0).default(1).describe('Seed of the sampler; runs have the seed of the experiment.'),
  at_once: z
    .int()
    .positive()
    .default(1)
    .describe('Trials that train at the same time, with equal shares of the threads.'),
});
