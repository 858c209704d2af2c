import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseExperiment } from '../../../src/experiment/parse';
import { type LabeledRun, runLabels } from '../../../src/insight/runLabels';
import { formatMoment } from '../../../src/shared/format';

const NOW = Date.UTC(2026, 10, 28, 12);
const MINUTE = 60_000;

interface Choice {
  readonly name?: string;
  readonly tricks?: string;
  readonly seed?: number;
  readonly batch?: number;
  readonly rate?: number;
  readonly more?: string;
  readonly settings?: readonly string[];
  readonly file?: string;
  readonly minutesAgo?: number;
}

function textOf({
  name = 'first-steps',
  tricks,
  seed = 1,
  batch = 128,
  rate = 0.1,
  more = '',
}: Choice): string {
  return `name: ${name}
data: { dataset: fashion-mnist-sample, batch_size: ${batch} }
model: { name: resnet8, width: 4 }
optimizer: { base_lr: ${rate} }
schedule: { epochs: 12, decay: cosine }
seed: ${seed}
${tricks === undefined ? '' : `tricks: { ${tricks} }`}
${more}
`;
}

/** Runs of these experiments, from one file unless stated otherwise. Each was created a minute after the next. */
function runsOf(...choices: readonly Choice[]): LabeledRun[] {
  return choices.map((choice, index) => {
    const { file = 'first-steps.experiment.yaml', settings, minutesAgo = index + 1 } = choice;
    const text = textOf(choice);
    const parsed = parseExperiment(text, file, settings ?? []);
    if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
    const { recipe } = parsed;
    const experiment = { file, text, ...(settings && { settings }) };
    const createdAt = NOW - minutesAgo * MINUTE;
    return {
      id: `run-${index}`,
      folder: `/store/run-${index}`,
      manifest: { name: recipe.name, createdAt, experiment, recipe },
    };
  });
}

const shortOf = (...choices: readonly Choice[]) => {
  const runs = runsOf(...choices);
  const labels = runLabels(runs, NOW);
  return runs.map(({ folder }) => labels.get(folder)?.short);
};

describe('labels of runs of one experiment', () => {
  test.each<[string, readonly Choice[], readonly string[]]>([
    ['one run keeps its name', [{}], ['first-steps']],
    [
      'runs that are alike are told apart by their age',
      [{ minutesAgo: 0 }, { minutesAgo: 3 }],
      ['just now', '3 min ago'],
    ],
    ['a trick that was added', [{}, { tricks: 'warmup: true' }], ['no tricks', '+ warmup']],
    [
      'a trick that most have',
      [
        { tricks: 'warmup: true, ema: true' },
        { tricks: 'warmup: true, ema: true, cosine_decay: true' },
        { tricks: 'ema: true' },
      ],
      ['+ warmup', '+ warmup, cosine_decay', '− warmup'],
    ],
    [
      'a trick that all but one have',
      [{ tricks: 'ema: true' }, { tricks: 'ema: true, warmup: true' }],
      ['− warmup', '+ warmup'],
    ],
    [
      'trick, seed and age together',
      [{}, { tricks: 'warmup: true', seed: 2 }, { tricks: 'warmup: true', seed: 2 }, { seed: 3 }],
      [
        'no tricks · seed 1',
        '+ warmup · seed 2 · 2 min ago',
        '+ warmup · seed 2 · 3 min ago',
        'no tricks · seed 3',
      ],
    ],
    [
      'what most have is not told',
      [{}, { rate: 0.2 }, { seed: 2 }],
      ['seed 1 · base_lr 0.1', 'base_lr 0.2', 'seed 2'],
    ],
    [
      "a trick's option, given or by default",
      [{ tricks: 'warmup: true' }, { tricks: 'warmup: { epochs: 2 }' }],
      ['warmup.epochs 5', 'warmup.epochs 2'],
    ],
    [
      'a setting by the command line',
      [{}, { settings: ['optimizer.weight_decay=0.001'] }],
      ['weight_decay 0.0001', 'weight_decay 0.001'],
    ],
    [
      'the most telling first',
      [{}, { batch: 64, rate: 0.05, seed: 2, tricks: 'warmup: true' }],
      [
        'no tricks · seed 1 · batch_size 128 · base_lr 0.1',
        '+ warmup · seed 2 · batch_size 64 · base_lr 0.05',
      ],
    ],
    [
      'of an optimizer, only what the other has as well',
      [{}, { settings: ['optimizer.name=adamw'] }],
      ['optimizer sgd · weight_decay 0.0001', 'optimizer adamw · weight_decay 0.01'],
    ],
    ['a key that the other lacks', [{}, { more: 'init: w.pt' }], ['first-steps', 'weights w.pt']],
  ])('%s', (_, choices, texts) => {
    expect(shortOf(...choices).slice(0, texts.length)).toEqual(texts);
  });

  test('of several names start with them, and only runs of one name are compared', () => {
    expect(shortOf({}, { seed: 2 }, { name: 'other', tricks: 'warmup: true' })).toEqual([
      'first-steps (seed 1)',
      'first-steps (seed 2)',
      'other',
    ]);
  });

  test('start with the name if no file is shown above', () => {
    const runs = runsOf({}, { seed: 2 });
    const labels = runLabels(runs, NOW);
    expect(runs.map(({ folder }) => labels.get(folder)?.full)).toEqual([
      'first-steps (seed 1)',
      'first-steps (seed 2)',
    ]);
  });

  test('of other files are not compared with them', () => {
    expect(shortOf({}, { file: 'other.experiment.yaml', seed: 2 })).toEqual(['first-steps', 'first-steps']);
  });

  test('have the time if ages are the same', () => {
    const hours = [121, 122].map((minutesAgo) => ({ minutesAgo }));
    expect(shortOf(...hours)).toEqual(
      hours.map(({ minutesAgo }) => formatMoment(NOW - minutesAgo * MINUTE, 'minutes')),
    );
  });

  test('use the recipe if the text is damaged', () => {
    const runs = runsOf({}, { seed: 2, tricks: 'warmup: true' }).map((run) => ({
      ...run,
      manifest: { ...run.manifest, experiment: { ...run.manifest.experiment, text: 'name: [' } },
    }));
    expect([...runLabels(runs, NOW).values()].map(({ short }) => short)).toEqual([
      'no tricks · seed 1',
      '+ warmup · seed 2',
    ]);
  });

  test('shorten long lists of tricks', () => {
    const all =
      'warmup: true, zero_gamma: true, no_bias_decay: true, label_smoothing: true, ema: true, mixup: true';
    const [, long = ''] = shortOf({}, { tricks: all });
    expect(long).toMatch(/^\+ \w+, \w+, \d more$/);
  });
});

test('no two runs of a file have the same label, whatever differs, and none is long', () => {
  const names = [
    'warmup',
    'zero_gamma',
    'no_bias_decay',
    'label_smoothing',
    'ema',
    'gradient_clipping',
  ] as const;
  const choice = fc.record({
    tricks: fc.subarray([...names]).map((some) => some.map((name) => `${name}: true`).join(', ')),
    seed: fc.integer({ min: 1, max: 3 }),
    batch: fc.constantFrom(64, 128),
    rate: fc.constantFrom(0.05, 0.1),
    minutesAgo: fc.constantFrom(0, 1, 70, 80),
  });
  fc.assert(
    fc.property(fc.array(choice, { minLength: 1, maxLength: 8 }), (choices) => {
      const texts = shortOf(...choices);
      expect(new Set(texts).size).toBe(choices.length);
      for (const text of texts) expect(text?.length).toBeLessThanOrEqual(80);
    }),
    { numRuns: 30 },
  );
});
