import { z } from 'zod';
import { ENGINE_NAMES } from '../recipe/engineNames';
import { failureSchema } from '../shared/failure';

/** Version of the events in a run's metrics log and of the messages between trainer and host. */
export const PROTOCOL_VERSION = 1;

const time = z.number().describe('Milliseconds since 1970.');

/** The attempt that wrote a line: the number of its trainer's lease. Logs of earlier releases have none, which is 0. */
const attempt = z.int().min(0).optional();

/** The engine really in use, as the trainer found it. */
export const engineReportSchema = z.object({
  name: z.enum(ENGINE_NAMES),
  description: z.string(),
  because: z
    .array(z.string())
    .readonly()
    .optional()
    .describe('Why auto took it, in sentences; absent where it was named.'),
  threads: z
    .int()
    .min(1)
    .optional()
    .describe('Threads that it computes on; absent for engines on a GPU, for cpu and in older runs.'),
  halfFormats: z
    .array(z.enum(['float16', 'bfloat16']))
    .readonly()
    .optional()
    .describe('The half formats that it computes in, others are emulated; absent in older runs.'),
});
export type EngineReport = z.infer<typeof engineReportSchema>;

/** What a run computes in, and whether its engine does so or computes in FP32 and rounds. */
const precisionReportSchema = z.object({
  compute: z.enum(['float32', 'float16', 'bfloat16']),
  execution: z.enum(['native', 'emulated']),
});
export type PrecisionReport = z.infer<typeof precisionReportSchema>;

export const runResultSchema = z.object({
  epochs: z.number(),
  validationLoss: z.number(),
  validationAccuracy: z.number(),
  bestValidationAccuracy: z.number(),
  /** Of the weights' moving average, where there is one. */
  averagedAccuracy: z.number().optional(),
  seconds: z.number(),
});

/**
 * One line of a run's metrics.ndjson. Accuracies are shares from 0 to 1; epochs and steps count from 0; a
 * step's loss is that of its batch before the step's update.
 */
export const runEventSchema = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('started'),
    version: z.literal(PROTOCOL_VERSION),
    time,
    attempt,
    engine: engineReportSchema,
    precision: precisionReportSchema,
    epochs: z.number(),
    stepsPerEpoch: z.number(),
    totalSteps: z.number(),
    parameters: z.number(),
  }),
  z.object({
    type: z.literal('preparing'),
    time,
    attempt,
    what: z.string(),
    /** Share done from 0 to 1, or null where it cannot be told. */
    share: z.number().nullable(),
  }),
  z.object({
    type: z.literal('step'),
    time,
    attempt,
    step: z.number(),
    epoch: z.number(),
    learningRate: z.number(),
    loss: z.number(),
    /** The part of the loss that the labels make, where a teacher's makes the rest. */
    labelsLoss: z.number().optional(),
    accuracy: z.number(),
    imagesPerSecond: z.number(),
    /** What the next step's loss is multiplied by, where it is. */
    lossScale: z.number().optional(),
    /** Steps so far whose gradients overflowed and that moved nothing, where the loss is scaled. */
    overflows: z.number().optional(),
  }),
  z.object({
    type: z.literal('epoch'),
    time,
    attempt,
    epoch: z.number(),
    /** Steps done at the end of the epoch. */
    step: z.number(),
    trainLoss: z.number(),
    /** As a step's labelsLoss. */
    trainLabelsLoss: z.number().optional(),
    trainAccuracy: z.number(),
    validationLoss: z.number(),
    validationAccuracy: z.number(),
    /** Of the validation images; top-5 where there are six classes or more. Runs of earlier releases have none. */
    validationTop5: z.number().optional(),
    macroF1: z.number().optional(),
    balancedAccuracy: z.number().optional(),
    /** Of the weights' moving average, where there is one. */
    averagedLoss: z.number().optional(),
    averagedAccuracy: z.number().optional(),
    seconds: z.number(),
    /** Share of the epoch's steps, 0 to 1, that the trainer waited for images, where threads prepare them. */
    dataWaitShare: z.number().optional(),
  }),
  z.object({ type: z.literal('done'), time, attempt, result: runResultSchema }),
  z.object({ type: z.literal('stopped'), time, attempt, step: z.number() }),
  /** As stopped, by one who means to go on. */
  z.object({ type: z.literal('paused'), time, attempt, step: z.number() }),
  z.object({ type: z.literal('failed'), time, attempt, failure: failureSchema }),
]);
export type RunEvent = z.infer<typeof runEventSchema>;

type StepEvent = Extract<RunEvent, { type: 'step' }>;

/** A step's numbers, and whether a step may go without. */
const STEP_NUMBERS = Object.entries({
  time: 'required',
  step: 'required',
  epoch: 'required',
  learningRate: 'required',
  loss: 'required',
  accuracy: 'required',
  imagesPerSecond: 'required',
  lossScale: 'optional',
  overflows: 'optional',
  labelsLoss: 'optional',
  attempt: 'optional',
} satisfies Record<Exclude<keyof StepEvent, 'type'>, 'required' | 'optional'>);

/** Whether a value is a step's event: what the schema says, without the copy that a long log has no room for. */
export function isStepEvent(value: unknown): value is StepEvent {
  if (typeof value !== 'object' || value === null) return false;
  const event = value as Readonly<Record<string, unknown>>;
  if (event.type !== 'step') return false;
  for (const [key, need] of STEP_NUMBERS) {
    const isLeftOut = need === 'optional' && event[key] === undefined;
    if (!isLeftOut && !Number.isFinite(event[key])) return false;
  }
  return true;
}

/** An event after which a run writes no more. */
export type FinalEvent = Extract<RunEvent, { type: 'done' | 'stopped' | 'paused' | 'failed' }>;

export function isFinal(event: RunEvent): event is FinalEvent {
  return (
    event.type === 'done' || event.type === 'stopped' || event.type === 'paused' || event.type === 'failed'
  );
}
