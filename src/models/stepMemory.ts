import { elementsOf, type Graph, type LayerId, parametersOf, sizeOf } from './graph';
import { plan, type Step } from './plan';

/** What depends on how a graph is trained. */
export interface MemoryOptions {
  /** Tensors the size of the weights that are kept from step to step, such as momentum. */
  readonly statesPerWeight: number;
  /** 4 for single precision, 2 for half; weights and their gradients are in single precision either way. */
  readonly bytesPerActivation: 2 | 4;
}

/** What a training step holds in memory when it holds most, in bytes: `fixed` and so much for each image. */
export interface StepMemory {
  /** Weights, their gradients, what is kept from step to step, and room to update one. */
  readonly fixedBytes: number;
  /** Outputs that the backward pass reads, gradients of outputs, and what is under way. */
  readonly bytesPerImage: number;
}

const FLOAT_BYTES = 4;

/**
 * Estimates the memory of a training step from its graph alone: the step is gone through as the trainer does it,
 * every tensor counted from when it is made to when it is let go. What an engine takes for a moment within a layer
 * is taken as the layer's largest tensor once more, and for an update as the largest weight. Within a quarter of what
 * the tensors on the engines `wasm` and `tensorflow` come to; programs, data sets and an engine's tables are beside it.
 */
export function stepMemory(graph: Graph, options: MemoryOptions): StepMemory {
  const { statesPerWeight, bytesPerActivation } = options;
  const parameters = parametersOf(graph);
  const weights = elementsOf(parameters);
  const largest = Math.max(0, ...parameters.map(({ shape }) => sizeOf(shape)));
  const inHalf = bytesPerActivation === 2 ? weights * bytesPerActivation : 0;
  return {
    fixedBytes: FLOAT_BYTES * (weights * (2 + statesPerWeight) + largest) + inHalf,
    bytesPerImage: mostAtOnce(graph) * bytesPerActivation,
  };
}

/** The most images a batch can have where a step may take so many bytes; 0 where not even one fits. */
export function largestBatch({ fixedBytes, bytesPerImage }: StepMemory, limitBytes: number): number {
  return Math.max(0, Math.floor((limitBytes - fixedBytes) / bytesPerImage));
}

/** The bytes that a step on a batch of so many images takes. */
export function batchBytes({ fixedBytes, bytesPerImage }: StepMemory, images: number): number {
  return fixedBytes + images * bytesPerImage;
}

/** What was worked out of a graph before: an editor asks for the same one many times. */
const known = new WeakMap<Graph, number>();

/** Values of one image that are held at once, at most. */
function mostAtOnce(graph: Graph): number {
  const most = known.get(graph) ?? mostOf(graph, plan(graph));
  known.set(graph, most);
  return most;
}

function mostOf(graph: Graph, steps: readonly Step[]): number {
  const size = (id: LayerId) => sizeOf(graph.layers[id]?.shape ?? []);
  const kept = new Set([graph.output, ...steps.flatMap(({ keeps }) => keeps)]);
  const sizesOf = (ids: readonly LayerId[]) => ids.reduce((sum, id) => sum + size(id), 0);
  let held = size(0);
  let most = held;
  for (const { inputs, output, finishes } of steps) {
    held += size(output);
    most = Math.max(most, held + Math.max(...[...inputs, output].map(size)));
    held -= sizesOf(finishes.filter((id) => !kept.has(id)));
  }
  const gradients = new Set([graph.output]);
  held += size(graph.output);
  for (const { inputs, output, needsGradient, releases } of steps.toReversed()) {
    const needed = inputs.filter((_, index) => needsGradient[index]);
    const largest = Math.max(...[...inputs, output].map(size));
    most = Math.max(most, held + sizesOf(needed) + largest);
    for (const id of needed) {
      if (!gradients.has(id)) held += size(id);
      gradients.add(id);
    }
    held -= size(output) + sizesOf(releases);
  }
  return most;
}
