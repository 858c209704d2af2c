/**
 * What a network is asked to say of each image, [batch, classes]: 1 - `smoothing` for its class, and `smoothing`
 * spread evenly over all classes, the right one included (Szegedy et al. 2016, section 7, as in PyTorch).
 */
export function targetsOf(labels: Int32Array, classes: number, smoothing: number): Float32Array {
  const targets = new Float32Array(labels.length * classes).fill(smoothing / classes);
  for (const [image, label] of labels.entries()) {
    targets[image * classes + label] = 1 - smoothing + smoothing / classes;
  }
  return targets;
}
