import { keysByName } from './metrics';

const ACCURACIES = [
  'accuracy',
  'acc',
  'binary_accuracy',
  'categorical_accuracy',
  'sparse_categorical_accuracy',
];

/** Returns our name of a metric in Keras' logs. Validation metrics start with `val_`. Accuracies are fractions. */
export const kerasKey = keysByName({
  loss: 'loss',
  val_loss: 'validationLoss',
  ...Object.fromEntries(ACCURACIES.map((name) => [name, 'accuracy' as const])),
  ...Object.fromEntries(ACCURACIES.map((name) => [`val_${name}`, 'validationAccuracy' as const])),
  learning_rate: 'learningRate',
  lr: 'learningRate',
});
