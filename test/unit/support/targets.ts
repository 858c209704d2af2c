import { oneHotTargets } from '../../../src/training/data/targets';
import { smooth } from '../../../src/training/effects/labelSmoothing';

/** Returns targets [labels, classes] with the share `smoothing` spread over all classes, as in training. */
export function targetsOf(labels: Int32Array, classes: number, smoothing: number): Float32Array {
  const targets = oneHotTargets(labels, classes);
  smooth(targets, classes, smoothing);
  return targets;
}
