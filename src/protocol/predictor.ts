import { z } from 'zod';
import { failureSchema } from '../shared/failure';

/**
 * Messages of the predictor, the process that applies a trained run to images. It answers requests one at a time, in
 * order, and exits when the channel closes.
 */

/** The weights of a run to use: a checkpoint's, or the moving average in the last checkpoint. */
export const WEIGHTS_CHOICES = ['best', 'last', 'averaged'] as const;
export type WeightsChoice = (typeof WEIGHTS_CHOICES)[number];

export const toPredictorSchema = z.discriminatedUnion('type', [
  /** Classifies images. Answered by one `classified` per image, in order, and then `done`. */
  z.object({ type: z.literal('classify'), paths: z.array(z.string()), top: z.number() }),
  /** Evaluates the run on its data set's test images. Answered by `tested`. */
  z.object({ type: z.literal('test') }),
]);
export type ToPredictor = z.infer<typeof toPredictorSchema>;

/** A possible class of an image, with its probability. Lists have the most probable classes first. */
export const classChoiceSchema = z.object({ class: z.string(), probability: z.number() });
export type ClassChoice = z.infer<typeof classChoiceSchema>;

/** The result for an image: its most probable classes, or why it could not be used. */
const classifiedSchema = z.discriminatedUnion('ok', [
  z.object({ ok: z.literal(true), path: z.string(), classes: z.array(classChoiceSchema) }),
  z.object({ ok: z.literal(false), path: z.string(), failure: failureSchema }),
]);
export type Classified = z.infer<typeof classifiedSchema>;

export const testResultSchema = z.object({
  images: z.number(),
  correct: z.number(),
  loss: z.number(),
  accuracy: z.number(),
  /** Null for fewer than six classes. */
  top5: z.number().nullable(),
  macroF1: z.number(),
  balancedAccuracy: z.number(),
});
export type TestResult = z.infer<typeof testResultSchema>;

export const fromPredictorSchema = z.discriminatedUnion('type', [
  /** The weights are loaded. `epoch` is their epoch, counted from 1, if the checkpoint says so. */
  z.object({ type: z.literal('ready'), epoch: z.number().nullable(), classNames: z.array(z.string()) }),
  z.object({ type: z.literal('preparing'), what: z.string(), share: z.number().nullable() }),
  z.object({ type: z.literal('classified'), result: classifiedSchema }),
  z.object({ type: z.literal('done') }),
  z.object({ type: z.literal('tested'), result: testResultSchema }),
  /** The request, or the start, failed. */
  z.object({ type: z.literal('failed'), failure: failureSchema }),
]);
export type FromPredictor = z.infer<typeof fromPredictorSchema>;
