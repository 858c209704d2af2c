import { z } from 'zod';
import { PROTOCOL_VERSION } from './events';

/**
 * What a trainer says over its process's channel. The events themselves are in the run's log, the one place
 * every reader reads; the channel says when to read on.
 */
export const fromTrainerSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('hello'), version: z.literal(PROTOCOL_VERSION), pid: z.number() }),
  /** The metrics log has grown to this many bytes. */
  z.object({ type: z.literal('appended'), bytes: z.number() }),
]);
export type FromTrainer = z.infer<typeof fromTrainerSchema>;

/** What a person may ask of a training: to end after the step under way, for good or until it is resumed. */
export const endRequestSchema = z.enum(['stop', 'pause']);
export type EndRequest = z.infer<typeof endRequestSchema>;

export const toTrainerSchema = z.object({ type: endRequestSchema });
export type ToTrainer = z.infer<typeof toTrainerSchema>;

/** Exit codes of a trainer. */
export const TRAINER_EXIT = {
  done: 0,
  failed: 1,
  /** Called wrongly, or on a folder that holds no run to train. */
  badUsage: 2,
  /** Another process trains the run, or has ended it since it was queued. */
  taken: 75,
  /** The run's folder went away. */
  lost: 76,
  /** A later attempt took the run over, as from a trainer that froze for a while. */
  fenced: 77,
  stopped: 130,
  paused: 130,
} as const;

/** Set in a trainer's environment, makes it stop when the process that started it goes away. */
export const STOP_WITH_PARENT = 'BAG_OF_TRICKS_STOP_WITH_PARENT';

/** Set in a trainer's environment, lets experiments name files outside the folder that holds the runs. */
export const FILES_OUTSIDE = 'BAG_OF_TRICKS_FILES_OUTSIDE';

/** Set in a trainer's environment, says on how many threads it computes; by default it chooses by the machine. */
export const THREADS = 'BAG_OF_TRICKS_THREADS';

/** The part of a trainer's environment that says on how many threads it computes, TensorFlow's own variables included. */
export function threadVariables(threads: number | undefined): Record<string, string> {
  if (threads === undefined) return {};
  const text = `${threads}`;
  return { [THREADS]: text, [TENSORFLOW_THREADS]: text, TF_NUM_INTEROP_THREADS: text };
}

/** TensorFlow's own variable for the threads of an operation. */
export const TENSORFLOW_THREADS = 'TF_NUM_INTRAOP_THREADS';

/** The number of threads that a variable of the environment names; null where it names none. */
export function threadsIn(env: Readonly<Record<string, string | undefined>>, name: string): number | null {
  const asked = Number(env[name]);
  return Number.isInteger(asked) && asked > 0 ? asked : null;
}

/** How often a trainer saves within an epoch: after so many steps or seconds, whichever are over first. */
export interface SavePeriod {
  readonly steps: number;
  readonly seconds: number;
}

const DEFAULT_SAVE_PERIOD: SavePeriod = { steps: Number.POSITIVE_INFINITY, seconds: 300 };

const SAVE_STEPS = 'BAG_OF_TRICKS_SAVE_STEPS';
const SAVE_SECONDS = 'BAG_OF_TRICKS_SAVE_SECONDS';

/** The part of a trainer's environment that says how often it saves; what is left out is up to the trainer. */
export function savePeriodVariables({ steps, seconds }: Partial<SavePeriod>): Record<string, string> {
  return {
    ...(steps !== undefined && { [SAVE_STEPS]: `${steps}` }),
    ...(seconds !== undefined && { [SAVE_SECONDS]: `${seconds}` }),
  };
}

/** How often a trainer with this environment saves. */
export function savePeriod(env: Readonly<Record<string, string | undefined>>): SavePeriod {
  const positive = (text: string | undefined, other: number) => (Number(text) > 0 ? Number(text) : other);
  return {
    steps: positive(env[SAVE_STEPS], DEFAULT_SAVE_PERIOD.steps),
    seconds: positive(env[SAVE_SECONDS], DEFAULT_SAVE_PERIOD.seconds),
  };
}

/** Set in a trainer's environment, makes it pause the run once so many of its epochs are done. */
const PAUSE_AFTER = 'BAG_OF_TRICKS_PAUSE_AFTER_EPOCHS';

/** The part of a trainer's environment that has it pause after so many epochs of the run; none where it goes to the end. */
export function pauseVariables(epochs: number | undefined): Record<string, string> {
  return epochs === undefined ? {} : { [PAUSE_AFTER]: `${epochs}` };
}

/** After how many epochs a trainer with this environment pauses its run; null where it goes to the end. */
export function pauseAfter(env: Readonly<Record<string, string | undefined>>): number | null {
  const epochs = Number(env[PAUSE_AFTER]);
  return Number.isSafeInteger(epochs) && epochs > 0 ? epochs : null;
}
