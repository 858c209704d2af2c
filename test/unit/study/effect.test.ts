import { describe, expect, test } from 'vitest';
import { parseExperiment } from '../../../src/experiment/parse';
import type { EngineReport } from '../../../src/protocol/events';
import type { Manifest } from '../../../src/protocol/manifest';
import type { SourceFacts } from '../../../src/recipe/datasets';
import { type Recipe, recipeKey } from '../../../src/recipe/recipe';
import { indexRuns, measuredEffect } from '../../../src/study/effect';
import golden from '../../fixtures/study/paired.json';
import { smallRecipe } from '../../support/smallTraining';
import { sourceFacts } from '../../support/sourceFacts';

/** A recipe on an image folder, with or without label smoothing. */
function recipeOf(hasTrick: boolean, facts: Partial<SourceFacts> = {}, seed = 1): Recipe {
  const text = `name: a
data: { dataset: image_folder, path: pets }
model: { name: resnet18 }
seed: ${seed}
tricks: { label_smoothing: ${hasTrick} }
`;
  const parsed = parseExperiment(text, 'a.experiment.yaml', [], 'train', () => sourceFacts(facts));
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
  return parsed.recipe;
}

const WASM: EngineReport = { name: 'wasm', description: '', threads: 2, halfFormats: [] };
const TENSORFLOW: EngineReport = { name: 'tensorflow', description: '', halfFormats: ['bfloat16'] };

let created = 0;
function run(recipe: Recipe, validationAccuracy: number, engine: EngineReport | null = WASM): Manifest {
  return {
    ...{ version: 1, id: `${created}`, name: 'a', createdAt: created++, endedAt: 0 },
    ...{ experiment: { file: 'a.experiment.yaml', text: '' }, recipe, versions: {} },
    engine,
    state: {
      status: 'done',
      result: {
        ...{ epochs: 1, validationLoss: 1, validationAccuracy },
        ...{ bestValidationAccuracy: validationAccuracy, seconds: 1 },
      },
    },
  };
}

const [plain, smoothed] = [recipeOf(false), recipeOf(true)];

describe('the effect of a trick', () => {
  test('is the difference of runs on the same images', () => {
    const runs = indexRuns([run(plain, 0.5), run(smoothed, 0.625)]);
    expect(measuredEffect(runs, plain, smoothed)).toEqual({
      difference: { pairs: 1, mean: 12.5, halfWidth: null },
      place: { engine: 'wasm', threads: 2, execution: null },
      skipped: new Map(),
    });
  });

  test('is not taken between runs on images of another fingerprint, even if everything else is the same', () => {
    const others = { fingerprint: 'beef' };
    const runs = indexRuns([run(plain, 0.5), run(recipeOf(true, others), 0.75)]);
    expect(measuredEffect(runs, plain, smoothed)).toMatchObject({
      difference: null,
      skipped: new Map([['unpaired', 1]]),
    });
    expect(measuredEffect(runs, plain, recipeOf(true, others))).toBeNull();
    expect(recipeKey(recipeOf(true, others))).not.toBe(recipeKey(smoothed));
  });
});

/** Returns the effect of label smoothing that the runs show. */
const effectOf = (...manifests: readonly Manifest[]) => measuredEffect(indexRuns(manifests), plain, smoothed);

describe('a pair of runs', () => {
  const seeded = (hasTrick: boolean, seed: number) => recipeOf(hasTrick, {}, seed);

  test('is of one engine, and all pairs are of one: two seeds on two engines are not two pairs', () => {
    const effect = effectOf(
      run(seeded(false, 1), 0.5, TENSORFLOW),
      run(seeded(true, 1), 0.75, TENSORFLOW),
      run(seeded(false, 2), 0.5),
      run(seeded(true, 2), 0.625),
    );
    expect(effect).toEqual({
      difference: { pairs: 1, mean: 12.5, halfWidth: null },
      place: { engine: 'wasm', threads: 2, execution: null },
      skipped: new Map([['elsewhere', 2]]),
    });
  });

  test('is only one if a seed was trained on two engines', () => {
    const on = (engine: EngineReport) => [
      run(seeded(false, 1), 0.5, engine),
      run(seeded(true, 1), 0.625, engine),
    ];
    expect(effectOf(...on(WASM), ...on(TENSORFLOW))?.difference?.pairs).toBe(1);
  });

  test('is not made of two engines, nor on wasm of two numbers of threads, nor if that is not recorded', () => {
    const { threads: _, ...unrecorded } = WASM;
    for (const [engine, reason, count] of [
      [TENSORFLOW, 'unpaired', 2],
      [{ ...WASM, threads: 8 }, 'unpaired', 2],
      [unrecorded, 'unrecorded', 1],
      [null, 'unrecorded', 1],
    ] as const) {
      const effect = effectOf(run(plain, 0.5), run(smoothed, 0.625, engine));
      expect(effect?.difference).toBeNull();
      expect(effect?.skipped.get(reason)).toBe(count);
    }
  });

  test('counts once if the same recipe and seed were trained twice: the latest', () => {
    const effect = effectOf(run(plain, 0.5), run(smoothed, 0.5), run(smoothed, 0.75), run(plain, 0.625));
    expect(effect?.difference).toEqual({ pairs: 1, mean: 12.5, halfWidth: null });
    expect(effect?.skipped).toEqual(new Map([['repeated', 2]]));
  });

  test('is of finished runs', () => {
    const stopped: Manifest = { ...run(smoothed, 0.5), state: { status: 'stopped', step: 1 } };
    const effect = effectOf(run(plain, 0.5), stopped);
    expect(effect?.skipped).toEqual(
      new Map([
        ['unfinished', 1],
        ['unpaired', 1],
      ]),
    );
  });
});

describe('half precision', () => {
  const half = (engine: string, smoothing: boolean, dtype = 'bfloat16') =>
    smallRecipe({ engine, tricks: { label_smoothing: smoothing, mixed_precision: { dtype } } });

  test('is one recipe whichever engine the file asks for', () => {
    const keys = ['auto', 'tensorflow', 'wasm', 'tensorflow-gpu'].map((name) => recipeKey(half(name, false)));
    expect(new Set(keys).size).toBe(1);
    expect(recipeKey(half('wasm', false, 'float16'))).not.toBe(keys[0]);
  });

  test('pairs runs that requested the engine in another way', () => {
    const runs = indexRuns([
      run(half('auto', false), 0.5, TENSORFLOW),
      run(half('tensorflow', true), 0.625, TENSORFLOW),
    ]);
    expect(measuredEffect(runs, half('auto', false), half('auto', true))).toMatchObject({
      difference: { pairs: 1 },
      place: { engine: 'tensorflow', execution: 'native' },
    });
  });

  test('is not paired if one run computed in it and the other emulated it', () => {
    const runs = indexRuns([
      run(half('auto', false), 0.5, TENSORFLOW),
      run(half('auto', true), 0.625, { ...TENSORFLOW, halfFormats: [] }),
    ]);
    const effect = measuredEffect(runs, half('auto', false), half('auto', true));
    expect(effect).toMatchObject({ difference: null, skipped: new Map([['unpaired', 2]]) });
  });

  test('is paired with single precision if it is the trick, and native and emulated runs stay apart', () => {
    const single = smallRecipe({ engine: 'auto', tricks: { label_smoothing: false } });
    const runs = indexRuns([
      run(single, 0.5, TENSORFLOW),
      run(half('auto', false), 0.625, TENSORFLOW),
      run(half('auto', false), 0.75, { ...TENSORFLOW, halfFormats: [] }),
    ]);
    expect(measuredEffect(runs, single, half('auto', false))).toEqual({
      difference: { pairs: 1, mean: 25, halfWidth: null },
      place: { engine: 'tensorflow', threads: null, execution: 'emulated' },
      skipped: new Map([['elsewhere', 1]]),
    });
  });
});

test.each(golden.cases)('mean and interval are those of scipy.stats.ttest_rel: $mean', (each) => {
  const runs = indexRuns(
    each.without.flatMap((accuracy, seed) => [
      run(recipeOf(false, {}, seed), accuracy),
      run(recipeOf(true, {}, seed), each.with[seed] as number),
    ]),
  );
  const difference = measuredEffect(runs, plain, smoothed)?.difference;
  expect(difference?.pairs).toBe(each.without.length);
  expect(difference?.mean).toBeCloseTo(each.mean, 9);
  expect(difference?.halfWidth).toBeCloseTo((each.high - each.low) / 2, 7);
});
