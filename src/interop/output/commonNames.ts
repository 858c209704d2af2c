import type { MetricKey } from './metrics';

const TRAINING = ['train', 'training'];
const VALIDATION = ['val', 'valid', 'validation', 'eval'];
const ACCURACY = ['acc', 'accuracy'];

const KEYS: ReadonlyMap<string, MetricKey> = new Map<string, MetricKey>([
  ...around(TRAINING, ['loss']).map((name) => [name, 'loss'] as const),
  ...around(TRAINING, ACCURACY).map((name) => [name, 'accuracy'] as const),
  ...around(VALIDATION, ['loss']).map((name) => [name, 'validationLoss'] as const),
  ...around(VALIDATION, ACCURACY).map((name) => [name, 'validationAccuracy'] as const),
  ...around(VALIDATION, ['top5']).map((name) => [name, 'validationTop5'] as const),
  ...around(TRAINING, ['lr', 'learning_rate']).map((name) => [name, 'learningRate'] as const),
  ['loss', 'loss'],
  ...ACCURACY.map((name) => [name, 'accuracy'] as const),
  ['lr', 'learningRate'],
  ['learning_rate', 'learningRate'],
  ['images_per_second', 'imagesPerSecond'],
]);

/** Returns both orders, such as train_loss and loss_train. */
function around(splits: readonly string[], names: readonly string[]): string[] {
  return splits.flatMap((split) => names.flatMap((name) => [`${split}_${name}`, `${name}_${split}`]));
}

/**
 * Returns our name of a metric that users of PyTorch usually call so, such as `val/acc` and `Loss/train`; null for other
 * names. Lightning's LearningRateMonitor calls the first learning rate `lr-SGD` or `lr-SGD/pg1`.
 */
export function commonKey(name: string): MetricKey | null {
  if (/^lr-[A-Za-z]\w*(?:\/pg1)?$/.test(name)) return 'learningRate';
  return KEYS.get(name.toLowerCase().replace(/[/. -]/g, '_')) ?? null;
}
