import type { FinalEvent } from '../../../src/protocol/events';
import type { NetworkEpoch, NetworkEvent, NetworkStep } from '../../../src/protocol/standing';
import type { Recipe } from '../../../src/recipe/recipe';
import type { Snapshot } from '../../../src/runs/checkpoint';
import { openDataset } from '../../../src/training/data/open';
import { type TrainingOptions, train } from '../../../src/training/loop/loop';
import { tricksAgainst } from '../../../src/tricks/registry';

export type StepEvent = NetworkStep;
export type EpochEvent = NetworkEpoch;

/** Everything that a training reported and saved. */
export interface Outcome {
  readonly final: FinalEvent;
  readonly events: readonly NetworkEvent[];
  readonly steps: readonly StepEvent[];
  readonly epochs: readonly EpochEvent[];
  readonly snapshots: readonly Snapshot[];
}

/** Trains in this process and records everything it reports. */
export async function trainHere(recipe: Recipe, options: Partial<TrainingOptions> = {}): Promise<Outcome> {
  const events: NetworkEvent[] = [];
  const snapshots: Snapshot[] = [];
  const { emit } = options;
  const final = await train(recipe, {
    dataset: await openDataset(recipe.data.source),
    save: async (snapshot) => {
      snapshots.push(snapshot);
    },
    signal: new AbortController().signal,
    helpAgainst: (trouble) => tricksAgainst(trouble, recipe.tricks),
    ...options,
    emit: async (event) => {
      events.push(event);
      await emit?.(event);
    },
  });
  const steps = events.filter((event) => event.type === 'step');
  const epochs = events.filter((event) => event.type === 'epoch');
  return { final, events, steps, epochs, snapshots };
}
