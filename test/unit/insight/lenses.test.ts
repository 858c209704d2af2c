import { readdirSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseExperiment } from '../../../src/experiment/parse';
import { applyEdits } from '../../../src/experiment/text/textEdits';
import { experimentLenses, type LensFace, type LensSurroundings } from '../../../src/insight/lenses';
import { STARTER_WEIGHTS, starterExperiment } from '../../../src/insight/starterExperiment';
import { trickFits } from '../../../src/insight/trickFit';
import { MANIFEST_VERSION, type Manifest } from '../../../src/protocol/manifest';
import { indexRuns } from '../../../src/study/effect';
import { ALL_TRICKS } from '../../../src/tricks/registry';
import { sourceFacts } from '../../support/sourceFacts';

const PLAIN = `# no trick yet
name: plain
data: { dataset: fashion-mnist-sample, batch_size: 1024 }
model: { name: resnet20 }
optimizer:
  base_lr: 0.1 # at 256
  weight_decay: 0.0001
schedule:
  epochs: 120
`;

/** An ImageNet ResNet, on images large enough for all of its variants. */
const RESNET50 = PLAIN.replace('resnet20', 'resnet50').replace(
  'fashion-mnist-sample,',
  'synthetic, height: 64, width: 64,',
);

const SURROUNDINGS: LensSurroundings = { obstacle: null, lastRun: null, runs: new Map(), hidden: new Set() };

/** Returns the lenses as they are shown. */
const lensesOf = (
  text: string,
  surroundings: Partial<LensSurroundings> = {},
): ({ readonly line: number } & LensFace)[] =>
  experimentLenses(parseExperiment(text, 'a.experiment.yaml'), { ...SURROUNDINGS, ...surroundings }).map(
    (lens) => ({ line: lens.line, ...lens.face() }),
  );

/** Returns all tricks but these. */
const allBut = (...names: string[]): LensSurroundings['hidden'] =>
  new Set(ALL_TRICKS.map(({ name }) => name).filter((name) => !names.includes(name)));

/** Returns titles with their lines, counted from 1 as in an editor. */
const shown = (lenses: ReturnType<typeof lensesOf>) =>
  lenses.map(({ line, title }) => `${line + 1} ${title}`);

const fitsOf = (text: string, fileName = 'a.experiment.yaml') => trickFits(parseExperiment(text, fileName));
const namesOf = (text: string) => fitsOf(text).map(({ trick }) => trick.name);

/** Returns the text after a click on a trick's lens. */
function toggled(text: string, name: string, fileName = 'a.experiment.yaml'): string {
  const result = fitsOf(text, fileName)
    .find(({ trick }) => trick.name === name)
    ?.toggle();
  if (!result?.ok) throw new Error(`${name} cannot be toggled in ${text}`);
  return applyEdits(text, result.edits);
}

describe('the lenses of a YAML experiment', () => {
  test('run it at the top and offer tricks at the sections they concern, with the text to insert', () => {
    expect(shown(lensesOf(PLAIN))).toEqual([
      '1 Run',
      '1 Recipe',
      '1 Find out which tricks pay here',
      '3 Label smoothing 0.1',
      '3 Mixup alpha 0.2',
      '3 CutMix alpha 1',
      '3 More tricks...',
      '4 Zero gamma',
      '4 Mixed precision float16',
      '4 Distillation',
      '4 Stochastic depth rate 0.2',
      '5 Range test',
      '5 Linear scaling from 256',
      '5 No bias decay',
      '5 LARS',
      '5 More tricks...',
      '8 Warmup 5 epochs',
      '8 Cosine decay',
      '8 Weight EMA decay 0.9886',
    ]);
  });

  test('say in their tooltips what a trick does, in numbers of this file', () => {
    const here = (name: string) =>
      lensesOf(PLAIN, { hidden: allBut(name) })
        .find(({ action }) => action.type === 'insertTrick' && action.trick === name)
        ?.tooltip.split('\n\n')
        .find((part) => part.startsWith('Here: '));
    // Goyal's rule: 0.1 x 1024 / 256. 11 steps per epoch. ResNet-20 has 9 blocks.
    expect(here('linear_scaling')).toBe('Here: 0.1 at 256 gives 0.4 at 1024.');
    expect(here('zero_gamma')).toBe('Here: 9 residual blocks start as their shortcut.');
    expect(here('warmup')).toBe('Here: LR rises from 0 to 0.1 over 55 steps.');
    expect(here('mixed_precision')).toBe(
      'Here: float16, loss × 65536; memory 1.19 GiB to 612 MiB with native half precision.',
    );
    expect(here('ema')).toBe('Here: over about 88 steps of 1,320; memory +1.04 MiB.');
  });

  test('take few rows, none longer than an editor shows next to its minimap', () => {
    const folder = new URL('../../../examples/', import.meta.url);
    const examples = readdirSync(folder).filter((name) => name.endsWith('.experiment.yaml'));
    const facts = sourceFacts();
    const data = { dataset: 'image_folder', path: 'photos', split: { validation: 0.1, seed: 0 } } as const;
    const texts = [
      PLAIN,
      ...examples.map((name) => readFileSync(new URL(name, folder), 'utf8')),
      ...[null, ...STARTER_WEIGHTS].map((weights) =>
        starterExperiment({ name: 'photos', data, facts, weights }),
      ),
    ];
    const lastRun = { id: 'a', folder: 'b', how: '92.1%' };
    for (const text of texts) {
      const parsed = parseExperiment(text, 'a.experiment.yaml', [], 'train', () => facts);
      const lenses = experimentLenses(parsed, { ...SURROUNDINGS, lastRun });
      const lines = [...new Set(lenses.map(({ line }) => line))];
      expect(lines.length).toBeLessThanOrEqual(6);
      for (const line of lines) {
        const row = lenses.filter((lens) => lens.line === line);
        const shownRow = row.map((lens) => `+ ${lens.face().title}`).join(' | ');
        expect(shownRow.length, shownRow).toBeLessThanOrEqual(90);
      }
    }
  });

  test('keep the tricks that a line has no room for behind the last lens', () => {
    const lenses = lensesOf(PLAIN);
    const inserted = lenses.flatMap(({ action }) => (action.type === 'insertTrick' ? [action.trick] : []));
    const behind = lenses.flatMap(({ action }) => (action.type === 'pickTrick' ? action.tricks : []));
    expect([...inserted, ...behind].sort()).toEqual(namesOf(PLAIN).sort());
    expect(behind).toEqual(expect.arrayContaining(['random_erasing', 'sam', 'lamb']));
    for (const { line } of lenses.filter(({ action }) => action.type === 'pickTrick')) {
      expect(lenses.findLast((lens) => lens.line === line)?.title).toBe('More tricks...');
    }
  });

  test('show active tricks first, then their configuration, then the other tricks', () => {
    const text = `${PLAIN}tricks:\n  sam: true\n  random_erasing: true\n`;
    const titles = shown(lensesOf(text));
    expect(
      titles.filter((title) => /^[35] /.test(title)).map((title) => title.split(/[:(]/)[0]?.trim()),
    ).toEqual([
      '3 Remove random erasing',
      '3 Configure random erasing...',
      '3 More tricks...',
      '5 Range test',
      '5 Remove sharpness-aware minimization',
      '5 More tricks...',
    ]);
  });

  test('have one that configures all tricks of a line, and none for tricks without options', () => {
    const tricks = '{ warmup: true, ema: { decay: 0.99 }, zero_gamma: true }';
    const lenses = lensesOf(`${PLAIN}  decay: cosine\ntricks: ${tricks}\n`);
    const onLine = (line: number) => lenses.filter((lens) => lens.line === line - 1);
    const configure = onLine(8).find(({ icon }) => icon === 'gear');
    expect(configure).toMatchObject({
      icon: 'gear',
      title: 'Configure...',
      tooltip: 'Warmup: epochs 5, count_from 0, update step\nWeight EMA: decay 0.99, warmup true',
      action: { type: 'configureTrick', tricks: ['warmup', 'ema'] },
    });
    expect(onLine(4).some(({ title }) => /Configure/.test(title))).toBe(false);
  });

  test('keep the configuration behind the last lens if a line has no room for it', () => {
    const text = `${PLAIN}tricks: { mixup: true, label_smoothing: true, gradient_accumulation: true }\n`;
    const more = lensesOf(text).find(({ line, title }) => line === 2 && title === 'More tricks...');
    expect(more?.action).toMatchObject({
      type: 'pickTrick',
      configurable: ['label_smoothing', 'mixup', 'gradient_accumulation'],
    });
    const { tricks = [] } = more?.action.type === 'pickTrick' ? more.action : {};
    expect(tricks).toEqual(expect.arrayContaining(['cutmix', 'random_erasing']));
    expect(more?.tooltip).toContain('Configure mixup...\n');
  });

  test('all stand on the only line of a file', () => {
    const one = '{ name: one, data: { dataset: synthetic }, model: { name: resnet8 } }\n';
    expect(shown(lensesOf(one))).toEqual([
      '1 Run',
      '1 Recipe',
      '1 Find out which tricks pay here',
      '1 Range test',
      '1 More tricks...',
    ]);
  });

  test('keep names such as LARS and ResNet-B as they are', () => {
    const text = RESNET50.concat('tricks: { lars: true, resnet_b: true }\n');
    const titles = shown(lensesOf(text));
    expect(titles).toContainEqual(expect.stringMatching(/^5 Remove LARS$/));
    expect(titles).toContainEqual(expect.stringMatching(/^4 Remove ResNet-B$/));
  });

  test('offer to remove an active trick, with its effect', () => {
    const text = `${PLAIN}tricks:\n  linear_scaling: { base_batch_size: 512 }\n`;
    const lens = lensesOf(text).find(({ title }) => title === 'Remove linear scaling');
    expect(lens?.line).toBe(4);
    expect(lens?.tooltip).toContain('Here: 0.1 at 512 gives 0.2 at 1024.');
  });

  test('take active tricks into account', () => {
    const text = `${PLAIN}tricks:\n  linear_scaling: true\n`;
    const lens = lensesOf(text).find(({ title }) => title === 'Warmup 5 epochs');
    expect(lens?.tooltip).toContain('Here: LR rises from 0 to 0.4 over 55 steps.');
  });

  test('offer a disabled trick', () => {
    const text = `${PLAIN}tricks:\n  zero_gamma: false\n`;
    expect(shown(lensesOf(text))).toContain('4 Zero gamma');
  });

  test('stand at the model if the file omits a section', () => {
    const text = '# short\nname: short\ndata: { dataset: fashion-mnist-sample }\nmodel: { name: resnet8 }\n';
    expect(lensesOf(text).map(({ line }) => line)).toEqual([0, 0, 0, 2, 2, 2, 2, 3, 3, 3, 3]);
  });

  test('explain each trick in their tooltips', () => {
    for (const { action, tooltip } of lensesOf(PLAIN)) {
      if (action.type !== 'insertTrick') continue;
      const trick = ALL_TRICKS.find(({ name }) => name === action.trick);
      expect(tooltip).toContain(trick?.summary());
      expect(tooltip).toContain(trick?.formula);
    }
  });

  test("give the paper's figures in their tooltips, losses included", () => {
    const tooltip = lensesOf(PLAIN).find(({ title }) => title.startsWith('No bias decay'))?.tooltip;
    expect(tooltip).toContain(
      'batch 256: 76.19 to 76.16 (\u22120.03); batch 1024: 76.37 to 76.03 (\u22120.34)',
    );
    const hidden = new Set(['no_bias_decay'] as const);
    const withoutFigures = lensesOf(PLAIN, { hidden }).find(({ title }) => title === 'LARS')?.tooltip;
    expect(withoutFigures).toContain('You et al. 2017 reports no figure for it alone');
  });
});

describe('a trick is offered only if', () => {
  test('it changes something', () => {
    expect(namesOf(PLAIN)).not.toContain('resnet_d');
    expect(namesOf(RESNET50)).toContain('resnet_d');
    expect(namesOf(`${PLAIN}  decay: cosine\n`)).not.toContain('cosine_decay');
    expect(namesOf(PLAIN.replace('0.0001', '0'))).not.toContain('no_bias_decay');
  });

  test('it changes the recipe, with the text to insert', () => {
    expect(namesOf(PLAIN)).toContain('linear_scaling');
    expect(namesOf(PLAIN.replace('1024', '256'))).not.toContain('linear_scaling');
    const [resnet18, tweaked] = [RESNET50.replace('resnet50', 'resnet18'), 'tricks: { resnet_c: true }\n'];
    expect(namesOf(resnet18)).not.toContain('resnet_b');
    expect(namesOf(resnet18)).toContain('resnet_c');
    expect(namesOf(resnet18 + tweaked)).toContain('resnet_d');
  });

  test('pretrained weights leave it something to do, and still fit the model', () => {
    const from = (weights: string) => `${RESNET50.replace('64', '224')}init: ${weights}\n`;
    expect(namesOf(RESNET50)).toContain('zero_gamma');
    expect(namesOf(from('weights.pth'))).not.toContain('zero_gamma');
    const published = from('torchvision:resnet50').replace('resnet50 }', 'resnet50, variant: B }');
    expect(namesOf(published)).not.toContain('resnet_d');
    expect(namesOf(published)).toContain('stochastic_depth');
  });

  test('no trick of the file excludes or implies it', () => {
    expect(namesOf(`${PLAIN}tricks: { lamb: true }\n`)).not.toContain('lars');
    expect(namesOf(`${PLAIN}tricks: { lars: true }\n`)).not.toContain('lamb');
    expect(namesOf(`${RESNET50}tricks: { resnet_d: true }\n`)).not.toContain('resnet_b');
  });

  test('the rest of the file has room for it', () => {
    const adam = PLAIN.replace('base_lr', 'name: adam\n  base_lr');
    expect(namesOf(adam)).not.toContain('lars');
    expect(namesOf(PLAIN.replace('1024', '8000'))).not.toContain('gradient_accumulation');
  });
});

describe('the lenses at the top', () => {
  test('open the last run, with its result, and the recipe', () => {
    const lastRun = { id: '20261125-fashion', folder: '/runs/20261125-fashion', how: '92.1%' };
    const [run, last, recipe] = lensesOf(PLAIN, { lastRun });
    expect(run?.action).toEqual({ type: 'run' });
    expect(last).toMatchObject({
      title: 'Open last run (92.1%)',
      action: { type: 'openRun', folder: '/runs/20261125-fashion' },
    });
    expect(recipe).toMatchObject({ title: 'Recipe', action: { type: 'showRecipe' } });
  });

  test('say why nothing can be run here, and keep the tricks', () => {
    const untrusted = lensesOf(PLAIN, { obstacle: 'untrusted' });
    expect(untrusted[0]).toMatchObject({
      title: 'Cannot run: the workspace is not trusted',
      action: { type: 'manageTrust' },
    });
    const noDisk = lensesOf(PLAIN, { obstacle: 'no_disk' });
    expect(noDisk[0]?.title).toBe('Cannot run: not on the local disk');
    expect(shown(noDisk)).toContain('5 Linear scaling from 256');
  });
});

describe('the lens of a trick that finished runs differ in', () => {
  const experiment = (seed: number, tricks: string) =>
    `${PLAIN.replace('resnet20', 'resnet8')}seed: ${seed}\n${tricks}`;
  const WARMUP = 'tricks: { warmup: { epochs: 5 } }\n';
  const runOf = (text: string, accuracy: number, createdAt = 0, name = 'wasm'): Manifest => {
    const parsed = parseExperiment(text, 'a.experiment.yaml');
    if (!parsed.ok) throw new Error('The experiment of this test is wrong.');
    const result = {
      epochs: 120,
      validationLoss: 0.3,
      validationAccuracy: accuracy,
      bestValidationAccuracy: accuracy,
      seconds: 1,
    };
    return {
      version: MANIFEST_VERSION,
      id: `${createdAt}`,
      name: 'a',
      createdAt,
      endedAt: null,
      experiment: { file: 'a.experiment.yaml', text },
      recipe: parsed.recipe,
      engine: { name: name as 'wasm', description: name, threads: 2 },
      versions: {},
      state: { status: 'done', result },
    };
  };
  const warmupLens = (text: string, ...runs: Manifest[]) =>
    lensesOf(text, { runs: indexRuns(runs) }).find(({ title }) => /warmup/i.test(title));
  const both = (seed: number, without: number, withIt: number) => [
    runOf(experiment(seed, ''), without),
    runOf(experiment(seed, WARMUP), withIt),
  ];
  const three = [...both(1, 0.9, 0.9036), ...both(2, 0.91, 0.9142), ...both(3, 0.92, 0.9248)];

  test("shows its effect over the seeds, active or not, whatever the file's own seed and name", () => {
    // Differences of 0.36, 0.42 and 0.48 points: 4.3027 x 0.06 / sqrt(3) = 0.149.
    const effect = '+0.42 ± 0.15';
    const without = experiment(7, '').replace('name: plain', 'name: renamed');
    expect(warmupLens(without, ...three)?.title).toBe(`Warmup 5 epochs · ${effect}`);
    expect(warmupLens(experiment(7, WARMUP), ...three)?.title).toBe(`Remove warmup · ${effect}`);
    expect(warmupLens(without, ...three)?.tooltip).toMatch(
      /^On this experiment: \+0\.42 ± 0\.15 points over 3 seeds; .*\(Student's t\)/,
    );
  });

  /** With warmup and cosine decay hidden there is room for the EMA. */
  const HIDDEN = new Set(['warmup', 'cosine_decay'] as const);

  test.each([
    ['ema: true', /weight EMA/],
    ['ema: { decay: 0.95, warmup: false }', /weight EMA/],
    ['label_smoothing: { epsilon: 0.2 }', /label smoothing/],
    ['mixed_precision: { dtype: bfloat16 }', /mixed precision/],
    ['linear_scaling: { base_batch_size: 128 }', /linear scaling/],
    ['gradient_accumulation: { batches: 2 }', /gradient accumulation/],
    ['model_ema_decay: 0.95', /weight EMA/],
  ])('shows it for options other than those it would insert: %s', (written, title) => {
    const tricks = `tricks: { warmup: { epochs: 5 }, ${written} }\n`;
    const runs = [1, 2, 3].flatMap((seed) => [
      runOf(experiment(seed, WARMUP), 0.9),
      runOf(experiment(seed, tricks), 0.91),
    ]);
    const lenses = lensesOf(experiment(7, tricks), { runs: indexRuns(runs), hidden: HIDDEN });
    expect(
      lenses.find((lens) => title.test(lens.title) && lens.action.type === 'removeTrick')?.title,
    ).toContain('+1.00 ± 0.00');
  });

  test('names the options of runs with others only in its tooltip, active or not', () => {
    const runs = [1, 2].flatMap((seed) => [
      runOf(experiment(seed, ''), 0.9),
      runOf(experiment(seed, 'tricks: { ema: true }\n'), 0.91),
    ]);
    const averageLens = (text: string) =>
      lensesOf(text, { runs: indexRuns(runs), hidden: HIDDEN }).find(({ title }) =>
        /weight EMA/i.test(title),
      );
    for (const text of [experiment(7, ''), experiment(7, 'tricks: { ema: { decay: 0.95 } }\n')]) {
      expect(averageLens(text)?.title).not.toContain('1.00');
      expect(averageLens(text)?.tooltip).toContain(
        'On this experiment: not yet measured; with decay 0.9999: +1.00 ± 0.00 points over 2 seeds',
      );
    }
    expect(averageLens(experiment(7, 'tricks: { ema: true }\n'))?.title).toContain('+1.00 ± 0.00');
  });

  test('says if the interval contains 0', () => {
    const runs = [...both(1, 0.9, 0.91), ...both(2, 0.9, 0.89)];
    expect(warmupLens(experiment(1, ''), ...runs)?.tooltip).toContain('no effect is shown');
  });

  test('ignores a single seed, runs of different seeds or engines, and another recipe', () => {
    const single = warmupLens(experiment(1, ''), ...both(1, 0.9, 0.91));
    expect(single?.title).toBe('Warmup 5 epochs');
    expect(single?.tooltip).toContain('On this experiment: one seed: no evidence yet');
    const apart = [runOf(experiment(1, ''), 0.9), runOf(experiment(2, WARMUP), 0.91)];
    const engines = [runOf(experiment(1, ''), 0.9), runOf(experiment(1, WARMUP), 0.91, 0, 'cpu')];
    const longer = experiment(1, '').replace('120', '60');
    for (const lens of [
      warmupLens(experiment(1, ''), ...apart),
      warmupLens(experiment(1, ''), ...engines),
      warmupLens(longer, ...three),
      warmupLens(experiment(1, '')),
    ]) {
      expect(lens?.title).toMatch(/^Warmup \d epochs$/);
      expect(lens?.tooltip).toContain('On this experiment: not yet measured');
    }
  });

  test('counts the newer of two equal runs', () => {
    const runs = [...both(1, 0.9, 0.91), ...both(2, 0.9, 0.91), runOf(experiment(2, WARMUP), 0.93, 5)];
    const lens = warmupLens(experiment(1, ''), ...runs);
    expect(lens?.title).toContain('+2.00 ± 12.71');
    expect(lens?.tooltip).toContain('on wasm, threads: 2; ');
    expect(lens?.tooltip).toContain('runs excluded: 1 repeated (the latest run of a seed counts)');
  });
});

describe('a trick whose lens is disabled', () => {
  test('has none, and leaves its place to others', () => {
    const onLine = (hidden: LensSurroundings['hidden']) =>
      shown(lensesOf(PLAIN, { hidden })).filter((title) => title.startsWith('5 '));
    expect(onLine(new Set())).toEqual([
      '5 Range test',
      '5 Linear scaling from 256',
      '5 No bias decay',
      '5 LARS',
      '5 More tricks...',
    ]);
    expect(onLine(new Set(['no_bias_decay', 'warmup']))).toEqual([
      '5 Range test',
      '5 Linear scaling from 256',
      '5 LARS',
      '5 More tricks...',
    ]);
    // With all but two hidden, the "More tricks" lens is not needed.
    expect(onLine(allBut('no_bias_decay', 'lars'))).toEqual(['5 Range test', '5 No bias decay', '5 LARS']);
  });
});

describe('the lens of a trick that the file cannot be edited for', () => {
  const text = `x: &t { zero_gamma: true }\n${PLAIN}tricks: *t\n`;

  test('says why, active or not, and shows what it changes', () => {
    const why = 'tricks is an alias: its value is written elsewhere.';
    const lenses = lensesOf(text);
    const ofTricks = lenses.filter(
      ({ line, action }) => line > 0 && action.type !== 'pickTrick' && action.type !== 'findRate',
    );
    expect(shown(ofTricks)).toEqual(
      expect.arrayContaining(['5 Zero gamma: not editable here', '6 Linear scaling: not editable here']),
    );
    for (const { tooltip, icon, action } of ofTricks) {
      expect([tooltip, icon, action.type]).toEqual([expect.stringContaining(why), 'info', 'compareTrick']);
    }
  });
});

describe('the lenses of a file with problems', () => {
  test('count the problems, show the first, and insert what fits the rest of the file', () => {
    const text = PLAIN.replace('base_lr: 0.1', 'base_lr: -0.1').replace('0.0001', 'small');
    const lenses = lensesOf(text);
    expect(shown(lenses)[0]).toBe('1 Cannot run: 2 problems');
    expect(shown(lenses)).toEqual(
      expect.arrayContaining([
        '4 Zero gamma',
        '5 Linear scaling from 256',
        '5 No bias decay',
        '8 Warmup 5 epochs',
      ]),
    );
    expect(lenses[0]?.action).toMatchObject({ type: 'showProblem', range: { start: { line: 5 } } });
    expect(toggled(text, 'warmup')).toContain('  warmup: { epochs: 5 }\n');
  });

  test('use the singular for one problem', () => {
    expect(shown(lensesOf(PLAIN.replace('resnet20', 'resnet21')))[0]).toBe('1 Cannot run: 1 problem');
  });

  test('offer to remove the trick that causes the problem', () => {
    const text = `${PLAIN}tricks:\n  warmup: { epochs: 500 }\n`;
    expect(shown(lensesOf(text))).toContain('8 Remove warmup');
    expect(toggled(text, 'warmup')).toBe(PLAIN);
  });

  test('offer no trick if the text cannot be read, or too little of it is there', () => {
    expect(shown(lensesOf('name: [\n'))).toEqual([expect.stringMatching(/^1 Cannot run: /)]);
    expect(shown(lensesOf('name: lonely\n'))).toEqual(['1 Cannot run: 2 problems']);
    expect(shown(lensesOf(''))).toEqual([expect.stringMatching(/^1 Cannot run: /)]);
  });
});

describe('a JSON experiment', () => {
  const text = readFileSync(
    new URL('../../fixtures/experiments/valid.experiment.jsonc', import.meta.url),
    'utf8',
  );

  test('has the same lenses as YAML, and a click inserts each trick and removes it again', () => {
    const fileName = 'valid.experiment.jsonc';
    const fits = fitsOf(text, fileName);
    expect(fits.length).toBeGreaterThan(10);
    for (const { trick, isIn } of fits) {
      const once = toggled(text, trick.name, fileName);
      expect(once).not.toBe(text);
      const after = fitsOf(once, fileName).find((fit) => fit.trick === trick);
      expect(after?.isIn).toBe(!isIn);
      // Only a person can choose a teacher.
      expect(parseExperiment(once, fileName).ok).toBe(trick.name !== 'distillation');
    }
  });
});

describe('whatever the experiment', () => {
  const experiments = fc.record({
    batchSize: fc.integer({ min: 1, max: 4096 }),
    epochs: fc.integer({ min: 1, max: 300 }),
    baseLr: fc.double({ min: 1e-5, max: 10, noNaN: true }),
    model: fc.constantFrom('resnet8', 'resnet20', 'resnet56'),
  });

  test('inserting every offered trick, in any order, gives a file that can run and has none left', () => {
    const orders = fc.shuffledSubarray([...ALL_TRICKS], { minLength: ALL_TRICKS.length });
    fc.assert(
      fc.property(experiments, orders, ({ batchSize, epochs, baseLr, model }, order) => {
        const plain = [
          'name: any',
          `data: { dataset: synthetic, train_images: 4096, batch_size: ${batchSize} }`,
          `model: { name: ${model} }`,
          `optimizer: { base_lr: ${baseLr} }`,
          `schedule: { epochs: ${epochs} }`,
          '',
        ].join('\n');
        const inserted: string[] = [];
        // Twice, because a trick that has no effect at first may have one together with those that follow.
        const full = [...order, ...order].reduce((text, { name }) => {
          if (name === 'distillation' || inserted.includes(name) || !namesOf(text).includes(name))
            return text;
          inserted.push(name);
          return toggled(text, name);
        }, plain);
        const parsed = parseExperiment(full, 'a.experiment.yaml');
        expect(parsed.ok).toBe(true);
        const left = trickFits(parsed).filter(({ isIn }) => !isIn);
        expect(left.map(({ trick }) => trick.name)).toEqual(['distillation']);
        expect(inserted.reduce((text, name) => toggled(text, name), full)).toBe(plain);
      }),
      { numRuns: 15 },
    );
  });
});
