import * as tf from '@tensorflow/tfjs-core';
import type { BatchShards } from '../../backends/batchShards';
import type { Precision } from '../../backends/precision/formats';
import { roundTensor } from '../../backends/precision/roundTensor';
import {
  buffersOf,
  type Graph,
  type LayerId,
  type ParameterSpec,
  parametersOf,
  sizeOf,
} from '../../models/graph';
import { plan, type Step } from '../../models/plan';
import { type BatchStatistics, batchNormTraining } from '../ops/batchNorm';
import { dropoutMask } from '../ops/dropout';
import type { Random } from '../random';
import { runBackward, runForward } from './layers';

/** The gradient of each trained parameter, by name, in layer order. Whoever receives them disposes them. */
export type Gradients = ReadonlyMap<string, tf.Tensor>;

/** A forward pass in training. It holds what its backward pass needs until that, or `dispose`, is called. */
export interface TrainingPass {
  /** [batch, classes]; disposed with the pass. */
  readonly logits: tf.Tensor2D;
  /** Gradients of the trained parameters from that of the logits, which stays the caller's. Ends the pass. */
  backward(dLogits: tf.Tensor2D): Gradients;
  /** Ends a pass without a backward pass. Does nothing to one that ended. */
  dispose(): void;
}

type BatchNormLayer = Extract<Step['layer'], { kind: 'batch_norm' }>;

/** What each dropout of a pass multiplies by, by its output. */
export type Masks = ReadonlyMap<LayerId, tf.Tensor>;

/** Buffers as they were at some step, to go back to or to let go. Either ends it. */
export interface HeldBuffers {
  restore(): void;
  dispose(): void;
}

/** What a training pass keeps for its backward pass, and owns. */
interface Kept {
  /** By the layer they come from. */
  readonly outputs: Map<LayerId, tf.Tensor>;
  /** The batch's own, by the batch norm's output. */
  readonly statistics: Map<LayerId, BatchStatistics>;
  readonly masks: Map<LayerId, tf.Tensor>;
  readonly shards: BatchShards | null;
}

/**
 * Executes a graph: a static list of steps with hand-written backward passes, so that there is no gradient tape
 * and every tensor has an owner. Images are [batch, height, width, channels].
 *
 * In half precision the images, each layer's output, and the gradients of both outputs and parameters are rounded
 * to it, and so are the kernels and biases in use, copies of float32 parameters that updates go to. Sums within a
 * layer are in float32, as tensor cores have them. Batch norms' gamma, beta, statistics and the gradients of the
 * two stay in float32, and so does what comes after the logits (Micikevicius et al. 2018, section 3).
 *
 * `forward` and `backward` are not to be called within `tf.tidy`, which would dispose what they keep.
 */
export class Network {
  readonly #steps: readonly Step[];
  /** Outputs that some backward pass reads. */
  readonly #kept: ReadonlySet<LayerId>;
  readonly #parameters: Map<string, tf.Tensor>;
  readonly #buffers: Map<string, tf.Tensor>;
  /** Parameters that are used in the network's precision. */
  readonly #halved: ReadonlySet<string>;
  /** Their rounded copies, made at their first use after an update. */
  readonly #inUse = new Map<string, tf.Tensor>();
  /** Frozen parameters, and the running statistics of frozen batch norms. */
  readonly #frozen: ReadonlySet<string>;
  /** The names of the parameters that are trained, in layer order: those that gradients are of. */
  readonly trained: readonly string[];
  /** Told of each parameter or buffer that was replaced, by whoever has copies. */
  onAssign: ((name: string) => void) | null = null;

  /**
   * @param values Initial parameters and buffers by name, each in its spec's shape.
   * @param precision What it computes in.
   * @param frozen Parameters that are not trained, by name: they get no gradients. Batch norms all of whose
   *   parameters are frozen go by their running statistics in training as well, and leave them as they are.
   * @throws when one is missing or has another size.
   */
  constructor(
    readonly graph: Graph,
    values: ReadonlyMap<string, Float32Array>,
    readonly precision: Precision = 'float32',
    frozen: ReadonlySet<string> = new Set(),
  ) {
    this.#steps = plan(graph, frozen);
    this.#frozen = new Set([...frozen, ...this.#steps.flatMap(frozenBuffers)]);
    this.#kept = new Set([graph.output, ...this.#steps.flatMap(({ keeps }) => keeps)]);
    this.#parameters = tensorsOf(parametersOf(graph), values);
    this.#buffers = tensorsOf(buffersOf(graph), values);
    this.trained = [...this.#parameters.keys()].filter((name) => !frozen.has(name));
    const halved = precision === 'float32' ? [] : parametersOf(graph).filter(isRounded);
    this.#halved = new Set(halved.map(({ name }) => name));
  }

  /**
   * Every trainable parameter by name, in layer order, in float32. The network owns them: replace one with
   * `assign`.
   */
  get parameters(): ReadonlyMap<string, tf.Tensor> {
    return this.#parameters;
  }

  /** Whether training leaves a parameter or buffer as it is. */
  isFrozen(name: string): boolean {
    return this.#frozen.has(name);
  }

  /** Every buffer by name, in layer order. The network owns them: replace one with `assign`. */
  get buffers(): ReadonlyMap<string, tf.Tensor> {
    return this.#buffers;
  }

  /** Replaces a parameter or buffer: takes ownership of `tensor` and disposes the old one. */
  assign(name: string, tensor: tf.Tensor): void {
    const owner = this.#parameters.has(name) ? this.#parameters : this.#buffers;
    const old = owner.get(name);
    if (!old) throw new Error(`The network has no parameter or buffer ${name}`);
    if (old.shape.join() !== tensor.shape.join()) {
      throw new Error(`${name} has the shape [${old.shape}], not [${tensor.shape}]`);
    }
    owner.set(name, tensor);
    old.dispose();
    this.#inUse.get(name)?.dispose();
    this.#inUse.delete(name);
    this.onAssign?.(name);
  }

  /** Holds the buffers as they are, for a step that may have to be undone. Not to be called within `tf.tidy`. */
  holdBuffers(): HeldBuffers {
    const held = new Map([...this.#buffers].map(([name, tensor]) => [name, tensor.clone()]));
    return {
      restore: () => {
        for (const [name, tensor] of held) this.assign(name, tensor);
        held.clear();
      },
      dispose: () => {
        tf.dispose([...held.values()]);
        held.clear();
      },
    };
  }

  /** The values of all parameters and buffers by name, in their specs' layout. */
  async read(): Promise<Map<string, Float32Array>> {
    const tensors = [...this.#parameters, ...this.#buffers];
    return new Map(
      await Promise.all(
        tensors.map(async ([name, tensor]) => [name, await tensor.data<'float32'>()] as const),
      ),
    );
  }

  /** Logits [batch, classes] under the running statistics. They are the caller's to dispose. */
  predict(images: tf.Tensor4D): tf.Tensor2D {
    const outputs = new Map<LayerId, tf.Tensor>([[0, this.#rounded(images.clone())]]);
    for (const step of this.#steps) {
      const output = runForward(step, this.#parameter, {
        input: inputReader(step, outputs),
        statistics: () => this.#runningStatistics(step),
        mask: () => null,
      });
      outputs.set(step.output, this.#rounded(output));
      for (const id of step.finishes) drop(outputs, id);
    }
    return found(outputs, this.graph.output) as tf.Tensor2D;
  }

  /** Draws what dropout leaves out of a pass of so many images; none where the graph has no dropout. */
  drawMasks(images: number, random: Random): Masks {
    const masks = new Map<LayerId, tf.Tensor>();
    for (const { layer, inputs, output } of this.#steps) {
      if (layer.kind !== 'dropout') continue;
      const shape = this.graph.layers[inputs[0] as LayerId]?.shape ?? [];
      masks.set(output, dropoutMask([images, ...shape], layer, random));
    }
    return masks;
  }

  /**
   * A training step's forward pass: normalises by the batch's own statistics and updates the running ones. The
   * images stay the caller's, who may dispose them at once; the masks are the pass's.
   *
   * @param masks What `drawMasks` drew for it; a graph without dropout needs none.
   * @param shards Where the images are a shard of a batch: batch norms go by the whole batch, and the gradients are
   *   what this shard adds to the whole batch's.
   * @throws also when a thread that has another shard is lost
   */
  forward(images: tf.Tensor4D, masks: Masks = new Map(), shards: BatchShards | null = null): TrainingPass {
    const kept: Kept = {
      outputs: new Map([[0, this.#rounded(images.clone())]]),
      statistics: new Map(),
      masks: new Map(masks),
      shards,
    };
    const dispose = () => {
      tf.dispose([...kept.outputs.values(), ...[...kept.statistics.values()].flatMap(Object.values)]);
      tf.dispose([...kept.masks.values()]);
      for (const tensors of [kept.outputs, kept.statistics, kept.masks]) tensors.clear();
    };
    try {
      for (const step of this.#steps) this.#runTraining(step, kept);
    } catch (error) {
      dispose();
      throw error;
    }
    return {
      logits: found(kept.outputs, this.graph.output) as tf.Tensor2D,
      backward: (dLogits) => {
        try {
          return this.#backward(dLogits, kept);
        } finally {
          dispose();
        }
      },
      dispose,
    };
  }

  /** Disposes all parameters and buffers. */
  dispose(): void {
    for (const tensors of [this.#parameters, this.#buffers, this.#inUse]) {
      tf.dispose([...tensors.values()]);
      tensors.clear();
    }
  }

  #runTraining(step: Step, kept: Kept): void {
    const { outputs, masks } = kept;
    if (step.layer.kind === 'dropout' && !masks.has(step.output)) {
      throw new Error('A graph with dropout trains with random numbers');
    }
    const input = inputReader(step, outputs);
    const output =
      step.layer.kind === 'batch_norm' && !step.isFrozen
        ? this.#normalized(step, step.layer, input() as tf.Tensor4D, kept)
        : runForward(step, this.#parameter, {
            input,
            statistics: () => this.#runningStatistics(step),
            mask: () => found(masks, step.output),
          });
    outputs.set(step.output, this.#rounded(output));
    for (const id of step.finishes) if (!this.#kept.has(id)) drop(outputs, id);
  }

  /** A training step's batch norm, its statistics kept and taken into the running ones. */
  #normalized(
    step: Step,
    { gamma, beta, epsilon, momentum, runningMean, runningVariance }: BatchNormLayer,
    x: tf.Tensor4D,
    { statistics, shards }: Kept,
  ): tf.Tensor4D {
    const scale = {
      gamma: this.#parameter<tf.Tensor1D>(gamma),
      beta: this.#parameter<tf.Tensor1D>(beta),
      epsilon,
    };
    const before = this.#runningStatistics(step);
    const batch = batchNormTraining(x, scale, step.activation, before, momentum, shards);
    statistics.set(step.output, batch.statistics);
    this.assign(runningMean.name, batch.running.mean);
    this.assign(runningVariance.name, batch.running.variance);
    return batch.y;
  }

  #backward(dLogits: tf.Tensor2D, kept: Kept): Gradients {
    const dOutputs = new Map<LayerId, tf.Tensor>([[this.graph.output, this.#rounded(dLogits.clone())]]);
    const gradients = new Map<string, tf.Tensor>();
    try {
      this.#differentiate(dLogits.shape[0], kept, dOutputs, gradients);
      return new Map(this.trained.map((name) => [name, found(gradients, name)]));
    } catch (error) {
      tf.dispose([...dOutputs.values(), ...gradients.values()]);
      throw error;
    }
  }

  /** Takes the output's gradient back to the images, layer by layer, and collects the parameters'. */
  #differentiate(
    batch: number,
    { outputs, statistics, masks, shards }: Kept,
    dOutputs: Map<LayerId, tf.Tensor>,
    gradients: Map<string, tf.Tensor>,
  ): void {
    for (const step of this.#steps.toReversed()) {
      const dy = dOutputs.get(step.output);
      if (!dy) continue;
      const inputShapes = step.inputs.map((id) => [batch, ...(this.graph.layers[id]?.shape ?? [])]);
      const tensors = {
        input: inputReader(step, outputs),
        output: () => found(outputs, step.output),
        statistics: () => (step.isFrozen ? this.#runningStatistics(step) : found(statistics, step.output)),
        mask: () => found(masks, step.output),
        shards,
      };
      const { inputs, parameters } = runBackward(step, this.#parameter, tensors, dy, inputShapes);
      for (const [index, dInput] of inputs.entries()) {
        if (dInput) this.#accumulate(dOutputs, step.inputs[index], this.#rounded(dInput));
      }
      for (const [name, gradient] of parameters) {
        gradients.set(name, this.#halved.has(name) ? this.#roundedWide(gradient) : gradient);
      }
      drop(dOutputs, step.output);
      for (const id of step.releases) drop(outputs, id);
    }
  }

  #runningStatistics({ layer }: Step): BatchStatistics {
    if (layer.kind !== 'batch_norm') throw new Error(`A ${layer.kind} layer has no statistics`);
    return {
      mean: found(this.#buffers, layer.runningMean.name) as tf.Tensor1D,
      variance: found(this.#buffers, layer.runningVariance.name) as tf.Tensor1D,
    };
  }

  /** Adds to the gradient of an output that several steps read. Takes ownership of `gradient`. */
  #accumulate(dOutputs: Map<LayerId, tf.Tensor>, id: LayerId | undefined, gradient: tf.Tensor): void {
    if (id === undefined) throw new Error('A step has more gradients than inputs');
    const others = dOutputs.get(id);
    if (!others) {
      dOutputs.set(id, gradient);
      return;
    }
    dOutputs.set(id, this.#rounded(tf.add(others, gradient)));
    tf.dispose([others, gradient]);
  }

  /** The tensor in the network's precision. Takes ownership of it. */
  #rounded(tensor: tf.Tensor): tf.Tensor {
    if (this.precision === 'float32') return tensor;
    const rounded = roundTensor(tensor, this.precision);
    tensor.dispose();
    return rounded;
  }

  /** The tensor rounded to the network's precision and stored as float32, for sums. Takes ownership of it. */
  #roundedWide(tensor: tf.Tensor): tf.Tensor {
    const rounded = this.#rounded(tensor);
    const wide = tf.cast(rounded, 'float32');
    rounded.dispose();
    return wide;
  }

  readonly #parameter = <T extends tf.Tensor>({ name }: { readonly name: string }): T => {
    const parameter = found(this.#parameters, name);
    if (!this.#halved.has(name)) return parameter as T;
    const known = this.#inUse.get(name);
    if (known) return known as T;
    // Kept, because steps run within `tf.tidy`.
    const rounded = tf.keep(this.#rounded(parameter.clone()));
    this.#inUse.set(name, rounded);
    return rounded as T;
  };
}

function frozenBuffers({ layer, isFrozen }: Step): string[] {
  return isFrozen && layer.kind === 'batch_norm' ? [layer.runningMean.name, layer.runningVariance.name] : [];
}

/** Whether a half-precision network uses a parameter in half precision. */
function isRounded({ kind }: ParameterSpec): boolean {
  return kind === 'kernel' || kind === 'bias';
}

function tensorsOf(
  specs: readonly { readonly name: string; readonly shape: readonly number[] }[],
  values: ReadonlyMap<string, Float32Array>,
): Map<string, tf.Tensor> {
  return new Map(
    specs.map(({ name, shape }) => {
      const value = found(values, name);
      if (value.length !== sizeOf(shape)) {
        throw new Error(`${name} has ${value.length} values, not those of [${shape}]`);
      }
      // A copy, because the cpu backend computes on the array it is given.
      return [name, tf.tensor(value.slice(), [...shape])];
    }),
  );
}

function inputReader({ inputs }: Step, outputs: ReadonlyMap<LayerId, tf.Tensor>) {
  return (index = 0) => found(outputs, inputs[index] ?? Number.NaN);
}

function found<K, V>(map: ReadonlyMap<K, V>, key: K): V {
  const value = map.get(key);
  if (value === undefined) throw new Error(`There is no ${key}`);
  return value;
}

function drop(tensors: Map<LayerId, tf.Tensor>, id: LayerId): void {
  found(tensors, id).dispose();
  tensors.delete(id);
}
