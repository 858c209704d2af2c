/** Returns one-hot targets [labels, classes]: 1 for each image's class, 0 for the others. */
export function oneHotTargets(labels: Int32Array, classes: number): Float32Array {
  const targets = new Float32Array(labels.length * classes);
  for (const [image, label] of labels.entries()) targets[image * classes + label] = 1;
  return targets;
}
