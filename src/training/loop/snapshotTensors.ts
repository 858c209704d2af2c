import * as tf from '@tensorflow/tfjs-core';
import { buffersOf, parametersOf } from '../../models/graph';
import { AVERAGE_PREFIX, OPTIMIZER_PREFIX, type Snapshot, type TrainingState } from '../../runs/checkpoint';
import type { NamedTensor } from '../../shared/safetensors';
import type { Average } from '../effects/effect';
import type { Network } from '../network/network';
import type { Optimizer } from '../optimizers/optimizer';

/** The owners of tensors that persist between steps, except the network. */
interface Carriers {
  readonly optimizer: Optimizer;
  readonly average: Average | null;
}

/** Returns a network's parameters, then its buffers. */
export async function tensorsOf(network: Network): Promise<NamedTensor[]> {
  const values = await network.read();
  return [...parametersOf(network.graph), ...buffersOf(network.graph)].map(({ name, shape }) => ({
    name,
    shape,
    values: values.get(name) as Float32Array,
  }));
}

/** Returns the state of optimizer and moving average, named as in a snapshot. */
export async function trainingTensorsOf({ optimizer, average }: Carriers): Promise<NamedTensor[]> {
  return [
    ...(await namedTensors(OPTIMIZER_PREFIX, optimizer.state)),
    ...(average ? await namedTensors(AVERAGE_PREFIX, average.tensors) : []),
  ];
}

/**
 * Restores the state of optimizer and moving average from a snapshot.
 *
 * @throws if the snapshot lacks a part
 */
export function restoreTrainingTensors(
  { optimizer, average }: Carriers,
  { trainingTensors, state }: TrainingSnapshot,
): void {
  optimizer.restore(tensorsUnder(OPTIMIZER_PREFIX, trainingTensors), state.optimizerCount);
  average?.restore(tensorsUnder(AVERAGE_PREFIX, trainingTensors), state.averageUpdates);
}

type TrainingSnapshot = Pick<Snapshot, 'trainingTensors'> & { readonly state: TrainingState };

function namedTensors(prefix: string, tensors: ReadonlyMap<string, tf.Tensor>): Promise<NamedTensor[]> {
  return Promise.all(
    [...tensors].map(async ([name, tensor]) => ({
      name: `${prefix}${name}`,
      shape: tensor.shape,
      values: await tensor.data<'float32'>(),
    })),
  );
}

function tensorsUnder(prefix: string, named: readonly NamedTensor[]): Map<string, tf.Tensor> {
  const own = named.filter(({ name }) => name.startsWith(prefix));
  return new Map(
    own.map(({ name, shape, values }) => [name.slice(prefix.length), tf.tensor(values, [...shape])]),
  );
}
