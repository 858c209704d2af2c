import * as l10n from '@vscode/l10n';
import type { Graph, Layer } from '../models/graph';
import { isInModule } from '../models/stages';
import { type TorchLayout, torchLayoutsOf } from '../models/torchLayout';
import { counted } from '../shared/counted';
import type { Failure } from '../shared/failure';
import { ownName } from './names';
import type { StoredTensor } from './storedTensor';
import type { WeightsFile } from './weightsFile';

/** The maximum number of names in a message. */
const NAMES_SHOWN = 5;

/** How to treat the classifier: `keep` requires it unchanged. The others are a recipe's options. */
export type HeadChoice = 'keep' | 'auto' | 'new';

export interface FittedWeights {
  /** Parameters and buffers by name, in the product's own layout and in layer order. Excludes a new classifier. */
  readonly values: Map<string, Float32Array>;
  /** Why the classifier is new, as a sentence; null if it comes from the file. */
  readonly newHead: string | null;
  /** Whether the first convolution was summed over red, green and blue. */
  readonly isGray: boolean;
  /** Names of the file's tensors that the network does not use. */
  readonly skipped: readonly string[];
}

type Classifier = Extract<Layer, { readonly kind: 'dense' }>;

/**
 * Maps the content of a weights file to a network's values, or returns why the network cannot start from it. Names are
 * torchvision's, or timm's for models that differ. The file must contain exactly the network's tensors, in their
 * shapes, with these exceptions:
 *
 * - The classifier is new if `head` is `new`, or if `head` is `auto` and the file has no classifier or one with other
 *   classes. Other modules that the network does not have, such as another head, are then left out too.
 * - The first convolution for color images is summed over the colors if the network takes gray images.
 * - PyTorch's batch counts and Inception's auxiliary classifier are left out.
 *
 * @throws WeightsError if the file does not contain a tensor's values
 */
export function fitWeights(
  { tensors, layout }: WeightsFile,
  graph: Graph,
  head: HeadChoice,
): FittedWeights | Failure {
  const isOurs = layout === 'tensorflow';
  const layouts = torchLayoutsOf(graph);
  const shapeOf = ({ shape, torchShape }: TorchLayout) => (isOurs ? shape : torchShape);
  const found = new Map<string, StoredTensor>();
  for (const tensor of tensors) {
    const name = ownName(tensor.name, new Set(layouts.map((each) => each.name)));
    if (name !== null) found.set(name, tensor);
  }
  const classifier = classifierOf(graph);
  const isHead = (name: string) => classifier !== null && isInModule(name, classifier.name);
  const newHead = classifier && newHeadReason(classifier, found, head, isOurs);
  const wanted = newHead ? layouts.filter(({ name }) => !isHead(name)) : layouts;
  const known = new Set(layouts.map(({ name }) => name));
  const modules = new Set([...known].map(topModule));
  const missing = wanted.filter(({ name }) => !found.has(name));
  const others = [...found.keys()].filter((name) => !known.has(name) && !(newHead && isHead(name)));
  const isOptional = (name: string) => head !== 'keep' && newHead !== null && !modules.has(topModule(name));
  const extra = others.filter((name) => !isOptional(name));
  if (missing.length > 0 || extra.length > 0) {
    return namesFailure(
      missing.map(({ name }) => name),
      extra,
    );
  }
  const pairs = wanted.map((each) => ({ layout: each, tensor: found.get(each.name) as StoredTensor }));
  const stem = head === 'keep' ? null : grayStem(graph, found, isOurs);
  const mismatches = pairs.filter(
    (each) => each.layout.name !== stem && !sameShape(each.tensor.shape, shapeOf(each.layout), isOurs),
  );
  if (mismatches.length > 0) {
    const shapes = mismatches.map((each) => ({
      name: each.layout.name,
      has: each.tensor.shape,
      needs: shapeOf(each.layout),
    }));
    return (classifier && classesFailure(shapes, classifier, isOurs)) ?? shapesFailure(shapes);
  }
  const values = new Map(
    pairs.map((each) => {
      const { name, fromTorch } = each.layout;
      const read = each.tensor.read();
      const own = name === stem ? summedOverColors(read, each.layout, isOurs) : read;
      return [name, isOurs ? own : fromTorch(own)] as const;
    }),
  );
  return { values, newHead, isGray: stem !== null, skipped: others.filter(isOptional) };
}

function classifierOf(graph: Graph): Classifier | null {
  const layer = graph.layers[graph.output];
  return layer?.kind === 'dense' ? layer : null;
}

/** Explains why the classifier does not come from the file; null if it does, or if its problem is reported later. */
function newHeadReason(
  { name, kernel }: Classifier,
  found: ReadonlyMap<string, StoredTensor>,
  head: HeadChoice,
  isOurs: boolean,
): string | null {
  if (head === 'keep') return null;
  const [inputs = 0, classes = 0] = kernel.shape;
  if (head === 'new') return l10n.t('The classifier {0} is newly initialized: head is {1}.', name, 'new');
  const tensor = found.get(kernel.name);
  if (!tensor) return l10n.t('The classifier {0} is newly initialized: the weights do not contain it.', name);
  const [ownInputs, ownClasses] = isOurs ? tensor.shape : tensor.shape.toReversed();
  if (tensor.shape.length !== 2 || ownInputs !== inputs || ownClasses === classes) return null;
  return l10n.t(
    'The classifier {0} is newly initialized: the weights have {1}, and the data set has {2}.',
    name,
    counted(ownClasses ?? 0, 'class'),
    classes,
  );
}

/**
 * Returns the name of the first convolution's kernel, if the network takes gray images and the file's kernel takes
 * three colors.
 */
function grayStem(graph: Graph, found: ReadonlyMap<string, StoredTensor>, isOurs: boolean): string | null {
  const first = graph.layers.find((layer) => layer.kind === 'conv2d');
  if (!first || graph.layers[first.input]?.kind !== 'input' || first.groups !== 1) return null;
  const [height, width, channels, filters] = first.kernel.shape;
  const shape = found.get(first.kernel.name)?.shape.join();
  const colored = isOurs ? [height, width, 3, filters] : [filters, 3, height, width];
  return channels === 1 && shape === colored.join() ? first.kernel.name : null;
}

/** Sums a kernel's values over its three channels, in the file's layout. */
function summedOverColors(values: Float32Array, { shape }: TorchLayout, isOurs: boolean): Float32Array {
  const [height = 1, width = 1, , filters = 1] = shape;
  // The values after the channel axis: filters in the product's own layout, pixels in PyTorch's.
  const inner = isOurs ? filters : height * width;
  const summed = new Float32Array(values.length / 3);
  for (let at = 0; at < summed.length; at++) {
    const start = Math.floor(at / inner) * 3 * inner + (at % inner);
    const [red = 0, green = 0, blue = 0] = [0, 1, 2].map((color) => values[start + color * inner]);
    summed[at] = red + green + blue;
  }
  return summed;
}

/** Whether shapes match. timm's VGG stores its first fully connected layers as convolutions over the whole image. */
function sameShape(has: readonly number[], needs: readonly number[], isOurs: boolean): boolean {
  if (has.join() === needs.join()) return true;
  const [outputs, ...inputs] = has;
  const flat = [outputs, inputs.reduce((product, extent) => product * extent, 1)];
  return !isOurs && needs.length === 2 && has.length === 4 && flat.join() === needs.join();
}

/** Returns the first part of a name, such as `layer1`. */
function topModule(name: string): string {
  return name.split('.')[0] ?? name;
}

function namesFailure(missing: readonly string[], extra: readonly string[]): Failure {
  const parts = [
    ...(missing.length > 0 ? [l10n.t('the file lacks {0}', listed(missing))] : []),
    ...(extra.length > 0 ? [l10n.t('the model has no {0}', listed(extra))] : []),
  ];
  return {
    what: l10n.t('The weights belong to a different model: {0}.', parts.join('; ')),
    remedy: l10n.t('Choose the model, variant and width that the file was saved from, or another file.'),
  };
}

interface ShapeMismatch {
  readonly name: string;
  readonly has: readonly number[];
  readonly needs: readonly number[];
}

/** Returns a specific failure if only the classifier's number of classes differs. */
function classesFailure(
  shapes: readonly ShapeMismatch[],
  { name: classifier, kernel, bias }: Classifier,
  isOurs: boolean,
): Failure | null {
  const ofClassifier = shapes.every(({ name }) => name === kernel.name || name === bias?.name);
  const weight = shapes.find(({ name }) => name === kernel.name);
  if (!ofClassifier || !weight || weight.has.length !== 2) return null;
  const [inputs = 0, classes = 0] = isOurs ? weight.has : weight.has.toReversed();
  const [width, needed = 0] = kernel.shape;
  if (inputs !== width) return null;
  return {
    what: l10n.t(
      'The classifier {0} has {1} classes, but the data set has {2}.',
      classifier,
      classes,
      needed,
    ),
    remedy: l10n.t(
      'Replace it with a classifier for {0} classes and save again. In PyTorch: model.{1} = torch.nn.Linear({2}, {0}).',
      needed,
      classifier,
      inputs,
    ),
  };
}

function shapesFailure(shapes: readonly ShapeMismatch[]): Failure {
  const described = shapes.map(({ name, has, needs }) =>
    l10n.t('{0} is [{1}] but must be [{2}]', name, has.join(', '), needs.join(', ')),
  );
  return {
    what: l10n.t('Some weights have the wrong shape: {0}.', listed(described, '; ')),
    remedy: l10n.t(
      'Choose the model, width and image channels that the file was saved from, or another file.',
    ),
  };
}

/** Lists the first few items for a message. */
export function listed(items: readonly string[], separator = ', '): string {
  const shown = items.slice(0, NAMES_SHOWN).join(separator);
  return items.length > NAMES_SHOWN ? l10n.t('{0} and {1} more', shown, items.length - NAMES_SHOWN) : shown;
}
