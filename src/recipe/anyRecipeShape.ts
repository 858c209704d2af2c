import { z } from 'zod';
import { type AnyRecipe, isCommandRecipe } from './anyRecipe';
import { COMMAND_SYSTEMS, type MetricsSource } from './commandRecipe';
import { withDefaults } from './recipe';
import { hasRecipeShape } from './recipeShape';

const texts = z.array(z.string()).readonly();

/** Of a command's recipe, everything but the metrics is checked whole, because it decides what is run. */
const commandSchema = z.looseObject({
  kind: z.literal('command'),
  version: z.int(),
  name: z.string(),
  tricks: texts,
  seed: z.number(),
  system: z.enum(COMMAND_SYSTEMS),
  command: texts,
  workingDirectory: z.string(),
  environment: z.record(z.string(), z.string()).readonly(),
  metrics: z.custom<MetricsSource>((value) => typeof value === 'object' && value !== null && 'kind' in value),
  checkpoint: z.string().nullable(),
  resume: texts.nullable(),
  epochs: z.number().positive().nullable(),
  model: z.string().nullable(),
  dataset: z.string().nullable(),
  processes: z.int().min(1).optional(),
});

/** Whether a value has enough of a recipe's shape to display it. */
export function hasAnyRecipeShape(value: unknown): value is AnyRecipe {
  return hasRecipeShape(value) || commandSchema.safeParse(value).success;
}

/** Fills in defaults for the fields that a stored recipe lacks. */
export function readRecipe(stored: AnyRecipe): AnyRecipe {
  return isCommandRecipe(stored) ? stored : withDefaults(stored);
}
