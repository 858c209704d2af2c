import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parseExperiment } from '../../../../src/experiment/parse';
import { anyRecipeKey } from '../../../../src/recipe/anyRecipe';
import { recipeKey } from '../../../../src/recipe/recipe';
import { parseStudy } from '../../../../src/study/file/parse';
import type { StudySettings } from '../../../../src/study/file/study';
import { ours } from '../../../support/ourRecipe';

const EXPERIMENT = readFileSync('examples/fashion-mnist.experiment.yaml', 'utf8');
const RESNET = EXPERIMENT.replace(
  'name: resnet8\n  width: 8 # channels of the first stage',
  'name: resnet18\n  width: 8',
);

function settings(factors: readonly string[], experiment = EXPERIMENT): StudySettings {
  const text = `name: s\nexperiment: e\nfactors: [${factors.join(', ')}]\nbudget: { runs: 32 }\n`;
  const parse = parseStudy(text, 'x.study.yaml', () => ({
    ok: true,
    parsed: parseExperiment(experiment, 'e.experiment.yaml'),
  }));
  if (!parse.ok) throw new Error(JSON.stringify(parse));
  return parse.settings;
}

/** Returns all settings of two-level factors. */
function allOf(factors: number): number[][] {
  return Array.from({ length: 2 ** factors }, (_, index) =>
    Array.from({ length: factors }, (_, factor) => (index >> factor) & 1),
  );
}

function experimentOf(all: StudySettings, setting: readonly number[], seed = 1) {
  const at = all.experimentAt(setting, seed);
  if (!at.ok) throw new Error(JSON.stringify(at.problems));
  return { ...at, recipe: ours(at.recipe) };
}

describe('the settings of a study', () => {
  it('keep the tricks of the experiment, except factors, whose first level is off', () => {
    const all = settings(['warmup', 'mixup']);
    expect(experimentOf(all, [0, 0]).recipe.tricks).toEqual([
      'linear_scaling',
      'no_bias_decay',
      'zero_gamma',
    ]);
    expect(experimentOf(all, [1, 1]).recipe.tricks).toContain('warmup');
    expect(experimentOf(all, [1, 1]).recipe.tricks).toContain('mixup');
  });

  it('take a bare trick as in the experiment, or else as in the paper', () => {
    const warm = experimentOf(settings(['warmup', 'mixup']), [1, 0]);
    expect(warm.text).toBe(EXPERIMENT);
    expect(warm.changes).toEqual([]);
    const long = EXPERIMENT.replace(/ {2}warmup:\n {4}epochs: 1\n/, '');
    expect(experimentOf(settings(['warmup'], long), [1]).text).toContain('  warmup: true\n');
  });

  it('use options and values of keys as written', () => {
    const all = settings([
      'label_smoothing: [{ epsilon: 0.1 }, { epsilon: 0.3 }]',
      'optimizer.weight_decay: [0, 0.01]',
    ]);
    const { text, changes, recipe } = experimentOf(all, [2, 1]);
    expect(text).toContain('    epsilon: 0.3\n');
    expect(text).toContain('  weight_decay: 0.01\n');
    expect(changes).toEqual([
      { path: ['tricks', 'label_smoothing'], value: { epsilon: 0.3 } },
      { path: ['optimizer', 'weight_decay'], value: 0.01 },
    ]);
    expect(recipe.parameterGroups.map(({ weightDecay }) => weightDecay)).toContain(0.01);
  });

  it('keep comments and the rest of the file, and write the seed too', () => {
    const { text, recipe } = experimentOf(settings(['zero_gamma', 'ema']), [0, 1], 7);
    expect(recipe.seed).toBe(7);
    expect(text).toContain('seed: 7\n');
    expect(text).toContain('# channels of the first stage');
    expect(text).not.toContain('zero_gamma');
  });

  it('give the same recipe from the text as from the data, whatever the setting', () => {
    const all = settings([
      'warmup',
      'label_smoothing: { epsilon: 0.2 }',
      'ema',
      'optimizer.nesterov: [true, false]',
      'schedule.decay: [cosine, linear]',
    ]);
    for (const setting of allOf(5)) {
      const { text, recipe } = experimentOf(all, setting);
      const again = parseExperiment(text, 'e.experiment.yaml');
      const quick = all.recipeAt(setting);
      if (!again.ok || !quick) throw new Error(text);
      expect(recipeKey(again.recipe)).toBe(recipeKey(recipe));
      expect(anyRecipeKey(quick)).toBe(recipeKey(recipe));
    }
  });

  it('all train different recipes', () => {
    const all = settings(['warmup', 'mixup', 'ema', 'no_bias_decay']);
    const keys = allOf(4).map((setting) => recipeKey(experimentOf(all, setting).recipe));
    expect(new Set(keys).size).toBe(16);
  });

  it('do not allow tricks that exclude each other', () => {
    const all = settings(['lars', 'mixup', 'lamb']);
    expect(allOf(3).filter((setting) => !all.isAllowed(setting))).toEqual([
      [1, 0, 1],
      [1, 1, 1],
    ]);
    expect(all.exclusions).toEqual([
      { first: { factor: 0, level: 1 }, second: { factor: 2, level: 1 }, why: 'impossible' },
    ]);
    expect(all.recipeAt([1, 0, 1])).toBeNull();
    expect(all.experimentAt([1, 0, 1], 1).ok).toBe(false);
  });

  it('do not allow a trick that another one includes', () => {
    const all = settings(['resnet_b', 'resnet_c', 'resnet_d'], RESNET);
    expect(allOf(3).filter((setting) => all.isAllowed(setting))).toEqual([
      [0, 0, 0],
      [1, 0, 0],
      [0, 1, 0],
      [0, 0, 1],
    ]);
    expect(all.exclusions.every(({ why }) => why === 'redundant')).toBe(true);
  });

  it('allow a trick only with the level that it needs', () => {
    const all = settings(['model.name: [resnet8, resnet18]', 'resnet_d']);
    expect(allOf(2).filter((setting) => all.isAllowed(setting))).toEqual([
      [0, 0],
      [1, 0],
      [1, 1],
    ]);
  });

  it('write a trick under the name that the file uses', () => {
    const named = EXPERIMENT.replace('  warmup:\n    epochs: 1\n', '  warmup_epochs: 2\n');
    const all = settings(['warmup', 'mixup'], named);
    expect(experimentOf(all, [0, 0]).text).not.toContain('warmup_epochs');
    const withIt = experimentOf(all, [1, 0]);
    expect(withIt.recipe.schedule.warmup.steps).toBeGreaterThan(0);
    expect(withIt.text).not.toContain('  warmup:');
  });

  it('accept further changes, such as those of a fold', () => {
    const all = settings(['mixup']);
    const at = all.experimentAt([1], 3, { changes: [{ path: ['data', 'batch_size'], value: 32 }] });
    expect(at).toMatchObject({ ok: true, recipe: { data: { batchSize: 32 }, seed: 3 } });
  });
});
