import { defaultTask } from '../models/catalog';
import { datasetFacts, isOwnDataset } from '../recipe/datasets';
import { datasetRequest } from './dataPlan';
import { type Experiment, experimentSchema } from './schema';

/** ImageNet's counts, which no trick considers too small. */
const STAND_IN = { dataset: 'synthetic', train_images: 1_281_167, validation_images: 50_000 } as const;

/**
 * An experiment that is inspected, not trained, and may omit its data. Placeholder images have the model's specified
 * size and classes, else the data's, else the model's defaults. Without data, they are in color.
 */
export const inspectedSchema = experimentSchema
  .extend({ data: experimentSchema.shape.data.optional() })
  .transform((experiment): Experiment => ({ ...experiment, data: inspectedData(experiment) }));

function inspectedData({
  data,
  model,
}: Omit<Experiment, 'data'> & { readonly data?: Experiment['data'] | undefined }): Experiment['data'] {
  const { input_size, classes } = model;
  if (data && input_size === undefined && classes === undefined) return data;
  const request = data && datasetRequest({ data });
  const known = request && !isOwnDataset(request) ? datasetFacts(request) : undefined;
  const task = defaultTask(model.name);
  return experimentSchema.shape.data.parse({
    ...STAND_IN,
    height: input_size ?? known?.height ?? task.inputSize,
    width: input_size ?? known?.width ?? task.inputSize,
    channels: known?.channels ?? 3,
    classes: classes ?? known?.classes ?? task.classes,
  });
}
