import type { Manifest } from '../protocol/manifest';
import { anyRecipeKey, networkRecipe } from '../recipe/anyRecipe';
import { type EngineName, HALF_PRECISION } from '../recipe/engineNames';
import { type Recipe, recipeKey } from '../recipe/recipe';
import { type PairedMean, pairedMean } from './statistics';

/** Reasons why a run of either recipe is not part of an effect. */
export const SKIP_REASONS = ['unfinished', 'unrecorded', 'repeated', 'unpaired', 'elsewhere'] as const;
/**
 * `unfinished`: has no result. `unrecorded`: its engine is unknown, or the threads or half-precision execution that
 * matter there. `repeated`: a later run of the same recipe, seed and place replaces it. `unpaired`: the other recipe
 * has no run with the same seed and place. `elsewhere`: it has a pair, but in a different place than the effect's.
 */
export type SkipReason = (typeof SKIP_REASONS)[number];

/** What computed a run, as far as results depend on it. */
export interface Place {
  readonly engine: EngineName;
  /** Set on wasm, where each thread processes a shard of the batch; null on other engines. */
  readonly threads: number | null;
  /** Half-precision execution; null for float32. */
  readonly execution: 'native' | 'emulated' | null;
}

/** The effect of a recipe change that runs have shown. */
export interface MeasuredEffect {
  /** In percentage points; null if there is no pair. */
  readonly difference: PairedMean | null;
  /**
   * Where the pairs were trained. Its half-precision execution is that of the run with the change. Null if there is no
   * pair.
   */
  readonly place: Place | null;
  /** Number of excluded runs of either recipe by reason. Only counts above 0. */
  readonly skipped: ReadonlyMap<SkipReason, number>;
}

/** The properties of a run that effects depend on. */
export interface Observation {
  readonly seed: number;
  /** Null if not recorded. */
  readonly place: Place | null;
  /** Null if the run has no result. */
  readonly accuracy: number | null;
}

/** Runs by recipe key, oldest first. */
export type RunIndex = ReadonlyMap<string, readonly Observation[]>;

interface Pair {
  readonly place: Place;
  readonly difference: number;
}

/**
 * Measures the effect of a recipe change on accuracy: the mean over pairs of runs with and without it. The runs of a
 * pair share seed and engine. On wasm they also share the number of threads. If both recipes have the same precision,
 * they also share how it is executed. The recipes contain the fingerprint of the images. Each seed counts once: the
 * latest of equal runs is used. All pairs come from one place: the one with the most pairs, and among equals the one
 * with the latest run.
 *
 * @returns null if the recipes are identical, use different images, or have no run
 */
export function measuredEffect(runs: RunIndex, without: Recipe, withIt: Recipe): MeasuredEffect | null {
  if (without.data.dataset.fingerprint !== withIt.data.dataset.fingerprint) return null;
  const [baseKey, changedKey] = [recipeKey(without), recipeKey(withIt)];
  const [base, changed] = [runs.get(baseKey) ?? [], runs.get(changedKey) ?? []];
  if (baseKey === changedKey || base.length + changed.length === 0) return null;
  const skipped = new Map<SkipReason, number>();
  const leave = (reason: SkipReason, count: number) => {
    if (count > 0) skipped.set(reason, (skipped.get(reason) ?? 0) + count);
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
  if (chosen.length === 0) return { difference: null, place: null, skipped };
  const difference = pairedMean(chosen.map((pair) => pair.difference));
  return { difference, place: chosen[0]?.place ?? null, skipped };
}

/** A finished run with a known place. */
interface Known extends Observation {
  readonly place: Place;
  readonly accuracy: number;
}

/** Returns the latest finished run of each seed and place of one recipe, oldest first. */
function latest(
  runs: readonly Observation[],
  leave: (reason: SkipReason, count: number) => void,
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

/** Returns the place of a pair. The half-precision execution comes from whichever run has it. */
function placeOfPair(base: Known, changed: Known): Place {
  return { ...changed.place, execution: changed.place.execution ?? base.place.execution };
}

/** Returns the pairs of the place with the most pairs; ties go to the last. */
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

/** Groups runs by recipe key, oldest first. */
export function indexRuns(manifests: readonly Manifest[]): RunIndex {
  const index = new Map<string, Observation[]>();
  for (const manifest of manifests.toSorted((a, b) => a.createdAt - b.createdAt)) {
    const { recipe, state } = manifest;
    const key = anyRecipeKey(recipe);
    const alike = index.get(key) ?? [];
    index.set(key, alike);
    // If averaged weights were kept, those are the ones to use.
    const accuracy =
      state.status === 'done' ? (state.result.averagedAccuracy ?? state.result.validationAccuracy) : null;
    alike.push({ seed: recipe.seed, place: placeOf(manifest), accuracy });
  }
  return index;
}

/**
 * Returns where a run was trained. Null if the trainer, from an earlier release, did not record everything that matters
 * there.
 */
export function placeOf({ engine, recipe }: Pick<Manifest, 'engine' | 'recipe'>): Place | null {
  if (!engine) return null;
  const { name, threads, halfFormats } = engine;
  if (name === 'wasm' && threads === undefined) return null;
  const place = { engine: name, threads: name === 'wasm' ? (threads ?? null) : null };
  const compute = networkRecipe(recipe)?.precision.compute ?? 'float32';
  if (compute === 'float32') return { ...place, execution: null };
  if (halfFormats) return { ...place, execution: halfFormats.includes(compute) ? 'native' : 'emulated' };
  const execution = HALF_PRECISION[name];
  return execution === 'emulated_unless_native' ? null : { ...place, execution };
}
