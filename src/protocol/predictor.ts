import { z } from 'zod';
import { failureSchema } from '../shared/failure';

/**
 * What the program that asks a trained run about images hears and says over its process's channel. It answers requests
 * one at a time, in their order, and leaves when the channel is closed.
 */

/** Which weights of a run are asked: a checkpoint's, or the moving average's in the last one. */
export const WEIGHTS_CHOICES = ['best', 'last', 'averaged'] as const;
export type WeightsChoice = (typeof WEIGHTS_CHOICES)[number];

export const toPredictorSchema = z.discriminatedUnion('type', [
  /** What classes these images have; answered by a `classified` for each, in their order, and then `done`. */
  z.object({ type: z.literal('classify'), paths: z.array(z.string()), top: z.number() }),
  /** How good the run is on its data set's test images; answered by `tested`. */
  z.object({ type: z.literal('test') }),
]);
export type ToPredictor = z.infer<typeof toPredictorSchema>;

/** A class that an image may be of, with its probability, of all classes' the highest come first. */
export const classChoiceSchema = z.object({ class: z.string(), probability: z.number() });
export type ClassChoice = z.infer<typeof classChoiceSchema>;

/** What became of an image: its likeliest classes, or why it could not be used. */
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
  /** Null below six classes. */
  top5: z.number().nullable(),
  macroF1: z.number(),
  balancedAccuracy: z.number(),
});
export type TestResult = z.infer<typeof testResultSchema>;

export const fromPredictorSchema = z.discriminatedUnion('type', [
  /** The weights are loaded; of which epoch they are, where the checkpoint says so, counts from 1. */
  z.object({ type: z.literal('ready'), epoch: z.number().nullable(), classNames: z.array(z.string()) }),
  z.object({ type: z.literal('preparing'), what: z.string(), share: z.number().nullable() }),
  z.object({ type: z.literal('classified'), result: classifiedSchema }),
  z.object({ type: z.literal('done') }),
  z.object({ type: z.literal('tested'), result: testResultSchema }),
  /** The request, or the start, could not be done. */
  z.object({ type: z.literal('failed'), failure: failureSchema }),
]);
export type FromPredictor = z.infer<typeof fromPredictorSchema>;
