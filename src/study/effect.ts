import type { Manifest } from '../protocol/manifest';
import { type EngineName, HALF_PRECISION } from '../recipe/engineNames';
import { type Recipe, recipeKey } from '../recipe/recipe';
import { type PairedMean, pairedMean } from './statistics';

/** Why a run of either recipe is not in an effect. */
export const LEFT_OUT_REASONS = ['unfinished', 'unrecorded', 'repeated', 'unpaired', 'elsewhere'] as const;
/**
 * `unfinished`: it has no result. `unrecorded`: its engine, or threads or half precision that matter there, are not
 * known. `repeated`: a later run of the same recipe, seed and place counts in its stead. `unpaired`: the other recipe has
 * no run of the same seed and place. `elsewhere`: it has a pair, of a place other than the one that the effect is of.
 */
export type LeftOutReason = (typeof LEFT_OUT_REASONS)[number];

/** What computed a run, as far as results depend on it. */
export interface Place {
  readonly engine: EngineName;
  /** On wasm, where each thread has a shard of the batch; null on other engines. */
  readonly threads: number | null;
  /** How half precision came about; null for float32. */
  readonly execution: 'native' | 'emulated' | null;
}

/** What runs have shown of a change of recipe. */
export interface MeasuredEffect {
  /** In points of a percent; null where there is no pair. */
  readonly difference: PairedMean | null;
  /** Where the pairs were trained: with the change, in what it says of half precision. Null where there is no pair. */
  readonly place: Place | null;
  /** How many runs of either recipe are left out, by the reason; only what is above 0. */
  readonly leftOut: ReadonlyMap<LeftOutReason, number>;
}

/** A run, as far as effects depend on it. */
export interface Observation {
  readonly seed: number;
  /** Null where it is not recorded. */
  readonly place: Place | null;
  /** Null where the run has no result. */
  readonly accuracy: number | null;
}

/** Runs by what they trained, oldest first. */
export type RunIndex = ReadonlyMap<string, readonly Observation[]>;

interface Pair {
  readonly place: Place;
  readonly difference: number;
}

/**
 * What a change of recipe did to accuracy: the mean over pairs of runs with and without it. A pair has one seed, one
 * engine, on wasm one number of threads, and where both recipes have one precision, one way to come by it. The recipes
 * have the images' fingerprint in them. A seed counts once: of runs that are alike the latest. All pairs are of one
 * place: the one with the most, and of equals the one whose run came last.
 *
 * @returns null where the recipes are one, are of other images, or have no run
 */
export function measuredEffect(runs: RunIndex, without: Recipe, withIt: Recipe): MeasuredEffect | null {
  if (without.data.dataset.fingerprint !== withIt.data.dataset.fingerprint) return null;
  const [baseKey, changedKey] = [recipeKey(without), recipeKey(withIt)];
  const [base, changed] = [runs.get(baseKey) ?? [], runs.get(changedKey) ?? []];
  if (baseKey === changedKey || base.length + changed.length === 0) return null;
  const leftOut = new Map<LeftOutReason, number>();
  const leave = (reason: LeftOutReason, count: number) => {
    if (count > 0) leftOut.set(reason, (leftOut.get(reason) ?? 0) + count);
  };
  const [latestBase, latestChanged] = [latest(base, leave), latest(changed, leave)];
  const setsPrecision = without.precision.compute !== withIt.precision.compute;
  const pairs: Pair[] = [];
  const paired = new Set<Known>();
  for (const one of latestChanged) {
    const other = latestBase.find((each) => arePaired(each, one, setsPrecision));
    if (!other) continue;
    pairs.push({ place: placeOfPair(other, one), difference: 100 * (one.accuracy - other.accuracy) });
    paired.add(one).add(other);
  }
  leave('unpaired', [...latestBase, ...latestChanged].filter((each) => !paired.has(each)).length);
  const chosen = largestGroup(pairs);
  // A run without the change may be in pairs of several places.
  const inChosen = chosen.length * 2;
  leave('elsewhere', paired.size - inChosen);
  if (chosen.length === 0) return { difference: null, place: null, leftOut };
  const difference = pairedMean(chosen.map((pair) => pair.difference));
  return { difference, place: chosen[0]?.place ?? null, leftOut };
}

/** A finished run whose place is known. */
interface Known extends Observation {
  readonly place: Place;
  readonly accuracy: number;
}

/** Of the finished runs of one recipe the latest of each seed and place, oldest first. */
function latest(
  runs: readonly Observation[],
  leave: (reason: LeftOutReason, count: number) => void,
): readonly Known[] {
  const byKind = new Map<string, Known>();
  for (const { seed, place, accuracy } of runs) {
    if (accuracy === null) leave('unfinished', 1);
    else if (place === null) leave('unrecorded', 1);
    else {
      const kind = `${seed} ${keyOf(place)}`;
      if (byKind.delete(kind)) leave('repeated', 1);
      byKind.set(kind, { seed, place, accuracy });
    }
  }
  return [...byKind.values()];
}

function arePaired(one: Known, other: Known, setsPrecision: boolean): boolean {
  return (
    one.seed === other.seed &&
    one.place.engine === other.place.engine &&
    one.place.threads === other.place.threads &&
    (setsPrecision || one.place.execution === other.place.execution)
  );
}

/** With how half precision came about in whichever of them has it. */
function placeOfPair(base: Known, changed: Known): Place {
  return { ...changed.place, execution: changed.place.execution ?? base.place.execution };
}

/** The pairs of the place that has most; of equals, the last. */
function largestGroup(pairs: readonly Pair[]): readonly Pair[] {
  const groups = new Map<string, Pair[]>();
  for (const pair of pairs) {
    const key = keyOf(pair.place);
    const group = [...(groups.get(key) ?? []), pair];
    groups.delete(key);
    groups.set(key, group);
  }
  return [...groups.values()].reduce<readonly Pair[]>(
    (most, group) => (group.length >= most.length ? group : most),
    [],
  );
}

function keyOf({ engine, threads, execution }: Place): string {
  return `${engine} ${threads} ${execution}`;
}

/** Orders runs by what they trained, the oldest first. */
export function indexRuns(manifests: readonly Manifest[]): RunIndex {
  const index = new Map<string, Observation[]>();
  for (const manifest of manifests.toSorted((a, b) => a.createdAt - b.createdAt)) {
    const { recipe, state } = manifest;
    const key = recipeKey(recipe);
    const alike = index.get(key) ?? [];
    index.set(key, alike);
    // Where an average of the weights was kept, that is what one would use.
    const accuracy =
      state.status === 'done' ? (state.result.averagedAccuracy ?? state.result.validationAccuracy) : null;
    alike.push({ seed: recipe.seed, place: placeOf(manifest), accuracy });
  }
  return index;
}

/** Where a run was trained; null where its trainer, of an earlier release, did not record all that matters there. */
export function placeOf({ engine, recipe }: Pick<Manifest, 'engine' | 'recipe'>): Place | null {
  if (!engine) return null;
  const { name, threads, halfFormats } = engine;
  if (name === 'wasm' && threads === undefined) return null;
  const place = { engine: name, threads: name === 'wasm' ? (threads ?? null) : null };
  const { compute } = recipe.precision;
  if (compute === 'float32') return { ...place, execution: null };
  if (halfFormats) return { ...place, execution: halfFormats.includes(compute) ? 'native' : 'emulated' };
  const execution = HALF_PRECISION[name];
  return execution === 'emulated_unless_native' ? null : { ...place, execution };
}
