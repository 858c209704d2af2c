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

/** Summary of a recipe's network and how the recipe treats its parameters. Plain data. */
export interface Inspection {
  readonly model: ModelSpec;
  /** Shape of one image. */
  readonly input: ImageShape;
  readonly classes: number;
  /** Number of trainable values. */
  readonly parameters: number;
  /** For one image's forward pass. Counts only convolutions and fully connected layers. */
  readonly multiplyAdds: number;
  /** Number of batch norms whose gamma starts at 0. */
  readonly zeroGammaNorms: number;
  readonly parameterGroups: readonly GroupInspection[];
  /** Weight of each class, if the recipe weights classes unequally. */
  readonly classBalance: readonly ClassBalance[] | null;
  readonly layers: readonly LayerInspection[];
}

export interface GroupInspection {
  readonly name: string;
  readonly weightDecay: number;
  /** Learning rate multiplier; 0 if the group is frozen. */
  readonly learningRateFactor: number;
  readonly tensors: number;
  readonly elements: number;
}

export interface LayerInspection {
  /** Prefix of its parameters' names; null if it has no parameters. */
  readonly name: string | null;
  readonly kind: Exclude<Layer['kind'], 'pool'> | 'max_pool' | 'average_pool';
  /** Window of a convolution or pool, in pixels. */
  readonly window: {
    readonly size: readonly [height: number, width: number];
    readonly stride: number;
  } | null;
  /** Whether it is a convolution with one filter per channel. */
  readonly isDepthwise: boolean;
  /** Shape of its output for one image: [height, width, channels] or [features]. */
  readonly shape: Shape;
  readonly parameters: number;
  readonly multiplyAdds: number;
}

/** Inspects a recipe's network and parameters layer by layer. */
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
