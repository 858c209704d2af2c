import { z } from 'zod';
import { SOURCES } from '../engines/install/way';
import { failureSchema } from './events';

/** What `tricks engine install --json` prints, one a line: how far it is, and last how it ended. */
export const installEventSchema = z.discriminatedUnion('stage', [
  z.object({
    stage: z.literal('download'),
    file: z.string(),
    receivedBytes: z.number(),
    totalBytes: z.number(),
  }),
  z.object({ stage: z.enum(['unpack', 'compile', 'check']) }),
  z.object({ stage: z.literal('instead'), source: z.enum(SOURCES), why: z.string() }),
  z.object({ stage: z.literal('done'), folder: z.string() }),
  z.object({ stage: z.literal('failed'), ...failureSchema.shape }),
]);
export type InstallEvent = z.infer<typeof installEventSchema>;
