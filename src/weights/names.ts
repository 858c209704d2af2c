/** PyTorch's batch count of a norm layer, which nothing here depends on. */
const BATCH_COUNT = '.num_batches_tracked';
/** Inception's auxiliary classifier, which is trained with the network but not used. */
const AUXILIARY = 'AuxLogits.';

/**
 * Maps names in files to torchvision's, which this product uses: DenseNet's from before PyTorch disallowed dots in
 * names (torchvision's _load_state_dict), and the classifier of timm's VGG.
 */
const RENAMED: readonly (readonly [RegExp, string])[] = [
  [/^(features\..*denselayer\d+\.(?:norm|conv))\.([12]\.)/, '$1$2'],
  [/^pre_logits\.fc1\./, 'classifier.0.'],
  [/^pre_logits\.fc2\./, 'classifier.3.'],
  [/^head\.fc\./, 'classifier.6.'],
];

/** Returns a file tensor's name in a network with these names; null if no network needs it. */
export function ownName(name: string, known: ReadonlySet<string>): string | null {
  if (known.has(name)) return name;
  if (name.endsWith(BATCH_COUNT) || name.startsWith(AUXILIARY)) return null;
  for (const [pattern, replacement] of RENAMED) {
    const renamed = name.replace(pattern, replacement);
    if (renamed !== name && known.has(renamed)) return renamed;
  }
  return name;
}
