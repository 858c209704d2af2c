import * as tf from '@tensorflow/tfjs-core';
import type { BatchShards } from '../../backends/batchShards';
import type { Step } from '../../models/plan';
import { assertNever } from '../../shared/assertNever';
import { adaptiveAveragePool, adaptiveAveragePoolGradient } from '../ops/adaptiveAveragePool';
import { add } from '../ops/add';
import {
  type BatchStatistics,
  batchNorm,
  batchNormGradients,
  frozenBatchNormGradient,
} from '../ops/batchNorm';
import { channelSum, rowSum } from '../ops/channels';
import { concat, concatGradient } from '../ops/concat';
import { addBias, conv2d, conv2dInputGradient, conv2dKernelGradient } from '../ops/convolution/conv2d';
import { dense, denseInputGradient, denseKernelGradient } from '../ops/dense';
import { dropout } from '../ops/dropout';
import { flatten } from '../ops/flatten';
import { globalAveragePool, globalAveragePoolGradient } from '../ops/globalAveragePool';
import { pool, poolGradient } from '../ops/pool';
import { relu, reluGradient } from '../ops/relu';
import { relu6, relu6Gradient } from '../ops/relu6';

/** Looks up a parameter by its spec. */
export type Parameters = <T extends tf.Tensor>(spec: { readonly name: string }) => T;

/** The tensors that a step reads. The backward pass gets only the inputs and outputs that the step keeps. */
export interface StepTensors {
  readonly input: (index?: number) => tf.Tensor;
  readonly output: () => tf.Tensor;
  /** The statistics that its batch norm normalizes with. */
  readonly statistics: () => BatchStatistics;
  /** The mask of its dropout. Null if nothing is dropped. */
  readonly mask: () => tf.Tensor | null;
  /** Set if the images are a shard of a batch. Batch norm then sums over the whole batch. */
  readonly shards: BatchShards | null;
}

/** Computes a step's output. */
export function runForward(
  { layer, activation, inputs }: Step,
  parameters: Parameters,
  { input, statistics, mask }: Omit<StepTensors, 'output' | 'shards'>,
): tf.Tensor {
  const image = (index?: number) => input(index) as tf.Tensor4D;
  const vector = () => input() as tf.Tensor2D;
  return tf.tidy(() => {
    switch (layer.kind) {
      case 'conv2d': {
        const y = conv2d(image(), parameters(layer.kernel), layer);
        return layer.bias ? addBias(y, parameters(layer.bias)) : y;
      }
      case 'batch_norm': {
        const scale = {
          gamma: parameters<tf.Tensor1D>(layer.gamma),
          beta: parameters<tf.Tensor1D>(layer.beta),
        };
        return batchNorm(image(), statistics(), { ...scale, epsilon: layer.epsilon }, activation);
      }
      case 'relu':
        return relu(input());
      case 'relu6':
        return relu6(input());
      case 'add':
        return add(image(0), image(1), activation);
      case 'concat':
        return concat(inputs.map((_, index) => image(index)));
      case 'dropout': {
        const drawn = mask();
        return drawn ? dropout(input(), drawn) : input().clone();
      }
      case 'pool':
        return pool(image(), layer);
      case 'adaptive_average_pool':
        return adaptiveAveragePool(image(), [layer.shape[0], layer.shape[1]]);
      case 'global_average_pool':
        return globalAveragePool(image());
      case 'flatten':
        return flatten(input());
      case 'dense':
        return dense(vector(), parameters(layer.kernel), layer.bias ? parameters(layer.bias) : undefined);
      default:
        return assertNever(layer);
    }
  });
}

export interface StepGradients {
  /** One gradient per input. Null if no parameter precedes the input. */
  readonly inputs: readonly (tf.Tensor | null)[];
  readonly parameters: ReadonlyMap<string, tf.Tensor>;
}

/** Computes a step's gradients, given its output's gradient. `inputShapes` are full shapes, including the batch. */
export function runBackward(
  { layer, activation, isFrozen, needsGradient }: Step,
  parameters: Parameters,
  { input, output, statistics, mask, shards }: StepTensors,
  dy: tf.Tensor,
  inputShapes: readonly (readonly number[])[],
): StepGradients {
  const image = () => input() as tf.Tensor4D;
  const dImage = dy as tf.Tensor4D;
  const imageShape = inputShapes[0] as tf.Tensor4D['shape'];
  const ifNeeded = (gradient: () => tf.Tensor) => (needsGradient[0] ? gradient() : null);
  const only = (gradient: () => tf.Tensor) => ({ inputs: [ifNeeded(gradient)], parameters: new Map() });
  switch (layer.kind) {
    case 'conv2d': {
      const { kernel, bias } = layer;
      const weights = parameters<tf.Tensor4D>(kernel);
      const gradients = new Map<string, tf.Tensor>();
      if (!isFrozen) {
        gradients.set(kernel.name, conv2dKernelGradient(image(), dImage, weights.shape, layer));
        if (bias) gradients.set(bias.name, channelSum(dImage));
      }
      return {
        inputs: [ifNeeded(() => conv2dInputGradient(dImage, weights, imageShape, layer))],
        parameters: gradients,
      };
    }
    case 'batch_norm': {
      const { gamma, beta, epsilon } = layer;
      const y = activation === 'relu' ? (output() as tf.Tensor4D) : null;
      const scale = { gamma: parameters<tf.Tensor1D>(gamma), epsilon };
      if (isFrozen) return only(() => frozenBatchNormGradient(dImage, y, statistics(), scale));
      const { dx, dGamma, dBeta } = batchNormGradients(dImage, image(), y, statistics(), scale, shards);
      // Computed with the others, but not needed behind a frozen layer.
      if (!needsGradient[0]) dx.dispose();
      return {
        inputs: [needsGradient[0] ? dx : null],
        parameters: new Map([
          [gamma.name, dGamma],
          [beta.name, dBeta],
        ]),
      };
    }
    case 'relu':
      return only(() => reluGradient(dy, output()));
    case 'relu6':
      return only(() => relu6Gradient(dy, output()));
    case 'add': {
      const dSum = activation === 'relu' ? reluGradient(dy, output()) : dy.clone();
      const inputs = needsGradient.map((needed) => (needed ? dSum.clone() : null));
      dSum.dispose();
      return { inputs, parameters: new Map() };
    }
    case 'concat': {
      let first = 0;
      const inputs = inputShapes.map((shape, index) => {
        const channels = shape.at(-1) as number;
        const gradient = needsGradient[index] ? concatGradient(dImage, first, channels) : null;
        first += channels;
        return gradient;
      });
      return { inputs, parameters: new Map() };
    }
    case 'dropout': {
      const drawn = mask();
      return only(() => (drawn ? dropout(dy, drawn) : dy.clone()));
    }
    case 'pool':
      return only(() => poolGradient(dImage, image(), output() as tf.Tensor4D, layer));
    case 'adaptive_average_pool':
      return only(() => adaptiveAveragePoolGradient(dImage, imageShape));
    case 'global_average_pool':
      return only(() => globalAveragePoolGradient(dy as tf.Tensor2D, imageShape));
    case 'flatten':
      return only(() => tf.reshape(dy, [...imageShape]));
    case 'dense': {
      const { kernel, bias } = layer;
      const dVector = dy as tf.Tensor2D;
      const gradients = new Map<string, tf.Tensor>();
      if (!isFrozen) {
        gradients.set(kernel.name, denseKernelGradient(input() as tf.Tensor2D, dVector));
        if (bias) gradients.set(bias.name, rowSum(dVector));
      }
      return {
        inputs: [ifNeeded(() => denseInputGradient(dVector, parameters(kernel)))],
        parameters: gradients,
      };
    }
    default:
      return assertNever(layer);
  }
}
