import { z } from 'zod';
import { type Recipe, withDefaults } from '../recipe/recipe';
import { hasRecipeShape } from '../recipe/recipeShape';
import { failureSchema } from '../shared/failure';
import { engineReportSchema, runResultSchema } from './events';

export const MANIFEST_VERSION = 1;

/** Where a run stands. `interrupted` is a trainer that went away without a word. */
const runStateSchema = z.discriminatedUnion('status', [
  z.object({ status: z.literal('queued') }),
  z.object({ status: z.literal('running'), step: z.number(), validationAccuracy: z.number().nullable() }),
  z.object({ status: z.literal('done'), result: runResultSchema }),
  z.object({ status: z.literal('stopped'), step: z.number() }),
  z.object({ status: z.literal('paused'), step: z.number() }),
  z.object({ status: z.literal('failed'), failure: failureSchema }),
  z.object({ status: z.literal('interrupted') }),
]);
export type RunState = z.infer<typeof runStateSchema>;

/** A state that a trainer, or who cared for it, gave a reason for. */
export type FinalState = Extract<RunState, { status: 'done' | 'stopped' | 'paused' | 'failed' }>;

/** A run folder's run.json: what was asked for and where it stands. Replaced atomically. */
export const manifestSchema = z.object({
  version: z.literal(MANIFEST_VERSION),
  id: z.string(),
  name: z.string(),
  createdAt: z.number().describe('Milliseconds since 1970.'),
  endedAt: z.number().nullable(),
  experiment: z.object({
    /** Relative to the folder that holds .bag-of-tricks where it lies inside, else absolute. */
    file: z.string(),
    /** As written. */
    text: z.string(),
  }),
  recipe: z.custom<Recipe>(hasRecipeShape, 'This is not a recipe.').transform(withDefaults),
  engine: engineReportSchema.nullable(),
  versions: z.record(z.string(), z.string()),
  /** Which attempt wrote it: the number of its lease. Absent, and 0, before the first and in earlier releases. */
  attempt: z.int().min(0).optional(),
  state: runStateSchema,
});
export type Manifest = z.infer<typeof manifestSchema>;

/** What an attempt changes of a manifest. */
export const attemptResultSchema = manifestSchema.pick({
  engine: true,
  versions: true,
  state: true,
  endedAt: true,
});
