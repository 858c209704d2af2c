import { z } from 'zod';
import { PROTOCOL_VERSION } from './events';

/**
 * Messages that a trainer sends over its process's channel. The events themselves are in the run's log, the only source
 * for all readers. The channel tells them when to read on.
 */
export const fromTrainerSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('hello'), version: z.literal(PROTOCOL_VERSION), pid: z.number() }),
  /** The metrics log has grown to this many bytes. */
  z.object({ type: z.literal('appended'), bytes: z.number() }),
]);
export type FromTrainer = z.infer<typeof fromTrainerSchema>;

/** A person's request to a training: end after the current step, for good or until it is resumed. */
export const endRequestSchema = z.enum(['stop', 'pause']);
export type EndRequest = z.infer<typeof endRequestSchema>;

export const toTrainerSchema = z.object({ type: endRequestSchema });
export type ToTrainer = z.infer<typeof toTrainerSchema>;

/** Exit codes of a trainer. */
export const TRAINER_EXIT = {
  done: 0,
  failed: 1,
  /** Called with wrong arguments, or on a folder without a run to train. */
  badUsage: 2,
  /** Another process trains the run, or ended it after it was queued. */
  taken: 75,
  /** The run's folder disappeared. */
  lost: 76,
  /** A later attempt took over the run, as happens to a trainer that froze for a while. */
  fenced: 77,
  stopped: 130,
  paused: 130,
} as const;

/** Environment variable of a trainer: stop when the parent process ends. */
export const STOP_WITH_PARENT = 'BAG_OF_TRICKS_STOP_WITH_PARENT';

/** Environment variable of a trainer: allow experiments to name files outside the folder that holds the runs. */
export const FILES_OUTSIDE = 'BAG_OF_TRICKS_FILES_OUTSIDE';

/**
 * Environment variables of a trainer with the Python for commands: the one of a person's shell, the one of the editor's
 * setting, and the one selected in the Python extension.
 */
export const PYTHON = 'BAG_OF_TRICKS_PYTHON';
export const PYTHON_SETTING = 'BAG_OF_TRICKS_PYTHON_SETTING';
export const PYTHON_SELECTED = 'BAG_OF_TRICKS_PYTHON_SELECTED';

/** Environment variable of a trainer: number of compute threads. By default, the trainer chooses for the machine. */
export const THREADS = 'BAG_OF_TRICKS_THREADS';

/** Environment variable of a command trainer: how long its command may take to end, in milliseconds. */
const GRACE = 'BAG_OF_TRICKS_GRACE_MS';

/** Returns the environment variable that sets how long a command may take to end. */
export function graceVariables(graceMs: number): Record<string, string> {
  return { [GRACE]: `${graceMs}` };
}

/** Returns how long a command may take to end, null if the environment does not say. */
export function graceIn(env: Readonly<Record<string, string | undefined>>): number | null {
  return threadsIn(env, GRACE);
}

/** Environment variable of a trainer: how many runs may use a GPU at a time. By default, one. */
const RUNS_PER_GPU = 'BAG_OF_TRICKS_RUNS_PER_GPU';

/** Returns the environment variable that sets how many runs may use a GPU at a time. */
export function runsPerGpuVariables(runs: number | undefined): Record<string, string> {
  return runs === undefined ? {} : { [RUNS_PER_GPU]: `${runs}` };
}

/** Returns how many runs may use the GPU of a trainer with this environment. */
export function runsPerGpu(env: Readonly<Record<string, string | undefined>>): number {
  return threadsIn(env, RUNS_PER_GPU) ?? 1;
}

/** Returns the environment variables that set a trainer's compute threads, including TensorFlow's own. */
export function threadVariables(threads: number | undefined): Record<string, string> {
  if (threads === undefined) return {};
  const text = `${threads}`;
  return { [THREADS]: text, [TENSORFLOW_THREADS]: text, TF_NUM_INTEROP_THREADS: text };
}

/** TensorFlow's own variable for the threads of a single operation. */
export const TENSORFLOW_THREADS = 'TF_NUM_INTRAOP_THREADS';

/** Returns the positive whole number in an environment variable, such as a number of threads. Null if it holds none. */
export function threadsIn(env: Readonly<Record<string, string | undefined>>, name: string): number | null {
  const asked = Number(env[name]);
  return Number.isInteger(asked) && asked > 0 ? asked : null;
}

/** How often a trainer saves within an epoch: after this many steps or seconds, whichever comes first. */
export interface SavePeriod {
  readonly steps: number;
  readonly seconds: number;
}

const DEFAULT_SAVE_PERIOD: SavePeriod = { steps: Number.POSITIVE_INFINITY, seconds: 300 };

const SAVE_STEPS = 'BAG_OF_TRICKS_SAVE_STEPS';
const SAVE_SECONDS = 'BAG_OF_TRICKS_SAVE_SECONDS';

/** Returns the environment variables that set how often a trainer saves. The trainer chooses what is left out. */
export function savePeriodVariables({ steps, seconds }: Partial<SavePeriod>): Record<string, string> {
  return {
    ...(steps !== undefined && { [SAVE_STEPS]: `${steps}` }),
    ...(seconds !== undefined && { [SAVE_SECONDS]: `${seconds}` }),
  };
}

/** Returns how often a trainer with this environment saves. */
export function savePeriod(env: Readonly<Record<string, string | undefined>>): SavePeriod {
  const positive = (text: string | undefined, other: number) => (Number(text) > 0 ? Number(text) : other);
  return {
    steps: positive(env[SAVE_STEPS], DEFAULT_SAVE_PERIOD.steps),
    seconds: positive(env[SAVE_SECONDS], DEFAULT_SAVE_PERIOD.seconds),
  };
}

/** Environment variable of a trainer: pause the run after this many epochs. */
const PAUSE_AFTER = 'BAG_OF_TRICKS_PAUSE_AFTER_EPOCHS';

/**
 * Returns the environment variable that makes a trainer pause after a number of epochs of the run. Empty if it should
 * run to the end.
 */
export function pauseVariables(epochs: number | undefined): Record<string, string> {
  return epochs === undefined ? {} : { [PAUSE_AFTER]: `${epochs}` };
}

/** Returns the number of epochs after which a trainer with this environment pauses, null if it runs to the end. */
export function pauseAfter(env: Readonly<Record<string, string | undefined>>): number | null {
  const epochs = Number(env[PAUSE_AFTER]);
  return Number.isSafeInteger(epochs) && epochs > 0 ? epochs : null;
}
