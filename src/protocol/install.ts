import { z } from 'zod';
import { failureSchema } from '../shared/failure';

/** Where an engine's libraries and addon come from. */
export const SOURCES = ['prebuilt', 'wheel'] as const;
export type Source = (typeof SOURCES)[number];

/** What `tricks engine install --json` prints, one a line: how far it is, and last how it ended. */
export const installEventSchema = z.discriminatedUnion('stage', [
  z.object({
    stage: z.literal('download'),
    file: z.string(),
    receivedBytes: z.number(),
    totalBytes: z.number(),
  }),
  z.object({ stage: z.enum(['wait', 'unpack', 'compile', 'check']) }),
  // One source led to nothing, and another is tried.
  z.object({ stage: z.literal('instead'), source: z.enum(SOURCES), why: z.string() }),
  z.object({ stage: z.literal('done'), folder: z.string() }),
  z.object({ stage: z.literal('failed'), ...failureSchema.shape }),
]);
export type InstallEvent = z.infer<typeof installEventSchema>;

/** How far an installation is. */
export type InstallProgress = Exclude<InstallEvent, { stage: 'done' | 'failed' }>;
