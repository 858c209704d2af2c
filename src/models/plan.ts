import { assertNever } from '../shared/assertNever';
import { type Graph, type Layer, type LayerId, layerParameters } from './graph';

/** One operation at run time: a layer, plus the ReLU after it if the two fuse. */
export interface Step {
  readonly layer: Exclude<Layer, { readonly kind: 'input' }>;
  readonly activation: 'linear' | 'relu';
  readonly inputs: readonly LayerId[];
  /** The layer whose output this step produces: the fused ReLU, or the layer itself. */
  readonly output: LayerId;
  /** Outputs that the backward pass reads: inputs, the step's own output, or nothing. */
  readonly keeps: readonly LayerId[];
  /**
   * Whether the parameters are frozen. Frozen parameters get no gradients, and a frozen batch norm uses its running
   * statistics.
   */
  readonly isFrozen: boolean;
  /** For each input, whether trained parameters precede it and its gradient is therefore needed. */
  readonly needsGradient: readonly boolean[];
  /** Outputs that no later forward pass reads. */
  readonly finishes: readonly LayerId[];
  /** Outputs that no backward pass reads after this step's. Backward passes run in reverse step order. */
  readonly releases: readonly LayerId[];
}

/**
 * Returns the steps of a graph in execution order. Pure arithmetic on the graph: no tensors.
 *
 * @param frozen Names of parameters that are not trained. A layer is frozen if all of its parameters are.
 */
export function plan(graph: Graph, frozen: ReadonlySet<string> = new Set()): Step[] {
  const fused = fusedRelus(graph);
  const isTrainedBefore: boolean[] = [];
  const steps: Omit<Step, 'finishes' | 'releases'>[] = [];
  for (const [id, layer] of graph.layers.entries()) {
    const inputs = inputsOf(layer);
    const needsGradient = inputs.map((input) => isTrainedBefore[input] ?? false);
    const parameters = layerParameters(layer);
    const isFrozen = parameters.length > 0 && parameters.every(({ name }) => frozen.has(name));
    isTrainedBefore[id] = (parameters.length > 0 && !isFrozen) || needsGradient.includes(true);
    if (layer.kind === 'input' || (layer.kind === 'relu' && fused.has(layer.input))) continue;
    const relu = fused.get(id);
    const activation = relu === undefined ? 'linear' : 'relu';
    const output = relu ?? id;
    steps.push({
      layer,
      activation,
      inputs,
      output,
      keeps: isTrainedBefore[id] ? keptBy(layer, activation, inputs, output, isFrozen) : [],
      isFrozen,
      needsGradient,
    });
  }
  const lastReads = lastOf(steps.map(({ inputs }) => inputs));
  const firstKeeps = lastOf(steps.map(({ keeps }) => keeps).toReversed()).toReversed();
  return steps.map((step, index) => ({
    ...step,
    finishes: (lastReads[index] ?? []).filter((id) => id !== graph.output),
    releases: firstKeeps[index] ?? [],
  }));
}

/** For each list, returns the items that no later list contains. */
function lastOf<T>(lists: readonly (readonly T[])[]): T[][] {
  const places = new Map(lists.flatMap((list, place) => list.map((item) => [item, place] as const)));
  const last = lists.map((): T[] => []);
  for (const [item, place] of places) last[place]?.push(item);
  return last;
}

/**
 * Returns the ReLUs that fuse into the batch norm or addition before them, keyed by that layer's id. A ReLU fuses only
 * if it is the sole reader of that layer.
 */
function fusedRelus(graph: Graph): Map<LayerId, LayerId> {
  const reads = new Map<LayerId, number>();
  for (const id of graph.layers.flatMap(inputsOf)) reads.set(id, (reads.get(id) ?? 0) + 1);
  return new Map(
    graph.layers.flatMap((layer, id) => {
      if (layer.kind !== 'relu' || layer.input === graph.output) return [];
      const before = graph.layers[layer.input]?.kind;
      const alone = reads.get(layer.input) === 1;
      return alone && (before === 'batch_norm' || before === 'add') ? [[layer.input, id] as const] : [];
    }),
  );
}

function keptBy(
  layer: Step['layer'],
  activation: Step['activation'],
  inputs: readonly LayerId[],
  output: LayerId,
  isFrozen: boolean,
): readonly LayerId[] {
  switch (layer.kind) {
    case 'conv2d':
    case 'dense':
      return isFrozen ? [] : inputs;
    case 'batch_norm':
      if (isFrozen) return activation === 'relu' ? [output] : [];
      return activation === 'relu' ? [...inputs, output] : inputs;
    case 'relu':
    case 'relu6':
      return [output];
    case 'add':
      return activation === 'relu' ? [output] : [];
    case 'pool':
      return [...inputs, output];
    case 'concat':
    case 'dropout':
    case 'adaptive_average_pool':
    case 'global_average_pool':
    case 'flatten':
      return [];
    default:
      return assertNever(layer);
  }
}

function inputsOf(layer: Layer): readonly LayerId[] {
  switch (layer.kind) {
    case 'input':
      return [];
    case 'add':
    case 'concat':
      return layer.inputs;
    case 'conv2d':
    case 'batch_norm':
    case 'relu':
    case 'relu6':
    case 'dropout':
    case 'pool':
    case 'adaptive_average_pool':
    case 'global_average_pool':
    case 'flatten':
    case 'dense':
      return [layer.input];
    default:
      return assertNever(layer);
  }
}
