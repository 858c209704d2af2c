import { z } from 'zod';

/** What went wrong, in a sentence, and what a person can do about it. */
export const failureSchema = z.object({ what: z.string(), remedy: z.string() });
export type Failure = z.infer<typeof failureSchema>;
