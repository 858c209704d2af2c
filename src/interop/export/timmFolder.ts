import * as l10n from '@vscode/l10n';
import { isResNet, type ModelSpec } from '../../models/catalog';
import type { Graph } from '../../models/graph';
import { modelText } from '../../models/modelText';
import { assertNever } from '../../shared/assertNever';
import type { Failure } from '../../shared/failure';
import { encodeSafetensors, type NamedTensor, type TensorValues } from '../../shared/safetensors';
import { isBottleneckA } from '../../tricks/elsewhere/commandParts';
import { timmName } from '../../tricks/elsewhere/timm';
import type { ImageInput } from './imageInput';
import { stateDictOf } from './stateDict';

/**
 * A model folder that timm reads as `local-dir:` (timm/models/_hub.py, 1.0.16 and later): the weights, the
 * architecture, the image preprocessing and the class names.
 */
export interface TimmFolder {
  readonly 'model.safetensors': Uint8Array;
  readonly 'config.json': string;
}

/** The model to build in timm: an architecture, and the arguments that differ from its defaults. */
export interface TimmModel {
  readonly architecture: string;
  readonly modelArgs: Readonly<Record<string, boolean | number | string | readonly number[]>>;
}

/** Facts to write besides the network. */
export interface TimmFacts extends TimmModel {
  readonly runId: string;
  /** Number of batches that the running statistics have seen. */
  readonly batches: number;
  readonly input: ImageInput;
}

/**
 * Returns the files of a model for timm.
 *
 * @param values Parameters and buffers by name, in our layout.
 * @throws if a value is missing
 */
export function timmFolder(
  graph: Graph,
  values: ReadonlyMap<string, Float32Array>,
  { architecture, modelArgs, runId, batches, input }: TimmFacts,
): TimmFolder {
  const { height, width, channels, interpolation, cropPct, mean, std, classNames } = input;
  const config = {
    architecture,
    num_classes: classNames.length,
    label_names: classNames,
    model_args: { in_chans: channels, ...modelArgs },
    pretrained_cfg: {
      input_size: [channels, height, width],
      fixed_input_size: false,
      interpolation,
      crop_pct: cropPct,
      crop_mode: 'center',
      mean,
      std,
      num_classes: classNames.length,
      pool_size: null,
      first_conv: firstConvolution(graph, channels),
      classifier: classifierOf(graph),
      notes: [`Bag of Tricks, run ${runId}`],
    },
  };
  const tensors = stateDictOf(graph, values, batches).map(inTimm);
  return {
    'model.safetensors': encodeSafetensors({ metadata: { format: 'pt' }, tensors }),
    'config.json': `${JSON.stringify(config, null, 2)}\n`,
  };
}

/**
 * Returns the convolution that timm adapts to other channel counts. Null for images that are neither color nor
 * grayscale: timm up to 1.0.16 reinitializes the first convolution for them, even if its weights have the right shape.
 */
function firstConvolution(graph: Graph, channels: number): string | null {
  if (channels !== 1 && channels !== 3) return null;
  return graph.layers.find((layer) => layer.kind === 'conv2d')?.name ?? null;
}

function classifierOf(graph: Graph): string | null {
  const output = graph.layers[graph.output];
  return output?.kind === 'dense' ? renamed(output.name) : null;
}

/**
 * timm implements the hidden layers of VGG's classifier as convolutions: the first over the remaining 7 x 7 pixels of
 * an image.
 */
const VGG_CLASSIFIER: Readonly<Record<string, { name: string; pixels: readonly number[] }>> = {
  'classifier.0': { name: 'pre_logits.fc1', pixels: [7, 7] },
  'classifier.3': { name: 'pre_logits.fc2', pixels: [1, 1] },
  'classifier.6': { name: 'head.fc', pixels: [] },
};

function renamed(layer: string): string {
  return VGG_CLASSIFIER[layer]?.name ?? layer;
}

/** Renames a tensor from torchvision's names to timm's. They differ only in VGG's classifier. */
export function inTimm(tensor: NamedTensor<TensorValues>): NamedTensor<TensorValues> {
  const dot = tensor.name.lastIndexOf('.');
  const moved = VGG_CLASSIFIER[tensor.name.slice(0, dot)];
  if (!moved) return tensor;
  const name = `${moved.name}${tensor.name.slice(dot)}`;
  const [outputs, inputs] = tensor.shape;
  if (outputs === undefined || inputs === undefined || moved.pixels.length === 0) return { ...tensor, name };
  const channels = moved.pixels.reduce((rest, extent) => rest / extent, inputs);
  return { ...tensor, name, shape: [outputs, channels, ...moved.pixels] };
}

/** Returns the timm model that computes the same as a graph, or why there is none. */
export function timmModelOf(model: ModelSpec, graph: Graph): TimmModel | Failure {
  if (isResNet(model)) return resNetOf(model);
  switch (model.name) {
    case 'mobilenet_v1': {
      const name = { 1: 'mobilenetv1_100', 1.25: 'mobilenetv1_125' }[model.widthMultiplier];
      if (!name) return otherWidth(model, '1, 1.25');
      // timm's default is ReLU6.
      return { architecture: name, modelArgs: model.activation === 'relu6' ? {} : { act_layer: 'relu' } };
    }
    case 'inception_v3':
      return model.widthMultiplier === 1 ? plain(model) : otherWidth(model, '1');
    case 'vgg16_bn':
      if (model.width !== 64) return otherWidth(model, '64');
      return averagesLargeImages(graph) ? largeVgg() : plain(model);
    case 'densenet121':
      return { architecture: model.name, modelArgs: { growth_rate: model.growthRate } };
    case 'resnet8':
    case 'resnet14':
    case 'resnet20':
    case 'resnet32':
    case 'resnet44':
    case 'resnet56':
    case 'resnet110':
    case 'resnet9':
    case 'cnn':
    case 'mlp':
      return refusal(l10n.t('timm has no {0}.', model.name));
    default:
      return assertNever(model);
  }
}

type ResNetSpec = Extract<ModelSpec, { readonly variant: unknown }>;

function resNetOf(model: ResNetSpec): TimmModel | Failure {
  const { name, width, variant } = model;
  if (isBottleneckA(model)) {
    return refusal(
      l10n.t(
        "{0}-A has its strides in the first 1x1 convolutions. timm's {0} has them in the 3x3 convolutions, like {0}-B.",
        name,
      ),
    );
  }
  // timm fixes the width of the plain stem.
  if (variant === 'A' || variant === 'B') return width === 64 ? plain(model) : otherWidth(model, '64');
  const widths: TimmModel['modelArgs'] =
    width === 64 ? {} : { stem_width: width / 2, channels: [1, 2, 4, 8].map((factor) => factor * width) };
  const architecture = timmName(model);
  return architecture
    ? { architecture, modelArgs: widths }
    : { architecture: `${name}d`, modelArgs: { avg_down: false, ...widths } };
}

/** A model that timm has without changes. */
function plain(model: ModelSpec): TimmModel {
  return { architecture: timmName(model) ?? model.name, modelArgs: {} };
}

/** Whether a VGG averages images before its classifier. timm averages after the classifier's hidden layers. */
function averagesLargeImages(graph: Graph): boolean {
  return graph.layers.some((layer) => {
    if (layer.kind !== 'adaptive_average_pool') return false;
    const [height = 0, width = 0] = graph.layers[layer.input]?.shape ?? [];
    return height > layer.shape[0] || width > layer.shape[1];
  });
}

function largeVgg(): Failure {
  return refusal(
    l10n.t(
      "timm's {0} differs for images of 256 pixels or more: it averages after the hidden layers of the classifier, not before.",
      'vgg16_bn',
    ),
  );
}

function otherWidth(model: ModelSpec, widths: string): Failure {
  return refusal(l10n.t('timm has no {0}. Available widths: {1}.', modelText(model), widths));
}

function refusal(what: string): Failure {
  return { what, remedy: l10n.t('Export it as ONNX: {0}', '--onnx FILE.onnx') };
}
