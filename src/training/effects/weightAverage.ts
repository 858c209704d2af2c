import * as tf from '@tensorflow/tfjs-core';
import type { AveragingRecipe } from '../../recipe/recipe';
import type { Network } from '../network/network';
import type { Average, AveragingEffect } from './effect';

/**
 * The moving average of a network's parameters and buffers over the steps, evaluated in their place. With warmup, its
 * decay at step t (0, 1, ...) is at most (1 + t) / (10 + t), TensorFlow's `num_updates`, so that the initial weights
 * fade quickly. It owns its tensors.
 */
export class WeightAverage implements Average {
  readonly #recipe: AveragingRecipe;
  readonly #average: Map<string, tf.Tensor>;
  #updates = 0;

  /** Starts at the network's current weights. */
  constructor(recipe: AveragingRecipe, network: Network) {
    this.#recipe = recipe;
    this.#average = new Map([...stateOf(network)].map(([name, tensor]) => [name, tf.clone(tensor)]));
  }

  get updates(): number {
    return this.#updates;
  }

  get tensors(): ReadonlyMap<string, tf.Tensor> {
    return this.#average;
  }

  restore(tensors: ReadonlyMap<string, tf.Tensor>, updates: number): void {
    for (const name of this.#average.keys()) {
      const tensor = tensors.get(name);
      if (!tensor) throw new Error(`The average has no ${name}`);
      this.#replace(name, tensor);
    }
    this.#updates = updates;
  }

  update(network: Network): void {
    const { decay, warmup } = this.#recipe;
    const t = this.#updates++;
    const kept = warmup ? Math.min(decay, (1 + t) / (10 + t)) : decay;
    for (const [name, tensor] of stateOf(network)) {
      const before = this.#average.get(name)!;
      this.#replace(
        name,
        tf.tidy(() => tf.add(tf.mul(before, kept), tf.mul(tensor, 1 - kept))),
      );
    }
  }

  async during<T>(network: Network, work: () => Promise<T>): Promise<T> {
    const own = [...stateOf(network)].map(([name, tensor]) => [name, tf.clone(tensor)] as const);
    for (const [name, tensor] of this.#average) network.assign(name, tf.clone(tensor));
    try {
      return await work();
    } finally {
      for (const [name, tensor] of own) network.assign(name, tensor);
    }
  }

  dispose(): void {
    tf.dispose([...this.#average.values()]);
    this.#average.clear();
  }

  #replace(name: string, tensor: tf.Tensor): void {
    this.#average.get(name)?.dispose();
    this.#average.set(name, tensor);
  }
}

/** Returns parameters and buffers, by name. */
function stateOf({ parameters, buffers }: Network): Map<string, tf.Tensor> {
  return new Map([...parameters, ...buffers]);
}

/** Averages weights over the steps (Polyak and Juditsky 1992). */
export const weightAverage: AveragingEffect = {
  phase: 'averaging',
  of: ({ averaging: recipe }) => recipe && ((network) => new WeightAverage(recipe, network)),
};
