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

/** The gradient of each trained parameter, by name, in layer order. The receiver disposes them. */
export type Gradients = ReadonlyMap<string, tf.Tensor>;

/** A forward pass in training. It keeps what its backward pass needs until `backward` or `dispose` is called. */
export interface TrainingPass {
  /** [batch, classes]. Disposed with the pass. */
  readonly logits: tf.Tensor2D;
  /**
   * Returns the gradients of the trained parameters, given that of the logits, which the caller keeps owning. Ends the
   * pass.
   */
  backward(dLogits: tf.Tensor2D): Gradients;
  /** Ends a pass without a backward pass. No-op if the pass has ended. */
  dispose(): void;
}

type BatchNormLayer = Extract<Step['layer'], { kind: 'batch_norm' }>;

/** The dropout masks of a pass, by the output of each dropout layer. */
export type Masks = ReadonlyMap<LayerId, tf.Tensor>;

/** Buffers saved at some step, to restore or discard. Either call ends it. */
export interface HeldBuffers {
  restore(): void;
  dispose(): void;
}

/** The tensors that a training pass keeps and owns for its backward pass. */
interface Kept {
  /** Outputs by the layer that produced them. */
  readonly outputs: Map<LayerId, tf.Tensor>;
  /** Batch statistics by the output of the batch norm. */
  readonly statistics: Map<LayerId, BatchStatistics>;
  readonly masks: Map<LayerId, tf.Tensor>;
  readonly shards: BatchShards | null;
}

/**
 * Executes a graph: a static list of steps with hand-written backward passes. There is no gradient tape, and every
 * tensor has an owner. Images are [batch, height, width, channels].
 *
 * In half precision, the images, the output of each layer, and the gradients of outputs and parameters are rounded to
 * it. The working kernels and biases are rounded copies of float32 parameters, which receive the updates. Sums within a
 * layer are in float32, as on tensor cores. The gamma, beta and statistics of batch norms and the gradients of gamma
 * and beta stay in float32, and so does everything after the logits (Micikevicius et al. 2018, section 3).
 *
 * Do not call `forward` and `backward` within `tf.tidy`, which would dispose the tensors that they keep.
 */
export class Network {
  readonly #steps: readonly Step[];
  /** Outputs that a backward pass reads. */
  readonly #kept: ReadonlySet<LayerId>;
  readonly #parameters: Map<string, tf.Tensor>;
  readonly #buffers: Map<string, tf.Tensor>;
  /** Parameters used in the network's precision. */
  readonly #halved: ReadonlySet<string>;
  /** Their rounded copies, created on first use after an update. */
  readonly #inUse = new Map<string, tf.Tensor>();
  /** Frozen parameters, and the running statistics of frozen batch norms. */
  readonly #frozen: ReadonlySet<string>;
  /** Names of the trained parameters, in layer order. Only these have gradients. */
  readonly trained: readonly string[];
  /** Called with the name of each replaced parameter or buffer. For owners of copies. */
  onAssign: ((name: string) => void) | null = null;

  /**
   * @param values Initial parameters and buffers by name, each in its spec's shape.
   * @param precision The precision to compute in.
   * @param frozen Names of parameters that are not trained: they get no gradients. A batch norm with all its parameters
   *   frozen uses its running statistics in training too, and does not update them.
   * @throws if a value is missing or has another size.
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

  /** All trainable parameters by name, in layer order, in float32. The network owns them: replace one with `assign`. */
  get parameters(): ReadonlyMap<string, tf.Tensor> {
    return this.#parameters;
  }

  /** Returns whether training does not change a parameter or buffer. */
  isFrozen(name: string): boolean {
    return this.#frozen.has(name);
  }

  /** All buffers by name, in layer order. The network owns them: replace one with `assign`. */
  get buffers(): ReadonlyMap<string, tf.Tensor> {
    return this.#buffers;
  }

  /** Replaces a parameter or buffer. Takes ownership of `tensor` and disposes the old one. */
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

  /** Saves the buffers for a step that may have to be undone. Do not call it within `tf.tidy`. */
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

  /** Reads the values of all parameters and buffers by name, in the layout of their specs. */
  async read(): Promise<Map<string, Float32Array>> {
    const tensors = [...this.#parameters, ...this.#buffers];
    return new Map(
      await Promise.all(
        tensors.map(async ([name, tensor]) => [name, await tensor.data<'float32'>()] as const),
      ),
    );
  }

  /** Returns logits [batch, classes], using the running statistics. The caller disposes them. */
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

  /** Draws the dropout masks for a pass of `images` images. Empty if the graph has no dropout. */
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
   * Runs a training step's forward pass. Normalizes with the batch statistics and updates the running ones. The caller
   * owns the images and may dispose them immediately. The pass owns the masks.
   *
   * @param masks From `drawMasks`; a graph without dropout needs none.
   * @param shards Set if the images are a shard of a batch: batch norms use the whole batch, and the gradients are this
   *   shard's contribution to those of the whole batch.
   * @throws also if a thread with another shard is lost
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

  /** Runs a training step's batch norm. Keeps its statistics and updates the running ones. */
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

  /** Propagates the output's gradient back to the images, layer by layer, and collects the parameter gradients. */
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

  /** Rounds a tensor to the network's precision. Takes ownership of it. */
  #rounded(tensor: tf.Tensor): tf.Tensor {
    if (this.precision === 'float32') return tensor;
    const rounded = roundTensor(tensor, this.precision);
    tensor.dispose();
    return rounded;
  }

  /** Rounds a tensor to the network's precision and stores it as float32, for sums. Takes ownership of it. */
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
    // `tf.keep`, because steps run within `tf.tidy`.
    const rounded = tf.keep(this.#rounded(parameter.clone()));
    this.#inUse.set(name, rounded);
    return rounded as T;
  };
}

function frozenBuffers({ layer, isFrozen }: Step): string[] {
  return isFrozen && layer.kind === 'batch_norm' ? [layer.runningMean.name, layer.runningVariance.name] : [];
}

/** Returns whether a half-precision network uses a parameter in half precision. */
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
      // A copy, because the cpu backend computes in place on the given array.
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
