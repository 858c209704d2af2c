import { z } from 'zod';
import type { StudyFactor, StudyPlan } from '../protocol/study';
import { ENGINE_NAMES } from '../recipe/engineNames';
import { failureSchema } from '../shared/failure';

/** Of a study's study.json. Raise it when a field that is there means something else, or is gone. */
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

/** What computes all runs of a study, and how many at a time; fixed before the first of them. */
const schedulingSchema = z.object({
  engine: z.enum(ENGINE_NAMES),
  /** In the engine's own words. */
  description: z.string(),
  /** Of each run; null where the engine has no say in it. */
  threads: z.int().min(1).nullable(),
  execution: z.enum(['native', 'emulated']).nullable(),
  atOnce: z.int().min(1),
  /** Where it was measured: how many runs at a time finish how many images a second, all together. */
  measured: z
    .array(
      z.object({ atOnce: z.int().min(1), threads: z.int().min(1).nullable(), imagesPerSecond: z.number() }),
    )
    .readonly(),
  /** Seconds that a run takes, with so many at once. */
  secondsPerRun: z.number().nullable(),
});
export type Scheduling = z.infer<typeof schedulingSchema>;

const costSchema = z.object({
  factor: z.int().min(0),
  /** 1 or above. */
  level: z.int().min(0),
  secondsPerEpoch: z.number(),
  /** At level 0. */
  secondsPerEpochWithout: z.number(),
  /** The most that the trainer's process held; null where the system does not tell. */
  memoryBytes: z.number().nullable(),
  memoryBytesWithout: z.number().nullable(),
  /** Time of an epoch with over without, within each round; records of before have none. */
  timeRatios: z.array(z.number().positive()).readonly().optional(),
});
export type StudyCost = z.infer<typeof costSchema>;

/** The name of one folder, so that no record leads out of the store. */
const runIdSchema = z.string().regex(/^(?!\.{1,2}$)[^/\\\0]+$/, 'Not the id of a run');

const plannedRunSchema = z.object({
  block: z.int().min(0),
  /** Within the block. */
  position: z.int().min(0),
  setting: settingSchema,
  /** Its id in the store; null before its turn. */
  run: runIdSchema.nullable(),
  /** Whether it was there before the study. */
  isReused: z.boolean(),
  /** How often it failed; a run that diverged did not. */
  crashes: z.int().min(0),
  /** Of a confirmation on test images: the accuracy there, in points of a percent; null before it was asked. */
  tested: z.number().nullable(),
});
export type PlannedRun = z.infer<typeof plannedRunSchema>;

/** Where a study stands. */
const stateSchema = z.discriminatedUnion('status', [
  z.object({ status: z.literal('running') }),
  /** By a person, or not started yet; `because` says what else stopped it. */
  z.object({ status: z.literal('stopped'), because: failureSchema.nullable() }),
  /** `full`: every run is done; the others stopped early. */
  z.object({ status: z.literal('done'), how: z.enum(['full', 'all_decided', 'none_can_change']) }),
  z.object({ status: z.literal('failed'), failure: failureSchema }),
]);
export type StudyState = z.infer<typeof stateSchema>;

const fieldsSchema = z.object({
  version: z.literal(STUDY_VERSION),
  id: z.string(),
  name: z.string(),
  createdAt: z.number().describe('Milliseconds since 1970.'),
  /** As written, or as it would be written where there is no file. */
  study: z.object({ file: z.string().nullable(), text: z.string() }),
  /** The baseline; its file is absolute. */
  experiment: z.object({ file: z.string(), text: z.string() }),
  /** SHA-256 of what the baseline's recipe trains: of another release or of changed images it is another. */
  baselineHash: z.string(),
  factors: z.array(factorSchema).readonly(),
  plan: planSchema,
  metric: z.object({ name: z.string(), higherIsBetter: z.boolean(), isAccuracy: z.boolean() }),
  smallestEffect: z.number().positive(),
  stop: z.enum(['when_decided', 'never']),
  blocks: z.enum(['seeds', 'folds']),
  /** Parts into which the images that are not test are cut, of which each block validates on one; null where blocks are seeds. */
  folds: z.int().min(2).nullable(),
  /** By block. */
  seeds: z.array(z.int()).readonly(),
  /** Whether blocks were added after some were done. */
  isExtended: z.boolean(),
  /** Of a confirmation: the study that it confirms, and the settings there of its two arms. */
  confirms: z.object({ id: z.string(), arms: z.tuple([settingSchema, settingSchema]) }).nullable(),
  /** As the study file asks for it. */
  atOnce: z.union([z.literal('auto'), z.int().min(1)]),
  scheduling: schedulingSchema.nullable(),
  runs: z.array(plannedRunSchema).readonly(),
  costs: z.array(costSchema).readonly().nullable(),
  state: stateSchema,
});
export type StudyRecord = z.infer<typeof fieldsSchema>;

/** A study as its folder has it: with the runs that it names, all that it takes to go on with it or to analyse it. */
export const studyRecordSchema = fieldsSchema.superRefine((record, context) => {
  const problem = inconsistency(record);
  if (problem !== null) context.addIssue({ code: 'custom', message: problem });
});

type Parts = Pick<StudyRecord, 'factors' | 'plan' | 'runs' | 'seeds' | 'costs' | 'confirms'>;

/** What of a record does not go together, so that nothing could be made of it; null where all does. */
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
