import { z } from 'zod';
import { ENGINE_NAMES } from '../recipe/engineNames';
import { keptFailureSchema } from '../shared/failure';

/** Version of the events in a run's metrics log, and of the messages between trainer and host. */
export const PROTOCOL_VERSION = 1;

const time = z.number().describe('Milliseconds since 1970.');

/**
 * The attempt that wrote a line: the number of its trainer's lease. Missing in logs of earlier releases, which means 0.
 */
const attempt = z.int().min(0).optional();

/** The engine in use, as reported by the trainer. */
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

/** A GPU that a run has for itself or shares. */
export const gpuReportSchema = z.object({
  index: z.int().min(0).describe("The number that the driver's programs give it."),
  name: z.string(),
});
export type GpuReport = z.infer<typeof gpuReportSchema>;

/** A run's compute precision, and whether its engine supports it natively or computes in FP32 and rounds. */
const precisionReportSchema = z.object({
  compute: z.enum(['float32', 'float16', 'bfloat16']),
  execution: z.enum(['native', 'emulated']),
});
export type PrecisionReport = z.infer<typeof precisionReportSchema>;

/** A run's result. A metric is null if a command trainer did not report it. */
export const runResultSchema = z.object({
  epochs: z.number(),
  validationLoss: z.number().nullable(),
  validationAccuracy: z.number().nullable(),
  bestValidationAccuracy: z.number().nullable(),
  /** With the moving average of the weights, if there is one. */
  averagedAccuracy: z.number().optional(),
  seconds: z.number(),
  /** What a person should know about the result, such as that a command's output was not understood. */
  notes: z.array(z.string()).readonly().optional(),
  /** The last lines of a command's output, if no metrics were found in it. */
  output: z.string().optional(),
});

export type RunResult = z.infer<typeof runResultSchema>;

/** Metrics of a command trainer that have no field of their own, by the name that it gives them. */
const otherMetrics = z.record(z.string(), z.number()).readonly().optional();

/**
 * One line of a run's metrics.ndjson. Accuracies are fractions from 0 to 1. Epochs and steps count from 0. A step's
 * loss is the loss of its batch before the step's update.
 */
export const runEventSchema = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('started'),
    version: z.literal(PROTOCOL_VERSION),
    time,
    attempt,
    /** Null for a command trainer, like everything else here that it may not know. */
    engine: engineReportSchema.nullable(),
    precision: precisionReportSchema.nullable(),
    epochs: z.number().nullable(),
    stepsPerEpoch: z.number().nullable(),
    totalSteps: z.number().nullable(),
    parameters: z.number().nullable(),
  }),
  z.object({
    type: z.literal('preparing'),
    time,
    attempt,
    what: z.string(),
    /** Fraction done, 0 to 1. Null if unknown. */
    share: z.number().nullable(),
  }),
  z.object({
    type: z.literal('step'),
    time,
    attempt,
    step: z.number(),
    epoch: z.number(),
    /** Our trainer reports all of these, a command trainer those in its output. */
    learningRate: z.number().optional(),
    loss: z.number().optional(),
    /** The label term of the loss, if there is also a distillation term. */
    labelsLoss: z.number().optional(),
    accuracy: z.number().optional(),
    imagesPerSecond: z.number().optional(),
    other: otherMetrics,
    /** The loss scale of the next step, if the loss is scaled. */
    lossScale: z.number().optional(),
    /** Number of steps so far that were skipped because their gradients overflowed, if the loss is scaled. */
    overflows: z.number().optional(),
  }),
  z.object({
    type: z.literal('epoch'),
    time,
    attempt,
    epoch: z.number(),
    /** Number of steps done at the end of the epoch. */
    step: z.number(),
    trainLoss: z.number().optional(),
    /** Like a step's labelsLoss. */
    trainLabelsLoss: z.number().optional(),
    trainAccuracy: z.number().optional(),
    validationLoss: z.number().optional(),
    validationAccuracy: z.number().optional(),
    other: otherMetrics,
    /** On the validation images. Top-5 only with six or more classes. Missing in runs of earlier releases. */
    validationTop5: z.number().optional(),
    macroF1: z.number().optional(),
    balancedAccuracy: z.number().optional(),
    /** With the moving average of the weights, if there is one. */
    averagedLoss: z.number().optional(),
    averagedAccuracy: z.number().optional(),
    seconds: z.number(),
    /**
     * Fraction of the time of the epoch's steps, 0 to 1, that the trainer waited for images, if threads prepare them.
     */
    dataWaitShare: z.number().optional(),
  }),
  z.object({ type: z.literal('done'), time, attempt, result: runResultSchema }),
  z.object({ type: z.literal('stopped'), time, attempt, step: z.number() }),
  /** Like stopped, but the run is meant to be resumed. */
  z.object({ type: z.literal('paused'), time, attempt, step: z.number() }),
  z.object({ type: z.literal('failed'), time, attempt, failure: keptFailureSchema }),
]);
export type RunEvent = z.infer<typeof runEventSchema>;

type StepEvent = Extract<RunEvent, { type: 'step' }>;

/** The numbers of a step, and which are optional. */
const STEP_NUMBERS = Object.entries({
  time: 'required',
  step: 'required',
  epoch: 'required',
  learningRate: 'optional',
  loss: 'optional',
  accuracy: 'optional',
  imagesPerSecond: 'optional',
  lossScale: 'optional',
  overflows: 'optional',
  labelsLoss: 'optional',
  attempt: 'optional',
} satisfies Record<Exclude<keyof StepEvent, 'type' | 'other'>, 'required' | 'optional'>);

/**
 * Whether a value is a step event. Checks the same as the schema, but without the copy, which would be too large for a
 * long log.
 */
export function isStepEvent(value: unknown): value is StepEvent {
  if (typeof value !== 'object' || value === null) return false;
  const event = value as Readonly<Record<string, unknown>>;
  if (event.type !== 'step') return false;
  for (const [key, need] of STEP_NUMBERS) {
    const isOmitted = need === 'optional' && event[key] === undefined;
    if (!isOmitted && !Number.isFinite(event[key])) return false;
  }
  return event.other === undefined || otherMetrics.safeParse(event.other).success;
}

/** An event after which a run writes nothing more. */
export type FinalEvent = Extract<RunEvent, { type: 'done' | 'stopped' | 'paused' | 'failed' }>;

export function isFinal(event: RunEvent): event is FinalEvent {
  return (
    event.type === 'done' || event.type === 'stopped' || event.type === 'paused' || event.type === 'failed'
  );
}
