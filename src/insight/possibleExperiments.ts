import type { ForeignExperiment } from '../interop/import/adapter';
import type { Known } from '../tricks/elsewhere/mapping';

type Values = {
  readonly [Key in keyof ForeignExperiment]: ForeignExperiment[Key] extends Known<infer Value>
    ? Value
    : never;
};

/**
 * Two values for each part of an experiment that a file may leave unknown, as different as possible. A result that is
 * the same for both does not depend on that part.
 */
const STAND_INS: { readonly [Key in keyof Values]: readonly [Values[Key], Values[Key]] } = {
  model: [{ name: 'resnet50', variant: 'B' }, { name: 'vgg16_bn' }],
  trainImages: [1_281_167, 6_149],
  classes: [1000, 37],
  imageSize: [224, 256],
  batchSize: [512, 96],
  optimizer: ['sgd', 'adamw'],
  baseLearningRate: [0.1, 0.003],
  weightDecay: [1e-4, 0.05],
  epochs: [90, 31],
};

const KEYS = Object.keys(STAND_INS) as readonly (keyof Values)[];

/** One possible meaning of a file. */
export interface PossibleExperiment {
  /** The parts of an experiment file, without tricks. */
  readonly parts: Readonly<Record<string, unknown>>;
  /** Why the part that differs from the first experiment is unknown. Null for the first. */
  readonly why: string | null;
}

/** Returns the experiments that a file may mean: one if every part is known, plus one for each unknown part. */
export function possibleExperiments(
  experiment: ForeignExperiment,
): readonly [PossibleExperiment, ...PossibleExperiment[]] {
  const first = Object.fromEntries(
    KEYS.map((key) => [key, valueOrStandIn(experiment[key], STAND_INS[key][0])]),
  ) as unknown as Values;
  const others = KEYS.flatMap((key): PossibleExperiment[] => {
    const part = experiment[key];
    return part.known ? [] : [{ parts: partsOf({ ...first, [key]: STAND_INS[key][1] }), why: part.why }];
  });
  return [{ parts: partsOf(first), why: null }, ...others];
}

function valueOrStandIn<Value>(part: Known<Value>, standIn: Value): Value {
  return part.known ? part.value : standIn;
}

function partsOf(values: Values): PossibleExperiment['parts'] {
  return {
    data: {
      dataset: 'synthetic',
      train_images: values.trainImages,
      validation_images: 1,
      height: values.imageSize,
      width: values.imageSize,
      channels: 3,
      classes: values.classes,
      batch_size: values.batchSize,
    },
    model: values.model,
    optimizer: {
      name: values.optimizer,
      base_lr: values.baseLearningRate,
      weight_decay: values.weightDecay,
    },
    schedule: { epochs: values.epochs },
  };
}
