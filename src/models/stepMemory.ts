import { elementsOf, type Graph, type LayerId, parametersOf, sizeOf } from './graph';
import { plan, type Step } from './plan';

/** Training options that affect memory. */
export interface MemoryOptions {
  /** Weight-sized tensors kept between steps, e.g. momentum. */
  readonly statesPerWeight: number;
  /** 4 for single precision, 2 for half. Weights and their gradients are in single precision either way. */
  readonly bytesPerActivation: 2 | 4;
}

/** Peak memory of a training step in bytes: a fixed part plus a part per image. */
export interface StepMemory {
  /** Weights, their gradients, the tensors kept between steps, and room to update one weight. */
  readonly fixedBytes: number;
  /** Outputs that the backward pass reads, gradients of outputs, and temporary tensors. */
  readonly bytesPerImage: number;
}

const FLOAT_BYTES = 4;

/**
 * Estimates the memory of a training step from its graph alone. It walks through the step as the trainer runs it and
 * counts every tensor from its creation to its release. An engine's temporary memory within a layer counts as one more
 * copy of the layer's largest tensor. For an update it counts as the largest weight. The estimate is within a quarter
 * of the actual tensor memory on the engines `wasm` and `tensorflow`. It excludes programs, data sets and an engine's
 * tables.
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

/** Returns the largest batch that fits in `limitBytes`; 0 if not even one image fits. */
export function largestBatch({ fixedBytes, bytesPerImage }: StepMemory, limitBytes: number): number {
  return Math.max(0, Math.floor((limitBytes - fixedBytes) / bytesPerImage));
}

/** Returns the bytes that a step on a batch of `images` takes. */
export function batchBytes({ fixedBytes, bytesPerImage }: StepMemory, images: number): number {
  return fixedBytes + images * bytesPerImage;
}

/** Cache by graph, because an editor asks for the same graph many times. */
const known = new WeakMap<Graph, number>();

/** Returns the peak number of values held per image. */
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
