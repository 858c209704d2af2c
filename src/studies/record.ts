import { z } from 'zod';
import type { StudyFactor, StudyPlan, StudySeeding } from '../protocol/study';
import { ENGINE_NAMES } from '../recipe/engineNames';
import { keptFailureSchema } from '../shared/failure';

/** Version of study.json. Raise it if an existing field changes its meaning or is removed. */
export const STUDY_VERSION = 1;

const settingSchema = z.array(z.int().min(0)).readonly();

const factorSchema = z.object({
  key: z.string(),
  kind: z.enum(['trick', 'key']),
  levels: z.array(z.string()).readonly(),
}) satisfies z.ZodType<StudyFactor>;

const planSchema = z.object({
  kind: z.enum([
    ...(['full', 'fractional', 'plackett_burman', 'optimal'] as const),
    ...(['one_at_a_time', 'leave_one_out', 'stack', 'listed'] as const),
  ]),
  blocks: z.array(z.object({ settings: z.array(settingSchema).readonly() })).readonly(),
  resolution: z.number().nullable(),
  aliases: z
    .array(
      z.object({
        factor: z.int(),
        pair: z.tuple([z.int(), z.int()]).readonly(),
        share: z.number(),
      }),
    )
    .readonly(),
  residualDegrees: z.number(),
  efficiency: z.number().nullable(),
}) satisfies z.ZodType<StudyPlan>;

/** What computes all runs of a study, and how many at a time. Fixed before the first run. */
const schedulingSchema = z.object({
  /** Null for a command, which chooses its device itself. */
  engine: z.enum(ENGINE_NAMES).nullable(),
  /** The engine's description of itself. */
  description: z.string(),
  /** Per run; null if the engine does not control it. */
  threads: z.int().min(1).nullable(),
  execution: z.enum(['native', 'emulated']).nullable(),
  atOnce: z.int().min(1),
  /** Throughput measurements, if any: total images per second by number of parallel runs. */
  measured: z
    .array(
      z.object({ atOnce: z.int().min(1), threads: z.int().min(1).nullable(), imagesPerSecond: z.number() }),
    )
    .readonly(),
  /** Seconds per run at this parallelism. */
  secondsPerRun: z.number().nullable(),
});
export type Scheduling = z.infer<typeof schedulingSchema>;

const costSchema = z.object({
  factor: z.int().min(0),
  /** 1 or higher. */
  level: z.int().min(0),
  secondsPerEpoch: z.number(),
  /** At level 0. */
  secondsPerEpochWithout: z.number(),
  /** Peak memory of the trainer's process; null if the system does not report it. */
  memoryBytes: z.number().nullable(),
  memoryBytesWithout: z.number().nullable(),
  /** Epoch time with the level over without, per round. Older records have none. */
  timeRatios: z.array(z.number().positive()).readonly().optional(),
  /** Instead of rounds, for a command: the ratio of epoch times with its 95% interval, from the runs of the study. */
  fromRuns: z
    .object({
      ...{ runs: z.int().min(1), ratio: z.number().positive() },
      ...{ low: z.number().nonnegative(), high: z.number().positive() },
    })
    .optional(),
});
export type StudyCost = z.infer<typeof costSchema>;

/** The name of a single folder, so that no record can point outside the store. */
const runIdSchema = z.string().regex(/^(?!\.{1,2}$)[^/\\\0]+$/, 'Not the id of a run');

const plannedRunSchema = z.object({
  block: z.int().min(0),
  /** Position within the block. */
  position: z.int().min(0),
  setting: settingSchema,
  /** Run id in the store; null before its turn. */
  run: runIdSchema.nullable(),
  /** Whether the run existed before the study. */
  isReused: z.boolean(),
  /** Number of failures. Divergence is not a failure. */
  crashes: z.int().min(0),
  /** Only for a confirmation on test images: the test accuracy in percentage points; null before it is evaluated. */
  tested: z.number().nullable(),
});
export type PlannedRun = z.infer<typeof plannedRunSchema>;

/** Only for a command: what is known about its seed, and the runs that repeat the first one to find out. */
const seedingSchema = z.object({
  isPassed: z.boolean(),
  repeats: z.array(plannedRunSchema).readonly(),
  sameSeed: z.enum(['unknown', 'equal', 'different']),
  values: z.tuple([z.number(), z.number()]).readonly().nullable(),
}) satisfies z.ZodType<StudySeeding>;

/** State of a study. */
const stateSchema = z.discriminatedUnion('status', [
  z.object({ status: z.literal('running') }),
  /** Stopped by the user, or not started yet. `because` is set if something else stopped it. */
  z.object({ status: z.literal('stopped'), because: keptFailureSchema.nullable() }),
  /** `full`: every run is done. The others stopped early. */
  z.object({ status: z.literal('done'), how: z.enum(['full', 'all_decided', 'none_can_change']) }),
  z.object({ status: z.literal('failed'), failure: keptFailureSchema }),
]);
export type StudyState = z.infer<typeof stateSchema>;

const fieldsSchema = z.object({
  version: z.literal(STUDY_VERSION),
  id: z.string(),
  name: z.string(),
  createdAt: z.number().describe('Milliseconds since 1970.'),
  /** As written, or as it would be written if there is no file. */
  study: z.object({ file: z.string().nullable(), text: z.string() }),
  /** The baseline. Its file path is absolute. */
  experiment: z.object({ file: z.string(), text: z.string() }),
  /** SHA-256 of what the baseline's recipe trains. Changes with a different release or changed images. */
  baselineHash: z.string(),
  factors: z.array(factorSchema).readonly(),
  plan: planSchema,
  metric: z.object({ name: z.string(), higherIsBetter: z.boolean(), isAccuracy: z.boolean() }),
  smallestEffect: z.number().positive(),
  stop: z.enum(['when_decided', 'never']),
  blocks: z.enum(['seeds', 'folds']),
  /** Number of folds that the non-test images are split into. Each block validates on one. Null if blocks are seeds. */
  folds: z.int().min(2).nullable(),
  /** One per block. */
  seeds: z.array(z.int()).readonly(),
  /** Whether blocks were added after some were done. */
  isExtended: z.boolean(),
  /** Only for a confirmation: the study that it confirms, and that study's settings for its two arms. */
  confirms: z.object({ id: z.string(), arms: z.tuple([settingSchema, settingSchema]) }).nullable(),
  /** The study file's request. */
  atOnce: z.union([z.literal('auto'), z.int().min(1)]),
  scheduling: schedulingSchema.nullable(),
  runs: z.array(plannedRunSchema).readonly(),
  /** Null or absent for our own trainer. */
  seeding: seedingSchema.nullable().optional(),
  costs: z.array(costSchema).readonly().nullable(),
  state: stateSchema,
});
export type StudyRecord = z.infer<typeof fieldsSchema>;

/**
 * A study as stored in its folder. Together with the runs that it names, it suffices to resume or analyze the study.
 */
export const studyRecordSchema = fieldsSchema.superRefine((record, context) => {
  const problem = inconsistency(record);
  if (problem !== null) context.addIssue({ code: 'custom', message: problem });
});

type Parts = Pick<StudyRecord, 'factors' | 'plan' | 'runs' | 'seeds' | 'costs' | 'confirms'>;

/** Returns which parts of a record are inconsistent, and would make it unusable; null if it is consistent. */
function inconsistency({ factors, plan, runs, seeds, costs, confirms }: Parts): string | null {
  const isSetting = (setting: readonly number[]) =>
    setting.length === factors.length &&
    setting.every((level, factor) => level < (factors[factor]?.levels.length ?? 0));
  const planned = plan.blocks.flatMap(({ settings }, block) =>
    settings.map((setting, position) => ({ block, position, setting })),
  );
  if (!planned.every(({ setting }) => isSetting(setting)))
    return 'A setting of the plan is not of its factors';
  if (seeds.length !== plan.blocks.length) return 'There are not as many seeds as blocks';
  const isPlanned = (run: PlannedRun, index: number) => {
    const { block, position, setting } = planned[index] ?? {};
    return run.block === block && run.position === position && `${run.setting}` === `${setting}`;
  };
  if (runs.length !== planned.length || !runs.every(isPlanned)) return 'The runs are not those of the plan';
  const isLevel = ({ factor, level }: StudyCost) => level < (factors[factor]?.levels.length ?? 0);
  if (!(costs ?? []).every(isLevel)) return 'A cost is not that of a level';
  const aliased = plan.aliases.flatMap(({ factor, pair }) => [factor, ...pair]);
  if (!aliased.every((factor) => factor >= 0 && factor < factors.length)) return 'An alias is not of factors';
  if (confirms && factors.length !== 1) return 'A confirmation has one factor';
  return null;
}
