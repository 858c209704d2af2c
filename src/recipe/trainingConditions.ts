import * as l10n from '@vscode/l10n';
import type { ModelName } from '../models/catalog';
import type { AugmentationStepName } from './augmentation';
import type { Recipe } from './recipe';

type Conditions = Pick<Recipe, 'data' | 'loss' | 'model'>;

/** Augmentations used in any training. They hardly reduce training accuracy. */
const MILD_STEPS: readonly AugmentationStepName[] = ['flip', 'vertical_flip', 'padded_crop'];

/** Models with built-in dropout. */
const MODELS_WITH_DROPOUT: readonly ModelName[] = ['cnn', 'inception_v3', 'vgg16_bn'];

/** Explains why training accuracy may be below validation accuracy; null if nothing in the recipe causes it. */
export function trainingAccuracyNote(recipe: Conditions): string | null {
  const conditions = harderThanValidation(recipe);
  return conditions.length === 0
    ? null
    : l10n.t(
        'Training accuracy is measured with {0}, validation accuracy without, so training accuracy may be lower.',
        conditions.join(', '),
      );
}

/** Explains why training loss may be above validation loss; null if nothing in the recipe causes it. */
export function trainingLossNote(recipe: Conditions): string | null {
  const { labelSmoothing, classWeights } = recipe.loss;
  const conditions = [
    ...(labelSmoothing > 0 ? ['label_smoothing'] : []),
    ...(classWeights ? ['class_weights'] : []),
    ...harderThanValidation(recipe),
  ];
  return conditions.length === 0
    ? null
    : l10n.t(
        'Training loss is measured with {0}, validation loss without, so training loss may be higher.',
        conditions.join(', '),
      );
}

/** Returns the recipe's training-only conditions, by their names in experiments. */
function harderThanValidation({ data: { augment, erasing, mixing }, model }: Conditions): string[] {
  const steps = typeof augment === 'string' ? [] : augment.map(({ step }) => step);
  return [
    ...(mixing?.mixup ? ['mixup'] : []),
    ...(mixing?.cutmix ? ['cutmix'] : []),
    ...steps.filter((step) => !MILD_STEPS.includes(step)),
    ...(erasing ? ['random_erasing'] : []),
    ...('stochasticDepth' in model && model.stochasticDepth ? ['stochastic_depth'] : []),
    ...(MODELS_WITH_DROPOUT.includes(model.name) ? ['dropout'] : []),
  ];
}
