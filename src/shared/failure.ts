import { z } from 'zod';

/** What went wrong, in a sentence, and what a person can do about it. */
export const failureSchema = z.object({
  what: z.string(),
  remedy: z.string(),
  /** For programs, where they do something else about it: a training that diverged does so again. */
  kind: z.enum(['diverged']).optional(),
});
export type Failure = z.infer<typeof failureSchema>;

/** The message of whatever was thrown: TensorFlow.js rejects with plain objects as well as with errors. */
export function messageOf(error: unknown): string {
  if (typeof error === 'object' && error !== null && 'message' in error) return String(error.message);
  return String(error);
}
