import { z } from 'zod';
import { withLogApart } from './logApart';

/** What went wrong, as a sentence, and what the user can do about it. */
export const failureSchema = z.object({
  what: z.string(),
  remedy: z.string(),
  /** The last lines of a process's output before it ended, which may name the cause. */
  log: z.string().optional(),
  /** For code that handles a kind specially: a run that diverged would diverge again. */
  kind: z.enum(['diverged']).optional(),
});
export type Failure = z.infer<typeof failureSchema>;

/** A failure as stored with a run or study. Earlier releases appended the log's lines to the reason. */
export const keptFailureSchema = failureSchema.transform((failure) => withLogApart(failure));

/** Returns the message of any thrown value. TensorFlow.js rejects with plain objects as well as with errors. */
export function messageOf(error: unknown): string {
  if (typeof error === 'object' && error !== null && 'message' in error) return String(error.message);
  return String(error);
}
