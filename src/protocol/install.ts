import { z } from 'zod';
import { failureSchema } from '../shared/failure';

/** Sources of an engine's libraries and addon. */
export const SOURCES = ['prebuilt', 'wheel'] as const;
export type Source = (typeof SOURCES)[number];

/** One line of `tricks engine install --json`: the progress, and at last the result. */
export const installEventSchema = z.discriminatedUnion('stage', [
  z.object({
    stage: z.literal('download'),
    file: z.string(),
    receivedBytes: z.number(),
    totalBytes: z.number(),
  }),
  z.object({ stage: z.enum(['wait', 'unpack', 'compile', 'check']) }),
  // One source failed, and another is tried.
  z.object({ stage: z.literal('instead'), source: z.enum(SOURCES), why: z.string() }),
  z.object({ stage: z.literal('done'), folder: z.string() }),
  z.object({ stage: z.literal('failed'), ...failureSchema.shape }),
]);
export type InstallEvent = z.infer<typeof installEventSchema>;

/** Progress of an installation. */
export type InstallProgress = Exclude<InstallEvent, { stage: 'done' | 'failed' }>;
