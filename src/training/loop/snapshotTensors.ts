import * as tf from '@tensorflow/tfjs-core';
import { buffersOf, parametersOf } from '../../models/graph';
import { AVERAGE_PREFIX, OPTIMIZER_PREFIX, type Snapshot, type TrainingState } from '../../runs/checkpoint';
import type { NamedTensor } from '../../shared/safetensors';
import type { Average } from '../effects/effect';
import type { Network } from '../network/network';
import type { Optimizer } from '../optimizers/optimizer';

/** What carries tensors from step to step, beside the network. */
interface Carriers {
  readonly optimizer: Optimizer;
  readonly average: Average | null;
}

/** A network's parameters, then its buffers. */
export async function tensorsOf(network: Network): Promise<NamedTensor[]> {
  const values = await network.read();
  return [...parametersOf(network.graph), ...buffersOf(network.graph)].map(({ name, shape }) => ({
    name,
    shape,
    values: values.get(name) as Float32Array,
  }));
}

/** What optimizer and moving average carry, as a snapshot names it. */
export async function carriedBy({ optimizer, average }: Carriers): Promise<NamedTensor[]> {
  return [
    ...(await namedTensors(OPTIMIZER_PREFIX, optimizer.state)),
    ...(average ? await namedTensors(AVERAGE_PREFIX, average.tensors) : []),
  ];
}

/**
 * Gives optimizer and moving average back what a snapshot has of theirs.
 *
 * @throws when something is missing in it
 */
export function restoreCarried({ optimizer, average }: Carriers, { carried, state }: CarriedSnapshot): void {
  optimizer.restore(tensorsUnder(OPTIMIZER_PREFIX, carried), state.optimizerCount);
  average?.restore(tensorsUnder(AVERAGE_PREFIX, carried), state.averageUpdates);
}

type CarriedSnapshot = Pick<Snapshot, 'carried'> & { readonly state: TrainingState };

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
