import { readFile } from 'node:fs/promises';
import * as l10n from '@vscode/l10n';
import type { Graph } from '../models/graph';
import { type TorchLayout, torchLayoutsOf } from '../models/torchLayout';
import type { Failure } from '../shared/failure';
import { messageOf } from '../shared/failure';
import {
  decodeSafetensors,
  type NamedTensor,
  SafetensorsError,
  type SafetensorsFile,
} from '../shared/safetensors';
import { UserError } from '../shared/userError';
import { isSystemError } from '../system/errors';

/** Names told of in an error, at most. */
const NAMES_SHOWN = 5;
/** PyTorch's count of a norm's batches, which nothing here depends on. */
const BATCH_COUNT = '.num_batches_tracked';

/**
 * The parameters and buffers of a network, by name and in our layout, from a safetensors file: a checkpoint of
 * ours, or a PyTorch state dict under torchvision's names (timm's for the stems and shortcuts of ResNet-C and -D,
 * and for MobileNet). A file says in its metadata that it is in our layout; else it is in PyTorch's.
 *
 * @throws UserError when it cannot be read, or does not hold just the network's tensors in their shapes
 */
export async function loadInitialValues(path: string, graph: Graph): Promise<Map<string, Float32Array>> {
  const values = initialValuesFrom(await readWeightsFile(path), graph);
  if (values instanceof Map) return values;
  throw new UserError({ what: `${path}: ${values.what}`, remedy: values.remedy });
}

async function readWeightsFile(path: string): Promise<SafetensorsFile> {
  try {
    return decodeSafetensors(await readFile(path));
  } catch (error) {
    throw new UserError(readingFailure(path, error), { cause: error });
  }
}

function readingFailure(path: string, error: unknown): Failure {
  if (error instanceof SafetensorsError) {
    return {
      what: l10n.t('{0} is not a safetensors file that can be read: {1}.', path, error.message),
      remedy: l10n.t(
        'Write it anew. In PyTorch: safetensors.torch.save_file(model.state_dict(), "{0}").',
        'weights.safetensors',
      ),
    };
  }
  return isSystemError(error, 'ENOENT', 'ENOTDIR')
    ? {
        what: l10n.t('There is no file {0} to start from.', path),
        remedy: l10n.t("Check init: a path is taken from the experiment file's folder."),
      }
    : {
        what: l10n.t('{0} cannot be read: {1}.', path, messageOf(error)),
        remedy: l10n.t('Check that it is a file and that you may read it.'),
      };
}

/** A network's values from the content of a file, or why it cannot start from it. */
export function initialValuesFrom(
  { metadata, tensors }: SafetensorsFile,
  graph: Graph,
): Map<string, Float32Array> | Failure {
  const isOurs = metadata.layout === 'tensorflow';
  const layouts = torchLayoutsOf(graph);
  const shapeOf = ({ shape, torchShape }: TorchLayout) => (isOurs ? shape : torchShape);
  const found = new Map(
    tensors.filter(({ name }) => !isIgnored(name, metadata)).map((tensor) => [tensor.name, tensor]),
  );
  const missing = layouts.filter(({ name }) => !found.has(name));
  const known = new Set(layouts.map(({ name }) => name));
  const extra = [...found.keys()].filter((name) => !known.has(name));
  if (missing.length > 0 || extra.length > 0) {
    return namesFailure(
      missing.map(({ name }) => name),
      extra,
    );
  }
  const pairs = layouts.map((layout) => ({ layout, tensor: found.get(layout.name) as NamedTensor }));
  const mismatches = pairs.filter(({ layout, tensor }) => tensor.shape.join() !== shapeOf(layout).join());
  if (mismatches.length > 0) {
    const shapes = mismatches.map(({ layout, tensor }) => ({
      name: layout.name,
      has: tensor.shape,
      needs: shapeOf(layout),
    }));
    return classesFailure(shapes, graph, isOurs) ?? shapesFailure(shapes);
  }
  return new Map(
    pairs.map(({ layout, tensor: { values } }) => [layout.name, isOurs ? values : layout.fromTorch(values)]),
  );
}

/** Whether a tensor of a file is not one of the network's values. */
function isIgnored(name: string, metadata: Readonly<Record<string, string>>): boolean {
  if (name.endsWith(BATCH_COUNT)) return true;
  // A checkpoint also has the state of its optimizer and of its moving average.
  return metadata.format === 'bag-of-tricks' && /^(optimizer|average)\./.test(name);
}

function namesFailure(missing: readonly string[], extra: readonly string[]): Failure {
  const parts = [
    ...(missing.length > 0 ? [l10n.t('it lacks {0}', listed(missing))] : []),
    ...(extra.length > 0 ? [l10n.t('the model has no {0}', listed(extra))] : []),
  ];
  return {
    what: l10n.t('The weights are those of another model: {0}.', parts.join('; ')),
    remedy: l10n.t('Choose the model, variant and width that the file was saved from, or another file.'),
  };
}

interface ShapeMismatch {
  readonly name: string;
  readonly has: readonly number[];
  readonly needs: readonly number[];
}

/** Where only the classifier's number of classes differs, that. */
function classesFailure(shapes: readonly ShapeMismatch[], graph: Graph, isOurs: boolean): Failure | null {
  const classifier = graph.layers[graph.output];
  if (classifier?.kind !== 'dense') return null;
  const { kernel, bias } = classifier;
  const ofClassifier = shapes.every(({ name }) => name === kernel.name || name === bias?.name);
  const weight = shapes.find(({ name }) => name === kernel.name);
  if (!ofClassifier || !weight || weight.has.length !== 2) return null;
  const [inputs = 0, classes = 0] = isOurs ? weight.has : weight.has.toReversed();
  const [width, needed = 0] = kernel.shape;
  if (inputs !== width) return null;
  return {
    what: l10n.t(
      'The classifier {0} tells {1} classes apart, and the data set has {2}.',
      classifier.name,
      classes,
      needed,
    ),
    remedy: l10n.t(
      'Give it a classifier of {0} classes and save it again. In PyTorch: model.{1} = torch.nn.Linear({2}, {0}).',
      needed,
      classifier.name,
      inputs,
    ),
  };
}

function shapesFailure(shapes: readonly ShapeMismatch[]): Failure {
  const described = shapes.map(({ name, has, needs }) =>
    l10n.t('{0} is [{1}] and has to be [{2}]', name, has.join(', '), needs.join(', ')),
  );
  return {
    what: l10n.t('Weights have the wrong shapes: {0}.', listed(described, '; ')),
    remedy: l10n.t(
      'Choose the model, width and image channels that the file was saved from, or another file.',
    ),
  };
}

function listed(items: readonly string[], separator = ', '): string {
  const shown = items.slice(0, NAMES_SHOWN).join(separator);
  return items.length > NAMES_SHOWN ? l10n.t('{0} and {1} more', shown, items.length - NAMES_SHOWN) : shown;
}
