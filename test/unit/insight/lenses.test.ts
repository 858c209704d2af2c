import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseExperiment } from '../../../src/experiment/parse';
import { applyEdits } from '../../../src/experiment/text/textEdits';
import { experimentLenses, type LensFace, type LensSurroundings } from '../../../src/insight/lenses';
import { trickFits } from '../../../src/insight/trickFit';
import { MANIFEST_VERSION, type Manifest } from '../../../src/protocol/manifest';
import { indexRuns } from '../../../src/study/effect';
import { ALL_TRICKS, TRICKS } from '../../../src/tricks/registry';

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

/** A ResNet for ImageNet, on images that are large enough for all of its forms. */
const RESNET50 = PLAIN.replace('resnet20', 'resnet50').replace(
  'fashion-mnist-sample,',
  'synthetic, height: 64, width: 64,',
);

const SURROUNDINGS: LensSurroundings = { obstacle: null, lastRun: null, runs: new Map(), hidden: new Set() };

/** The lenses as they are shown. */
const lensesOf = (
  text: string,
  surroundings: Partial<LensSurroundings> = {},
): ({ readonly line: number } & LensFace)[] =>
  experimentLenses(parseExperiment(text, 'a.experiment.yaml'), { ...SURROUNDINGS, ...surroundings }).map(
    (lens) => ({ line: lens.line, ...lens.face() }),
  );

/** Titles by line counted from 1 as an editor shows it. */
const shown = (lenses: ReturnType<typeof lensesOf>) =>
  lenses.map(({ line, title }) => `${line + 1} ${title}`);

const fitsOf = (text: string, fileName = 'a.experiment.yaml') => trickFits(parseExperiment(text, fileName));
const namesOf = (text: string) => fitsOf(text).map(({ trick }) => trick.name);

/** The text after a click on the lens of a trick. */
function toggled(text: string, name: string, fileName = 'a.experiment.yaml'): string {
  const result = fitsOf(text, fileName)
    .find(({ trick }) => trick.name === name)
    ?.toggle();
  if (!result?.ok) throw new Error(`${name} cannot be toggled in ${text}`);
  return applyEdits(text, result.edits);
}

describe('the lenses of a YAML experiment', () => {
  test('run it at the top and offer tricks at the lines they concern, in numbers of this file', () => {
    // Goyal's rule: 0.1 x 1024 / 256; 11 steps an epoch; ResNet-20 has 9 blocks; 22 kernels and 43 others.
    expect(shown(lensesOf(PLAIN))).toEqual([
      '1 Run',
      '1 Recipe',
      '1 Find out which tricks pay here',
      '2 Mixed precision: float16, loss × 65536 · memory 1.19 GiB to 612 MiB where half precision is native',
      '3 Label smoothing: target 0.91 for the class, 0.01 for each of the other 9',
      '3 Mixup: every batch mixed, λ from Beta(0.2, 0.2)',
      '3 More tricks...',
      '4 Zero gamma: 9 residual blocks start as their shortcut',
      '4 Distillation: learns from a finished run, at temperature 20',
      '4 More tricks...',
      '5 LARS: trust ratio × 0.001 a layer, at batch 1024',
      '5 Gradient clipping: norm of gradients at most 1',
      '5 More tricks...',
      '6 Linear scaling: 0.1 at 256 gives 0.4 at 1024',
      '7 No bias decay: 43 of 65 tensors train without weight decay',
      '8 Cosine decay: rate falls from 0.1 to 0 over 1320 steps, instead of step',
      '9 Warmup: rate rises from 0 to 0.1 over 55 steps',
      "9 Weights' moving average: about 88 steps of 1320 · memory +1.04 MiB",
    ]);
  });

  test('keep the tricks that a line has no room for behind the last lens', () => {
    const lenses = lensesOf(PLAIN);
    const inserted = lenses.flatMap(({ action }) => (action.type === 'insertTrick' ? [action.trick] : []));
    const behind = lenses.flatMap(({ action }) => (action.type === 'pickTrick' ? action.tricks : []));
    expect([...inserted, ...behind].sort()).toEqual(namesOf(PLAIN).sort());
    expect(behind).toEqual(expect.arrayContaining(['cutmix', 'random_erasing', 'stochastic_depth', 'lamb']));
    for (const { line } of lenses.filter(({ action }) => action.type === 'pickTrick')) {
      expect(lenses.filter((lens) => lens.line === line)).toHaveLength(3);
      expect(lenses.findLast((lens) => lens.line === line)?.title).toBe('More tricks...');
    }
  });

  test('show the tricks that are in first, then what configures them, then those that are not in', () => {
    const text = `${PLAIN}tricks:\n  sam: true\n  random_erasing: true\n`;
    const titles = shown(lensesOf(text));
    expect(
      titles.filter((title) => /^[35] /.test(title)).map((title) => title.split(/[:(]/)[0]?.trim()),
    ).toEqual([
      '3 Remove random erasing',
      '3 Configure random erasing...',
      '3 More tricks...',
      '5 Remove sharpness-aware minimisation',
      '5 Configure sharpness-aware minimisation...',
      '5 More tricks...',
    ]);
  });

  test('have one that configures all tricks of a line, and none for tricks without options', () => {
    const tricks = '{ warmup: true, ema: { decay: 0.99 }, zero_gamma: true }';
    const lenses = lensesOf(`${PLAIN}  decay: cosine\ntricks: ${tricks}\n`);
    const onLine = (line: number) => lenses.filter((lens) => lens.line === line - 1);
    const [, , configure] = onLine(9);
    expect(configure).toMatchObject({
      icon: 'gear',
      title: 'Configure...',
      tooltip:
        "Warmup: epochs 5, count_from 0, update step\nWeights' moving average: decay 0.99, warmup true",
      action: { type: 'configureTrick', tricks: ['warmup', 'ema'] },
    });
    expect(onLine(4).some(({ title }) => /Configure/.test(title))).toBe(false);
  });

  test('keep what configures behind the last lens where a line has no room for it', () => {
    const text = `${PLAIN}tricks: { mixup: true, label_smoothing: true }\n`;
    const more = lensesOf(text).find(({ line, title }) => line === 2 && title === 'More tricks...');
    expect(more?.action).toMatchObject({ type: 'pickTrick', configurable: ['label_smoothing', 'mixup'] });
    const { tricks = [] } = more?.action.type === 'pickTrick' ? more.action : {};
    expect(tricks).toEqual(expect.arrayContaining(['cutmix', 'random_erasing', 'gradient_accumulation']));
    expect(more?.tooltip).toContain('Configure mixup...\n');
  });

  test('never stand four on a line', () => {
    const one = '{ name: one, data: { dataset: synthetic }, model: { name: resnet8 } }\n';
    const atTop = ['Run', 'Recipe', 'Find out which tricks pay here'];
    expect(lensesOf(one).filter(({ title }) => !atTop.includes(title))).toHaveLength(3);
  });

  test('keep names such as LARS and ResNet-B as they are', () => {
    const text = RESNET50.concat('tricks: { lars: true, resnet_b: true }\n');
    const titles = shown(lensesOf(text));
    expect(titles).toContainEqual(expect.stringMatching(/^5 Remove LARS /));
    expect(titles).toContainEqual(expect.stringMatching(/^4 Remove ResNet-B /));
  });

  test('offer to remove a trick that is in, with what it does there', () => {
    const text = `${PLAIN}tricks:\n  linear_scaling: { base_batch_size: 512 }\n`;
    expect(shown(lensesOf(text))).toContain('6 Remove linear scaling (0.1 at 512 gives 0.2 at 1024)');
  });

  test('count with the tricks that are in', () => {
    const text = `${PLAIN}tricks:\n  linear_scaling: true\n`;
    expect(shown(lensesOf(text))).toContain('9 Warmup: rate rises from 0 to 0.4 over 55 steps');
  });

  test('offer a trick that is switched off', () => {
    const text = `${PLAIN}tricks:\n  zero_gamma: false\n`;
    expect(shown(lensesOf(text))).toContain('4 Zero gamma: 9 residual blocks start as their shortcut');
  });

  test('stand at the nearest line there is where the file leaves a default out', () => {
    const text = '# short\nname: short\ndata: { dataset: fashion-mnist-sample }\nmodel: { name: resnet8 }\n';
    expect(lensesOf(text).map(({ line }) => line)).toEqual([0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3]);
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
    const withoutFigures = lensesOf(PLAIN).find(({ title }) => title.startsWith('LARS'))?.tooltip;
    expect(withoutFigures).toContain('You et al. 2017 has no figure for it alone');
  });
});

describe('a trick is offered only where', () => {
  test('it changes something', () => {
    expect(namesOf(PLAIN)).not.toContain('resnet_d');
    expect(namesOf(RESNET50)).toContain('resnet_d');
    expect(namesOf(`${PLAIN}  decay: cosine\n`)).not.toContain('cosine_decay');
    expect(namesOf(PLAIN.replace('0.0001', '0'))).not.toContain('no_bias_decay');
  });

  test('no trick of the file excludes it, and none implies it', () => {
    expect(namesOf(`${PLAIN}tricks: { lamb: true }\n`)).not.toContain('lars');
    expect(namesOf(`${PLAIN}tricks: { lars: true }\n`)).not.toContain('lamb');
    expect(namesOf(`${RESNET50}tricks: { resnet_d: true }\n`)).not.toContain('resnet_b');
  });

  test('the rest of the file leaves it room', () => {
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

  test('say why nothing can be run here, and leave the tricks', () => {
    const untrusted = lensesOf(PLAIN, { obstacle: 'untrusted' });
    expect(untrusted[0]).toMatchObject({
      title: 'Cannot run: the workspace is not trusted',
      action: { type: 'manageTrust' },
    });
    const noDisk = lensesOf(PLAIN, { obstacle: 'no_disk' });
    expect(noDisk[0]?.title).toBe('Cannot run: the file is on no disk');
    expect(shown(noDisk)).toContain('6 Linear scaling: 0.1 at 256 gives 0.4 at 1024');
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

  test("says what it was worth over the seeds, whether it is in or not, whatever the file's own seed and name", () => {
    // Differences of 0.36, 0.42 and 0.48 points: 4.3027 x 0.06 / sqrt(3) = 0.149.
    const effect = '+0.42 ± 0.15 points over 3 seeds';
    const without = experiment(7, '').replace('name: plain', 'name: renamed');
    expect(warmupLens(without, ...three)?.title).toBe(
      `Warmup: rate rises from 0 to 0.1 over 55 steps · ${effect}`,
    );
    expect(warmupLens(experiment(7, WARMUP), ...three)?.title).toContain(`over 55 steps · ${effect})`);
    expect(warmupLens(without, ...three)?.tooltip).toContain("by Student's t");
  });

  test('says where the interval holds 0', () => {
    const runs = [...both(1, 0.9, 0.91), ...both(2, 0.9, 0.89)];
    expect(warmupLens(experiment(1, ''), ...runs)?.tooltip).toContain('no effect is shown');
  });

  test('makes nothing of one seed, of runs of different seeds or engines, or of another recipe', () => {
    expect(warmupLens(experiment(1, ''), ...both(1, 0.9, 0.91))?.title).toContain(
      'one seed: no evidence yet',
    );
    const apart = [runOf(experiment(1, ''), 0.9), runOf(experiment(2, WARMUP), 0.91)];
    const engines = [runOf(experiment(1, ''), 0.9), runOf(experiment(1, WARMUP), 0.91, 0, 'cpu')];
    const longer = experiment(1, '').replace('120', '60');
    for (const lens of [
      warmupLens(experiment(1, ''), ...apart),
      warmupLens(experiment(1, ''), ...engines),
      warmupLens(longer, ...three),
      warmupLens(experiment(1, '')),
    ]) {
      expect(lens?.title).toMatch(/steps$/);
      expect(lens?.tooltip).toContain('On this experiment: not yet measured');
    }
  });

  test('counts the newer of two runs that are alike', () => {
    const runs = [...both(1, 0.9, 0.91), ...both(2, 0.9, 0.91), runOf(experiment(2, WARMUP), 0.93, 5)];
    const lens = warmupLens(experiment(1, ''), ...runs);
    expect(lens?.title).toContain('+2.00 ± 12.71 points over 2 seeds');
    expect(lens?.tooltip).toContain('on wasm, threads: 2; ');
    expect(lens?.tooltip).toContain('runs left out: 1 repeated (the latest run of a seed counts)');
  });
});

describe('a trick whose lens is switched off', () => {
  test('has none, and leaves its place to others', () => {
    const titles = shown(lensesOf(PLAIN, { hidden: new Set(['lars', 'warmup']) }));
    expect(titles.some((title) => /LARS|Warmup/.test(title))).toBe(false);
    // Without LARS the line of the optimizer shows two others, and without all but two it needs no more.
    const onLine = (lenses: ReturnType<typeof lensesOf>) => lenses.filter(({ line }) => line === 4);
    const all = onLine(lensesOf(PLAIN)).flatMap(({ action }) =>
      action.type === 'insertTrick' ? [action.trick] : action.type === 'pickTrick' ? action.tricks : [],
    );
    const withoutLars = onLine(lensesOf(PLAIN, { hidden: new Set(['lars', 'warmup']) }));
    expect(withoutLars.map(({ title }) => title.split(':')[0])).toEqual([
      ...all
        .filter((name) => name !== 'lars')
        .slice(0, 2)
        .map((name) => TRICKS[name].title()),
      'More tricks...',
    ]);
    const two = onLine(lensesOf(PLAIN, { hidden: new Set(all.slice(2)) }));
    expect(two.map(({ title }) => title.split(':')[0])).toEqual(
      all.slice(0, 2).map((name) => TRICKS[name].title()),
    );
  });
});

describe('the lens of a trick that the file cannot be edited for', () => {
  const text = `x: &t { zero_gamma: true }\n${PLAIN}tricks: *t\n`;

  test('says why, whether it is in or not, and shows what it changes', () => {
    const why = 'tricks is written elsewhere, behind an alias';
    const lenses = lensesOf(text);
    const ofTricks = lenses.filter(({ line, action }) => line > 0 && action.type !== 'pickTrick');
    expect(shown(ofTricks)).toEqual(
      expect.arrayContaining([`5 Zero gamma: ${why}`, `7 Linear scaling: ${why}`]),
    );
    for (const { title, icon, action } of ofTricks) {
      expect([title, icon, action.type]).toEqual([expect.stringContaining(why), 'info', 'compareTrick']);
    }
  });
});

describe('the lenses of a file with problems', () => {
  test('count the problems, show the first, and insert what fits the rest of the file', () => {
    const text = PLAIN.replace('base_lr: 0.1', 'base_lr: -0.1').replace('0.0001', 'small');
    const lenses = lensesOf(text);
    expect(shown(lenses)[0]).toBe('1 Cannot run: 2 problems');
    expect(shown(lenses)).toEqual(
      expect.arrayContaining(['4 Zero gamma', '6 Linear scaling', '7 No bias decay', '9 Warmup']),
    );
    expect(lenses[0]?.action).toMatchObject({ type: 'showProblem', range: { start: { line: 5 } } });
    expect(toggled(text, 'warmup')).toContain('  warmup: { epochs: 5 }\n');
  });

  test('say one problem in the singular', () => {
    expect(shown(lensesOf(PLAIN.replace('resnet20', 'resnet21')))[0]).toBe('1 Cannot run: 1 problem');
  });

  test('let the trick that makes the problem go', () => {
    const text = `${PLAIN}tricks:\n  warmup: { epochs: 500 }\n`;
    expect(shown(lensesOf(text))).toContain('9 Remove warmup');
    expect(toggled(text, 'warmup')).toBe(PLAIN);
  });

  test('offer no trick where the text cannot be read, or too little of it is there', () => {
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

  test('has the same lenses as YAML, and a click puts each trick in and takes it out again', () => {
    const fileName = 'valid.experiment.jsonc';
    const fits = fitsOf(text, fileName);
    expect(fits.length).toBeGreaterThan(10);
    for (const { trick, isIn } of fits) {
      const once = toggled(text, trick.name, fileName);
      expect(once).not.toBe(text);
      const after = fitsOf(once, fileName).find((fit) => fit.trick === trick);
      expect(after?.isIn).toBe(!isIn);
      // Only a person can name a teacher.
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

  test('inserting every trick that is offered, in any order, leads to a file that can run and has none left', () => {
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
        const full = order.reduce((text, { name }) => {
          if (name === 'distillation' || !namesOf(text).includes(name)) return text;
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
