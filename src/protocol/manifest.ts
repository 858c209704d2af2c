import { z } from 'zod';
import { type AnyRecipe, isCommandRecipe } from '../recipe/anyRecipe';
import { hasAnyRecipeShape, readRecipe } from '../recipe/anyRecipeShape';
import type { Recipe } from '../recipe/recipe';
import { keptFailureSchema } from '../shared/failure';
import { engineReportSchema, gpuReportSchema, runResultSchema } from './events';

export const MANIFEST_VERSION = 1;

/** The state of a run. `interrupted` means that the trainer ended without reporting it. */
const runStateSchema = z.discriminatedUnion('status', [
  z.object({ status: z.literal('queued') }),
  z.object({ status: z.literal('running'), step: z.number(), validationAccuracy: z.number().nullable() }),
  z.object({ status: z.literal('done'), result: runResultSchema }),
  z.object({
    status: z.literal('stopped'),
    step: z.number(),
    /** Removed from the queue before it started. Earlier releases did not record that. */
    wasQueued: z.literal(true).optional(),
  }),
  z.object({ status: z.literal('paused'), step: z.number() }),
  z.object({ status: z.literal('failed'), failure: keptFailureSchema }),
  z.object({ status: z.literal('interrupted') }),
]);
export type RunState = z.infer<typeof runStateSchema>;

/** An end state for which a trainer, or the process in charge of it, recorded the reason. */
export type FinalState = Extract<RunState, { status: 'done' | 'stopped' | 'paused' | 'failed' }>;

/** The Python that a command's run used last, and why. */
const pythonReportSchema = z.object({
  /** Null if the command chooses it. */
  path: z.string().nullable(),
  because: z.string(),
});
export type PythonReport = z.infer<typeof pythonReportSchema>;

/** Formats the Python of a run with the reason for it, such as '/w/.venv/bin/python (selected in the Python extension)'. */
export function pythonText({ path, because }: PythonReport): string {
  return path === null ? because : `${path} (${because})`;
}

/** A run folder's run.json: the request and the state of the run. Replaced atomically. */
export const manifestSchema = z.object({
  version: z.literal(MANIFEST_VERSION),
  id: z.string(),
  name: z.string(),
  createdAt: z.number().describe('Milliseconds since 1970.'),
  endedAt: z.number().nullable(),
  experiment: z.object({
    /** Relative to the folder that contains .bag-of-tricks if the file is inside it, else absolute. */
    file: z.string(),
    /** As written. */
    text: z.string(),
    /** `key=value` overrides from the command line. Earlier releases did not record them. */
    settings: z.array(z.string()).readonly().optional(),
  }),
  recipe: z.custom<AnyRecipe>(hasAnyRecipeShape, 'This is not a recipe.').transform(readRecipe),
  engine: engineReportSchema.nullable(),
  /** Missing if no command has run, or if there is no Python. */
  python: pythonReportSchema.optional(),
  gpus: z
    .array(gpuReportSchema)
    .readonly()
    .optional()
    .describe('The GPUs that it trains on. Absent if unknown, if there are none, and in older runs.'),
  versions: z.record(z.string(), z.string()),
  /**
   * The attempt that wrote it: the number of its lease. Missing, meaning 0, before the first attempt and in earlier
   * releases.
   */
  attempt: z.int().min(0).optional(),
  state: runStateSchema,
});
export type Manifest = z.infer<typeof manifestSchema>;

/** The manifest of a run that trains a network of ours, not a command. */
export type NetworkManifest = Manifest & { readonly recipe: Recipe };

export function isNetworkManifest(manifest: Manifest): manifest is NetworkManifest {
  return !isCommandRecipe(manifest.recipe);
}

/** The fields of a manifest that an attempt changes. */
export const attemptResultSchema = manifestSchema.pick({
  engine: true,
  python: true,
  gpus: true,
  versions: true,
  state: true,
  endedAt: true,
});
