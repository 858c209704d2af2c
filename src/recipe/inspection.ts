import type { ModelSpec } from '../models/catalog';
import {
  elementsOf,
  type Graph,
  type ImageShape,
  type Layer,
  layerMultiplyAdds,
  layerParameters,
  multiplyAddsOf,
  parametersOf,
  type Shape,
  zeroGammaNormsOf,
} from '../models/graph';
import { type ClassBalance, classBalanceOf } from './classBalance';
import { graphOf } from './draft';
import { groupOf } from './parameterGroups';
import type { Recipe } from './recipe';

/** What a recipe's network is made of, and what the recipe does with its parameters. Plain data. */
export interface Inspection {
  readonly model: ModelSpec;
  /** One image. */
  readonly input: ImageShape;
  readonly classes: number;
  /** Trainable values. */
  readonly parameters: number;
  /** Of one image's forward pass, convolutions and fully connected layers alone. */
  readonly multiplyAdds: number;
  /** Batch norms whose gamma starts at 0. */
  readonly zeroGammaNorms: number;
  readonly parameterGroups: readonly GroupInspection[];
  /** What each class counts, where a recipe makes classes unequal. */
  readonly classBalance: readonly ClassBalance[] | null;
  readonly layers: readonly LayerInspection[];
}

export interface GroupInspection {
  readonly name: string;
  readonly weightDecay: number;
  /** What the learning rate is multiplied by; 0 where the group is frozen. */
  readonly learningRateFactor: number;
  readonly tensors: number;
  readonly elements: number;
}

export interface LayerInspection {
  /** What its parameters' names begin with; null where it has none. */
  readonly name: string | null;
  readonly kind: Exclude<Layer['kind'], 'pool'> | 'max_pool' | 'average_pool';
  /** What a convolution or pool moves over the image, in pixels. */
  readonly window: {
    readonly size: readonly [height: number, width: number];
    readonly stride: number;
  } | null;
  /** Whether it is a convolution with one filter a channel. */
  readonly isDepthwise: boolean;
  /** Its output for one image: [height, width, channels] or [features]. */
  readonly shape: Shape;
  readonly parameters: number;
  readonly multiplyAdds: number;
}

/** What becomes of a recipe's parameters, counted layer by layer. */
export function inspect(recipe: Recipe): Inspection {
  const { dataset } = recipe.data;
  const graph = graphOf(recipe);
  return {
    model: recipe.model,
    input: [dataset.height, dataset.width, dataset.channels],
    classes: dataset.classes,
    parameters: elementsOf(parametersOf(graph)),
    multiplyAdds: multiplyAddsOf(graph),
    zeroGammaNorms: recipe.initialization.zeroGamma ? zeroGammaNormsOf(graph).length : 0,
    parameterGroups: groupsOf(recipe, graph),
    classBalance: classBalanceOf(recipe),
    layers: graph.layers.map(inspectLayer),
  };
}

function inspectLayer(layer: Layer): LayerInspection {
  return {
    name: 'name' in layer ? layer.name : null,
    kind: layer.kind === 'pool' ? `${layer.mode}_pool` : layer.kind,
    window: windowOf(layer),
    isDepthwise: layer.kind === 'conv2d' && layer.groups > 1 && layer.groups === layer.shape[2],
    shape: layer.shape,
    parameters: elementsOf(layerParameters(layer)),
    multiplyAdds: layerMultiplyAdds(layer),
  };
}

function windowOf(layer: Layer): LayerInspection['window'] {
  if (layer.kind === 'pool') return { size: layer.size, stride: layer.stride };
  if (layer.kind !== 'conv2d') return null;
  const [height = 1, width = 1] = layer.kernel.shape;
  return { size: [height, width], stride: layer.stride };
}

function groupsOf({ parameterGroups }: Recipe, graph: Graph): GroupInspection[] {
  const parameters = parametersOf(graph);
  return parameterGroups.map((group) => {
    const { name, weightDecay, learningRateFactor = 1 } = group;
    const members = parameters.filter((parameter) => groupOf(parameterGroups, parameter) === group);
    return { name, weightDecay, learningRateFactor, tensors: members.length, elements: elementsOf(members) };
  });
}
