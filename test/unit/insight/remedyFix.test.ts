/** Every problem is described in words, and following them fixes it. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { parseExperiment } from '../../../src/experiment/parse';
import { formatProblem, type Problem } from '../../../src/experiment/problem';
import { experimentSchema } from '../../../src/experiment/schema';
import { keysAt } from '../../../src/experiment/schemaTree';
import { applyEdits } from '../../../src/experiment/text/textEdits';
import { remedyFix } from '../../../src/insight/remedyFix';
import type { Path } from '../../../src/shared/path';
import { valueAt, withValue } from '../../../src/shared/values';
import { ALL_TRICKS } from '../../../src/tricks/registry';

type Data = Readonly<Record<string, unknown>>;

const PLAIN: Data = {
  name: 'a',
  data: { dataset: 'synthetic' },
  model: { name: 'resnet8' },
  tricks: {},
};

/** Experiments that together contain every kind of each part. */
const KINDS: readonly Data[] = [
  ...['fashion-mnist', 'image_folder', 'csv', 'idx', 'npz', 'parquet'].map((dataset) => ({
    ...PLAIN,
    data: { dataset, ...(dataset !== 'fashion-mnist' && { path: 'images', split: {} }) },
  })),
  { ...PLAIN, data: { dataset: 'webdataset', train: 'shards' } },
  PLAIN,
  ...['resnet18', 'mobilenet_v1', 'densenet121', 'mlp'].map((name) => ({ ...PLAIN, model: { name } })),
  ...['sgd', 'adamw', 'lars'].map((name) => ({ ...PLAIN, optimizer: { name } })),
  ...['step', 'multi_step', 'polynomial', 'one_cycle'].map((name) => ({
    ...PLAIN,
    schedule: { epochs: 200, decay: { name } },
  })),
  { ...PLAIN, init: { weights: 'w.pth' }, loss: {} },
  { ...PLAIN, tricks: Object.fromEntries(ALL_TRICKS.map(({ name }) => [name, {}])) },
  ...['random_resized_crop', 'padded_crop', 'flip', 'color_jitter', 'pca_noise', 'randaugment'].map(
    (step) => ({
      ...PLAIN,
      data: { dataset: 'fashion-mnist', augment: [{ step }] },
    }),
  ),
];

const WRONG: readonly unknown[] = [null, -3, 7.5, 'text', '', 'off', [7], ['text'], { text: 1 }, true];

/** Returns every path of an experiment, with each kind of a part once. */
function pathsOf(experiment: Data): Path[] {
  const below = (path: Path): Path[] => {
    const keys: (string | number)[] = keysAt(path, experiment);
    const held = valueAt(experiment, path);
    const items = Array.isArray(held) ? held.map((_, index) => index) : [];
    return [...keys, ...items].flatMap((key) => [[...path, key], ...below([...path, key])]);
  };
  return below([]);
}

function fixed(text: string, fileName: string, problem: Problem): string | null {
  const { document } = parseExperiment(text, fileName);
  const fix = remedyFix(document, problem);
  const result = fix?.edits();
  return result?.ok ? applyEdits(text, result.edits) : null;
}

function problemsOf(text: string, fileName: string): readonly Problem[] {
  const parsed = parseExperiment(text, fileName);
  return parsed.ok ? [] : parsed.problems;
}

function isAt(path: Path, above: Path): boolean {
  return above.every((key, index) => path[index] === key);
}

/** A remedy that says what to write can be applied as an edit. */
const SAYS_WHAT =
  /Did you mean|such as|^Write (?!text)|^Use (?!one of)|Remove it|It is called|belongs under|write it there/;

/** Only a person knows which of several to choose. */
const A_PERSONS_CHOICE = /^Use a model such as|^Use parts such as|^Write teacher/;

const seen = new Set<string>();
const CASES = KINDS.flatMap((experiment) =>
  pathsOf(experiment).flatMap((path) => {
    const kind = JSON.stringify([path, valueAt(experiment, [...path.slice(0, -1), 'step'])]);
    if (seen.has(kind)) return [];
    seen.add(kind);
    return [{ name: path.join('.'), experiment, path }];
  }),
);

describe('a wrong value of', () => {
  test.each(CASES)('$name is reported in words, and fixed by what they say', ({ experiment, path }) => {
    for (const [index, wrong] of WRONG.entries()) {
      const value = withValue(experiment, path, wrong);
      const isJson = index % 2 === 1;
      const fileName = isJson ? 'a.json' : 'a.yaml';
      const text = isJson ? JSON.stringify(value, null, 2) : stringify(value);
      const problems = problemsOf(text, fileName).filter((problem) => isAt(problem.path, path));
      for (const problem of problems) {
        const said = formatProblem('f', problem);
        expect(said).not.toMatch(/\[object|undefined|NaN|\{\d\}/);
        const after = fixed(text, fileName, problem);
        if (after === null) {
          if (!A_PERSONS_CHOICE.test(problem.remedy)) expect(problem.remedy).not.toMatch(SAYS_WHAT);
          continue;
        }
        const left = problemsOf(after, fileName).filter(({ path: at, what }) => {
          return what === problem.what && at.join('.') === problem.path.join('.');
        });
        expect([said, after, left.map(({ what }) => what)]).toEqual([said, after, []]);
      }
    }
  });

  test('any part is found, where the schema finds it', () => {
    for (const { experiment, path } of CASES) {
      for (const wrong of WRONG) {
        const value = withValue(experiment, path, wrong);
        const isSectionOmitted = path.length === 1 && wrong === null;
        if (isSectionOmitted || experimentSchema.safeParse(value).success) continue;
        const problems = problemsOf(JSON.stringify(value), 'a.json');
        expect([path, wrong, problems.some(({ path: at }) => isAt(at, path) || isAt(path, at))]).toEqual([
          path,
          wrong,
          true,
        ]);
      }
    }
  });
});

/** An invalid file, its message without the position, and the text after its fix. */
const BASE = `name: a
data: { dataset: synthetic }
model: { name: resnet8 }
`;

describe('the fix of a wrong file', () => {
  test.each([
    ['optimizer: { name: sdg }', 'Did you mean sgd?', 'optimizer: { name: sgd }'],
    ['optimizer: { lr: 0.2 }', 'It is called base_lr here.', 'optimizer: { base_lr: 0.2 }'],
    ['optimizer: { learning-rate: 0.2 }', 'It is called base_lr here.', 'optimizer: { base_lr: 0.2 }'],
    ['optimizer: { wd: 0.1 }', 'It is called weight_decay here.', 'optimizer: { weight_decay: 0.1 }'],
    ['optimizer: { momentun: 0.8 }', 'Did you mean momentum?', 'optimizer: { momentum: 0.8 }'],
    ['schedule: { max_epochs: 9 }', 'It is called epochs here.', 'schedule: { epochs: 9 }'],
    ['schedule: { decay: cos }', 'Did you mean cosine?', 'schedule: { decay: cosine }'],
    ['lr: 0.2', 'Write it as optimizer.base_lr instead.', 'optimizer:\n  base_lr: 0.2'],
    ['epochs: 9', 'It belongs under schedule.', 'schedule:\n  epochs: 9'],
    ['mixup: true', 'It is the trick mixup: write it under tricks.', 'tricks:\n  mixup: true'],
    [
      'label_smoothing: 0.2',
      'It is the trick label_smoothing: write it under tricks.',
      'tricks:\n  label_smoothing: { epsilon: 0.2 }',
    ],
    ['engine: gpu', 'Did you mean tensorflow-gpu?', 'engine: tensorflow-gpu'],
    ['tricks: { mixpu: true }', 'Did you mean mixup?', 'tricks: { mixup: true }'],
    ['tricks: [warmup]', 'Write tricks: { warmup: true }.', 'tricks: { warmup: true }'],
    [
      'tricks: [warmup, ema: { decay: 0.9 }]',
      'Write tricks: { warmup: true, ema: { decay: 0.9 } }.',
      'tricks: { warmup: true, ema: { decay: 0.9 } }',
    ],
    [
      'tricks:\n  - warmup\n  - mixpu',
      'Write tricks: { warmup: true, mixup: true }.',
      'tricks: { warmup: true, mixup: true }',
    ],
    ['tricks: warmup', 'Write tricks: { warmup: true }.', 'tricks: { warmup: true }'],
    [
      'tricks: { cosine_decay: off }',
      'In YAML 1.2 off is text: write false to turn the trick off.',
      'tricks: { cosine_decay: false }',
    ],
    [
      'tricks: { cosine_decay: yes }',
      'In YAML 1.2 yes is text: write true.',
      'tricks: { cosine_decay: true }',
    ],
    ['tricks: { cosine_decay: "true" }', 'Write true without quotes.', 'tricks: { cosine_decay: true }'],
    [
      'tricks: { label_smoothing: 0.2 }',
      'Write label_smoothing: { epsilon: 0.2 }.',
      'tricks: { label_smoothing: { epsilon: 0.2 } }',
    ],
    ['optimizer: { nesterov: no }', 'In YAML 1.2 no is text: write false.', 'optimizer: { nesterov: false }'],
    ['optimizer: adam', 'Write optimizer: { name: adam }.', 'optimizer: { name: adam }'],
    ['seed: [3]', 'Write 3.', 'seed: 3'],
    ['seed: "3"', 'Write 3 without quotes.', 'seed: 3'],
  ])('%s', (wrong, remedy, right) => {
    const text = `${BASE}${wrong}\n`;
    const [problem] = problemsOf(text, 'a.yaml');
    expect(problem?.remedy).toBe(remedy);
    expect(problem && fixed(text, 'a.yaml', problem)).toBe(`${BASE}${right}\n`);
    expect(problemsOf(`${BASE}${right}\n`, 'a.yaml')).toEqual([]);
  });

  test.each([
    ['{ name: mlp, hidden: 512 }', 'Write [512].', '{ name: mlp, hidden: [512] }'],
    ['{ name: resnet9, widht: 8 }', 'Did you mean width?', '{ name: resnet9, width: 8 }'],
    ['{ name: ResNet-20 }', 'Did you mean resnet20?', '{ name: resnet20 }'],
    ['{ arch: resnet20 }', 'It is called name here.', '{ name: resnet20 }'],
    ['mobilenet', 'Write model: { name: mobilenet_v1 }.', '{ name: mobilenet_v1 }'],
  ])('of a model: %s', (wrong, remedy, right) => {
    const text = BASE.replace('{ name: resnet8 }', wrong);
    const problems = problemsOf(text, 'a.yaml');
    expect(problems.map((problem) => [problem.remedy, fixed(text, 'a.yaml', problem)])).toEqual([
      [remedy, BASE.replace('{ name: resnet8 }', right)],
    ]);
  });

  test.each([
    [
      'imagenet',
      'Write dataset: image_folder, and path: the folder on your disk with train and val.',
      'image_folder',
    ],
    [
      'ImageNet-1k',
      'Write dataset: image_folder, and path: the folder on your disk with train and val.',
      'image_folder',
    ],
    ['mnist', 'Write dataset: idx, and path: the folder of its four files.', 'idx'],
    ['cifar-10', 'Did you mean cifar10?', 'cifar10'],
    ['image-folder', 'Did you mean image_folder?', 'image_folder'],
  ])('of the data set %s says what to write for the files on the disk', (wrong, remedy, right) => {
    const text = BASE.replace('synthetic', wrong).replace('{ dataset', '{ batch_size: 32, dataset');
    const [problem] = problemsOf(text, 'a.yaml').filter(({ path }) => path.join('.') === 'data.dataset');
    expect(problem?.remedy).toBe(remedy);
    const after = (problem && fixed(text, 'a.yaml', problem)) ?? '';
    expect(valueAt(parseExperiment(after, 'a.yaml').document.value, ['data'])).toMatchObject({
      batch_size: 32,
      dataset: right,
    });
    expect(problemsOf(after, 'a.yaml').map(({ what }) => what)).toEqual(
      wrong === 'image-folder' ? ['data.path is missing.'] : [],
    );
  });

  test('guesses nothing if the place is taken', () => {
    const text = `${BASE}optimizer: { base_lr: 0.1 }\nlr: 0.3\n`;
    const [problem] = problemsOf(text, 'a.yaml');
    expect(problem && fixed(text, 'a.yaml', problem)).toBeNull();
  });
});

/** A fault in one part, with the path at which it is reported. */
const FAULTS: readonly { readonly path: Path; readonly wrong: unknown; readonly found?: Path }[] = [
  { path: ['name'], wrong: 7 },
  { path: ['seed'], wrong: -1 },
  { path: ['engine'], wrong: 'abacus' },
  { path: ['data', 'dataset'], wrong: 'nothing-like-it' },
  { path: ['data', 'batch_size'], wrong: 0 },
  { path: ['data', 'augment'], wrong: ['flip', 'flop', { step: 'flap' }], found: ['data', 'augment', 1] },
  { path: ['data', 'shuffel'], wrong: true },
  { path: ['model', 'name'], wrong: 'transformer-xl' },
  { path: ['model', 'classes'], wrong: 'many' },
  { path: ['optimizer', 'name'], wrong: 'sdg' },
  { path: ['optimizer', 'base_lr'], wrong: 'fast' },
  { path: ['optimizer', 'wieght_decay'], wrong: 0.1 },
  { path: ['schedule', 'decay'], wrong: 'sideways' },
  { path: ['schedule', 'update'], wrong: 3 },
  { path: ['loss', 'class_weights'], wrong: [1, 2] },
  { path: ['init', 'head'], wrong: 'off' },
  { path: ['tricks', 'mixup'], wrong: 'off' },
  { path: ['tricks', 'ema', 'decay'], wrong: 3 },
  { path: ['tricks', 'no_such'], wrong: true },
  // Faults that only the check for trainable experiments finds.
  { path: ['tricks', 'warmup'], wrong: { epochs: 50 }, found: ['tricks', 'warmup', 'epochs'] },
  { path: ['tricks', 'lamb'], wrong: true },
  {
    path: ['tricks', 'random_erasing'],
    wrong: { min_area: 0.5, max_area: 0.2 },
    found: ['tricks', 'random_erasing', 'min_area'],
  },
];

test('independent errors in different parts of an experiment are found at once', () => {
  const sound = {
    name: 'a',
    data: { dataset: 'synthetic' },
    model: { name: 'resnet8' },
    optimizer: { name: 'sgd' },
    schedule: { epochs: 20, decay: 'cosine' },
    init: { weights: 'w.pth' },
    loss: {},
    tricks: { lars: true },
  };
  expect(problemsOf(JSON.stringify(sound), 'a.json')).toEqual([]);
  const some = fc.shuffledSubarray([...FAULTS], { minLength: 1, maxLength: 8 });
  fc.assert(
    fc.property(some, fc.constantFrom('a.yaml', 'a.json'), (faults, fileName) => {
      const value = faults.reduce<unknown>((all, { path, wrong }) => withValue(all, path, wrong), sound);
      const text = fileName === 'a.json' ? JSON.stringify(value) : stringify(value);
      const found = problemsOf(text, fileName).map(({ path }) => path.join('.'));
      const expected = faults.map(({ path, found: at }) => (at ?? path).join('.'));
      expect(expected.filter((path) => !found.includes(path))).toEqual([]);
    }),
    { numRuns: 60 },
  );
});

test('what depends on a wrong part is not guessed', () => {
  const text = (batch: string, dataset = 'synthetic') => `name: a
data: { dataset: ${dataset}, batch_size: ${batch} }
model: { name: resnet8 }
schedule: { epochs: many }
tricks: { warmup: { epochs: 500 } }
`;
  expect(problemsOf(text('64'), 'a.yaml').map(({ path }) => path.join('.'))).toEqual(['schedule.epochs']);
  expect(problemsOf(text('99999999', 'unheard-of'), 'a.yaml').map(({ path }) => path.join('.'))).toEqual([
    'data.dataset',
    'schedule.epochs',
  ]);
});
