import { describe, expect, test } from 'vitest';
import { formatProblem } from '../../../../src/experiment/problem';
import { parseAnyExperiment } from '../../../../src/interop/command/parse';
import { anyRecipeKey, isCommandRecipe } from '../../../../src/recipe/anyRecipe';
import { indexRuns } from '../../../../src/study/effect';
import { keyBySeed } from '../../../../src/study/file/commandSeeds';
import { parseStudy } from '../../../../src/study/file/parse';
import { knownNoise } from '../../../../src/study/file/precision';
import type { ReadStudy } from '../../../../src/study/file/study';
import { experimentOf } from '../../../support/commandExperiments';

const TIMM = `python train.py --data-dir pets --model resnet50 --epochs 5 --seed \${seed} --output \${run.folder}`;
const OWN = `node train.mjs --seed \${seed} --lr \${lr}`;
const GENERIC = experimentOf(OWN, {
  system: 'generic',
  more: `values: { lr: 0.1 }
environment: { AUGMENT: weak }
arguments:
  strong_aug: { with: --aug strong, without: --aug weak }
  mixup: { with: '--mixup \${alpha}', without: '' }`,
});

const studyText = (factors: string, more = '') =>
  `name: s\nexperiment: a.experiment.yaml\nfactors: [${factors}]\nbudget: { runs: 8 }\n${more}`;

function parse(factors: string, experiment = GENERIC, more = '') {
  return parseStudy(studyText(factors, more), 'x.study.yaml', () => ({
    ok: true,
    parsed: parseAnyExperiment(experiment, 'a.experiment.yaml'),
  }));
}

function read(factors: string, experiment = GENERIC, more = ''): ReadStudy {
  const parsed = parse(factors, experiment, more);
  if (!parsed.ok) throw new Error(JSON.stringify(parsed));
  return parsed;
}

function problems(factors: string, experiment = GENERIC, more = ''): string[] {
  const parsed = parse(factors, experiment, more);
  if (parsed.ok || parsed.why !== 'problems') throw new Error('There are no problems.');
  return parsed.problems.map((problem) => formatProblem('', problem).replace(/^:/, ''));
}

/** Returns the arguments of the command at a setting. */
function argumentsAt({ settings }: ReadStudy, setting: readonly number[], seed = 3): string {
  const at = settings.experimentAt(setting, seed);
  if (!at.ok || !isCommandRecipe(at.recipe)) throw new Error(JSON.stringify(at));
  // The text that a run keeps trains the same.
  const again = parseAnyExperiment(at.text, 'a.experiment.yaml');
  if (!again.ok) throw new Error(at.text);
  expect(anyRecipeKey(again.recipe)).toBe(anyRecipeKey(at.recipe));
  return at.recipe.command.slice(2).join(' ');
}

describe('factors of a command', () => {
  test('are its own names, values by name or key, and tricks with options', () => {
    const study = read('strong_aug, lr: [0.1, 0.2], mixup: [{ alpha: 0.2 }, { alpha: 0.4 }]');
    expect(study.settings.factors).toEqual([
      { key: 'strong_aug', kind: 'trick', levels: ['without', 'with'] },
      { key: 'trainer.values.lr', kind: 'key', levels: ['0.1', '0.2'] },
      { key: 'mixup', kind: 'trick', levels: ['without', '{ alpha: 0.2 }', '{ alpha: 0.4 }'] },
    ]);
    expect(argumentsAt(study, [0, 0, 0])).toBe('--seed 3 --lr 0.1 --aug weak');
    expect(argumentsAt(study, [1, 1, 2], 4)).toBe('--seed 4 --lr 0.2 --aug strong --mixup 0.4');
    expect(argumentsAt(read('trainer.values.lr: [0.1, 0.2]'), [1])).toContain('--lr 0.2');
  });

  test('may be environment variables', () => {
    const at = read('trainer.environment.AUGMENT: [weak, strong]').settings.experimentAt([1], 1);
    expect(at.ok && isCommandRecipe(at.recipe) && at.recipe.environment).toEqual({ AUGMENT: 'strong' });
  });

  test("turn into the system's options, and off means off even where the system has it by default", () => {
    const study = read('label_smoothing, mixup', experimentOf(TIMM));
    expect(argumentsAt(study, [0, 0])).toMatch(/--smoothing 0(?: |$)/);
    expect(argumentsAt(study, [1, 1])).toMatch(/--smoothing 0\.1 .*--mixup 0\.2/);
    const off = study.settings.experimentAt([0, 0], 1);
    // A trick that timm does not have by default need not be written.
    expect(off.ok && off.text).toMatch(/tricks:\n\s+label_smoothing: false\n/);
    expect(off.ok && off.text).not.toContain('mixup');
  });

  test('stay as the experiment has them if their options are not given', () => {
    const study = read('mixup', experimentOf(TIMM, { rest: 'tricks: { mixup: { alpha: 0.7 } }' }));
    expect(argumentsAt(study, [1])).toContain('--mixup 0.7');
    expect(argumentsAt(study, [0])).not.toContain('--mixup');
  });
});

describe('problems of a study of a command', () => {
  test('are at the factor, with the reason', () => {
    expect(problems('mixup, resnet_d', experimentOf(TIMM))).toEqual([
      expect.stringMatching(/^3:18: error: .*resnet_d/),
    ]);
    expect(problems('mixup', experimentOf(`${TIMM} --mixup 0.2`))).toEqual([
      '3:11: error: The command has mixup, by --mixup. Remove --mixup from the command, or mixup here.',
    ]);
    expect(problems('warmup')).toEqual([
      expect.stringMatching(/^3:11: error: The arguments for warmup are not in the file\. Write them under/),
    ]);
  });

  test('suggest the name that was meant', () => {
    expect(problems('strong_agu')[0]).toContain('Did you mean strong_aug?');
    expect(problems('trainer.values.lt: [1, 2]')[0]).toContain('Did you mean trainer.values.lr?');
    expect(problems('optimizer.lr: [1, 2]')[0]).toContain('Did you mean trainer.values.lr?');
    expect(problems('optimizer.decay: [1, 2]')[0]).toMatch(
      /neither a trick nor a value of the command\. Write \$\{decay\} in the command, and values: \{ decay: \.\.\. \} under trainer/,
    );
    expect(problems('strong_aug: { size: 2 }')[0]).toContain('strong_aug has no options');
    expect(problems('lr')[0]).toContain('The factor lr has one level.');
  });

  test('name a value that the command does not use', () => {
    const unused = GENERIC.replace(`--lr \${lr}`, '');
    expect(problems('lr: [0.1, 0.2]', unused)[0]).toMatch(
      /trainer\.values\.lr changes nothing in this experiment\. Use \$\{lr\} in the command\./,
    );
  });

  test('say at once that nothing passes the seed', () => {
    const without = GENERIC.replace(`--seed \${seed} `, '');
    expect(problems('strong_aug', without)).toEqual([
      expect.stringMatching(
        /^2:13: error: The command does not get the seed, so seeds as blocks mean nothing: .* Use \$\{seed\} in the command, or write seed_variable under trainer\.$/,
      ),
    ]);
    expect(problems('mixup', experimentOf(TIMM.replace(`--seed \${seed}`, '')))[0]).toContain(
      `Add --seed \${seed} to the command.`,
    );
    const byVariable = without.replace('  system:', '  seed_variable: SEED\n  system:');
    expect(read('strong_aug', byVariable).warnings).toEqual([]);
  });

  test("warn about torchvision's train.py, which has no option for a seed", () => {
    const command = `python train.py --data-path pets --model resnet50 --output-dir \${run.folder}`;
    const study = read('label_smoothing', experimentOf(command, { system: 'torchvision' }));
    expect(study.warnings.map(({ what }) => what)).toEqual([
      'The command does not get the seed, so runs are not paired by seed.',
    ]);
  });

  test('refuse folds, which a command does not have', () => {
    expect(problems('strong_aug', GENERIC, 'blocks: folds\n')[0]).toContain('There are no folds');
  });
});

describe('the metric of a study of a command', () => {
  test('may be a number of its own, and then needs its smallest effect', () => {
    expect(problems('strong_aug', GENERIC, 'metric: kappaScore\n')[0]).toContain(
      'smallest_effect is missing',
    );
    expect(read('strong_aug', GENERIC, 'metric: kappaScore\nsmallest_effect: 0.01\n').study.metric).toBe(
      'kappaScore',
    );
  });
});

test('runs of a command are of one experiment with any seed, although its recipe has the seed', () => {
  const { baseline } = read('strong_aug');
  const keyOf = keyBySeed(baseline);
  expect(keyOf(3)).not.toBe(keyOf(4));
  const runs = [0.7, 0.704, 0.708].map((validationAccuracy, index) => {
    const parsed = parseAnyExperiment(GENERIC, 'a.experiment.yaml', [`seed=${index}`]);
    if (!parsed.ok) throw new Error('It cannot be read.');
    return {
      ...{ version: 1 as const, id: `${index}`, name: 'a', createdAt: index, endedAt: index },
      ...{ experiment: { file: 'a', text: GENERIC }, recipe: parsed.recipe, engine: null, versions: {} },
      state: {
        status: 'done' as const,
        result: {
          ...{ epochs: 1, validationLoss: null, validationAccuracy },
          ...{ bestValidationAccuracy: validationAccuracy, seconds: 1 },
        },
      },
    };
  });
  expect(knownNoise(baseline, indexRuns(runs))).toBeCloseTo(0.4);
});
