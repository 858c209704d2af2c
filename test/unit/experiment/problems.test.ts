import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parseExperiment } from '../../../src/experiment/parse';
import { formatProblem } from '../../../src/experiment/problem';

const FOLDER = join(__dirname, '../../fixtures/experiments');

/** The problems reported for each file in test/fixtures/experiments, by name. */
const EXPECTED: Record<string, readonly string[]> = {
  'alias-bomb.experiment.yaml': [
    '2:11: error: The aliases in this file expand to too much content. Write the values out, or use at most 100 aliases.',
  ],
  'crlf.experiment.yaml': [
    '2:59: error: A batch of 64 is larger than the 32 training images. Use at most 32.',
    '3:33: error: model.width must be a multiple of 2, not 15. Use a number such as 16.',
  ],
  'custom-tag.experiment.yaml': [
    '4:7: error: The tag !random is not allowed: an experiment is plain data. Remove the tag.',
  ],
  'duplicate-key.experiment.json': [
    '1:52: error: The key dataset is written twice. Keep one of them.',
    '2:3: error: The key name is written twice. Keep one of them.',
  ],
  'duplicate-key.experiment.yaml': ['5:1: error: The key model is written twice. Keep one of them.'],
  'empty.experiment.yaml': [
    '1:1: error: The file holds no experiment. Write at least name, data and model, such as model: { name: resnet20 }.',
  ],
  'long-default-warmup.experiment.yaml': [
    '6:3: error: Warmup of 5 epochs is longer than the training of 3. Use at most 3, or raise schedule.epochs.',
  ],
  'long-warmup.experiment.yaml': [
    '6:21: error: Warmup of 5 epochs is longer than the training of 3. Use at most 3, or raise schedule.epochs.',
  ],
  'malformed.experiment.json': [
    '4:3: error: Malformed JSON: a comma is missing before this. End the entry before it with a comma.',
  ],
  'malformed.experiment.yaml': [
    '5:1: error: The closing } is missing before this. Add }, or indent the lines inside.',
  ],
  'missing-parts.experiment.yaml': [
    '1:1: error: model is missing. Add it, such as model: { name: resnet20 }.',
    '2:1: error: data.dataset is missing. Add it, such as dataset: fashion-mnist-sample.',
    '4:3: error: tricks.zero_gamma must be true, false or a mapping, not an empty value. Write true.',
  ],
  'negative-rate.experiment.yaml': [
    '5:12: error: optimizer.base_lr must be greater than 0, not -0.1. Use a positive number such as 0.1.',
  ],
  'tabs.experiment.yaml': ['5:1: error: YAML cannot be indented with tabs. Use spaces.'],
  'two-documents.experiment.yaml': [
    '5:1: error: A second document begins here, but a file holds one experiment. Move it to a separate file.',
  ],
  'unknown-alias.experiment.yaml': [
    '4:23: error: The alias *rate has no anchor before it. Write &rate before the value it stands for, or write the value here.',
  ],
  'unknown-keys.experiment.yaml': [
    '2:1: error: Unknown key epochs. It belongs under schedule.',
    '3:29: error: Unknown key batch_sise. Did you mean batch_size?',
    '5:14: error: Unknown key base_rl. Did you mean base_lr?',
    '7:26: error: Unknown key milestones. Remove it.',
    '9:3: error: Unknown key zero_gama. Did you mean zero_gamma?',
    '10:13: error: Unknown key epoch. Did you mean epochs?',
    '11:1: error: Unknown key favourite_colour. Use one of loss, seed, init, engine.',
  ],
  'untrainable.experiment.yaml': [
    '2:59: error: A batch of 64 is larger than the 32 training images. Use at most 32.',
    '6:42: error: The milestone at epoch 4 is not within the 3 epochs of training. Use milestones below 3, or raise schedule.epochs.',
  ],
  'valid.experiment.jsonc': [],
  'valid.experiment.yaml': [],
  'wrong-choices.experiment.yaml': [
    '2:18: error: data.dataset must be fashion-mnist-sample, fashion-mnist, image_folder, csv, cifar10, cifar100, idx, npz, parquet, webdataset or synthetic, not "fashion-mnist-smple". Did you mean fashion-mnist-sample?',
    '2:48: error: data.augment must be flip, crop_flip, none, imagenet, cifar, randaugment or trivialaugment, not "flips". Did you mean flip?',
    '3:16: error: model.name must be resnet8, resnet14, resnet20, resnet32, resnet44, resnet56, resnet110, resnet18, resnet34, resnet50, resnet101, resnet152, resnet9, mobilenet_v1, inception_v3, vgg16_bn, densenet121, cnn or mlp, not "resnet21". Did you mean resnet20?',
    '4:20: error: optimizer.name must be sgd, adam, adamw, lars or lamb, not "adamm". Did you mean adam?',
    '5:20: error: schedule.decay must be constant, step, multi_step, cosine, linear, polynomial or one_cycle, not "cosin". Did you mean cosine?',
    '7:25: error: tricks.warmup.count_from must be 0 or 1, not 2. Use one of 0, 1.',
    '8:9: error: engine must be auto, tensorflow-gpu, webgpu, tensorflow, wasm or cpu, not "gpu". Did you mean tensorflow-gpu?',
  ],
  'wrong-types.experiment.jsonc': [
    '3:11: error: name must be text, not 7. Use text such as my-experiment.',
    '4:51: error: data.batch_size must be a number, not "64". Write 64 without quotes.',
    '5:12: error: model must be a mapping, not "resnet8". Write model: { name: resnet8 }.',
    '6:30: error: optimizer.nesterov must be true or false, not "yes". Write true.',
    '6:49: error: optimizer.momentum must be less than 1, not 1. Use a number such as 0.9.',
    '7:27: error: schedule.epochs must be a whole number, not 2.5. Use a number such as 120.',
    '7:41: error: schedule.decay must be constant, step, multi_step, cosine, linear, polynomial, one_cycle or a mapping, not 0.5. Write keys and values such as { name: multi_step }.',
    '8:25: error: tricks.warmup must be true, false or a mapping, not 3. Write warmup: { epochs: 3 }.',
    '8:42: error: tricks.zero_gamma must be true, false or a mapping, not "on". Write true.',
    '8:87: error: tricks.linear_scaling.base_batch_size must be greater than 0, not 0. Use a positive number such as 256.',
  ],
};

function problemsOf(text: string, fileName: string, settings: readonly string[] = []): string[] {
  const result = parseExperiment(text, fileName, settings);
  return result.ok ? [] : result.problems.map((problem) => formatProblem(fileName, problem));
}

describe('each problem is reported in plain words at its line and column', () => {
  test.each(Object.entries(EXPECTED))('%s', (fileName, expected) => {
    const text = readFileSync(join(FOLDER, fileName), 'utf8');
    expect(problemsOf(text, fileName)).toEqual(expected.map((line) => `${fileName}:${line}`));
  });

  test('no file is left out', () => {
    expect(readdirSync(FOLDER).sort()).toEqual(Object.keys(EXPECTED).sort());
  });

  test.each([
    ['{', '1:2: error: Malformed JSON: a brace is not closed. Add a }.'],
    ['{"a"}', '1:5: error: Malformed JSON: a colon is missing here. Write "key": value.'],
    [
      "{'a': 1}",
      '1:2: error: Malformed JSON: this is not allowed here. Put text in double quotes, and double each backslash.',
    ],
    [
      '{"a": }',
      '1:7: error: Malformed JSON: a value is expected here. Write a number, true, false, or text in double quotes.',
    ],
    [
      '{"a": "b',
      '1:7: error: Malformed JSON: a string is not closed. End it with a double quote on the same line.',
    ],
    [
      '{} {}',
      '1:4: error: Malformed JSON: the experiment ends before this. Keep everything inside one pair of braces.',
    ],
    ['[1, 2', '1:6: error: Malformed JSON: a bracket is not closed. Add a ].'],
  ])('malformed JSON: %s', (text, expected) => {
    expect(problemsOf(text, 'a.json')).toEqual([`a.json:${expected}`]);
  });

  test.each([
    [
      'a: b: c',
      '1:4: error: There is a second key on this line. Put it on a separate line, or put the text in quotes.',
    ],
    ['name: "bad\nseed: 1\n', '3:1: error: Text in quotes is not closed. End it with ".'],
    [
      'name: "\\d"\n',
      '1:8: error: Malformed YAML: invalid escape sequence \\d. Use single quotes, in which a backslash is just a backslash.',
    ],
    ['a: [1, 2\n', '2:1: error: The closing ] is missing before this. Add ], or indent the lines inside.'],
    [
      'a: !!set { b }',
      '1:4: error: The tag !!set is not allowed: an experiment is plain data. Remove the tag.',
    ],
  ])('malformed YAML: %s', (text, expected) => {
    expect(problemsOf(text, 'a.yaml')).toEqual([`a.yaml:${expected}`]);
  });
});

describe('parsing', () => {
  const valid = readFileSync(join(FOLDER, 'valid.experiment.yaml'), 'utf8');

  test('gives the same experiment and recipe from YAML and JSON', () => {
    const yaml = parseExperiment(valid, 'valid.experiment.yaml');
    const json = parseExperiment(readFileSync(join(FOLDER, 'valid.experiment.jsonc'), 'utf8'), 'a.jsonc');
    if (!yaml.ok || !json.ok) throw new Error('not valid');
    expect(json.experiment).toEqual(yaml.experiment);
    expect(json.recipe).toEqual(yaml.recipe);
    expect(yaml.experiment.tricks.warmup).toMatchObject({ epochs: 1, count_from: 0 });
  });

  test('a part whose lines are all commented out has its defaults', () => {
    const text =
      'name: a\ndata: { dataset: synthetic }\nmodel: { name: resnet8 }\ntricks:\n  # warmup: true\nseed:\n';
    const result = parseExperiment(text, 'a.yaml');
    expect(result.ok && [result.experiment.tricks, result.experiment.seed]).toEqual([{}, 1]);
  });

  test('aliases repeat a value', () => {
    const result = parseExperiment(
      valid.replace('epochs: 5', 'epochs: &n 3').replace('epochs: 1', 'epochs: *n'),
      'a.yaml',
    );
    expect(result.ok && result.experiment.tricks.warmup).toMatchObject({ epochs: 3, count_from: 0 });
  });

  test('a byte order mark is not part of the experiment', () => {
    expect(problemsOf(`\uFEFF${valid}`, 'a.yaml')).toEqual([]);
    expect(problemsOf(`\uFEFF{}`, 'a.json')[0]).toMatch(/^a\.json:1:\d: error: name is missing/);
  });

  test('settings of the command line override the file', () => {
    const result = parseExperiment(valid, 'a.yaml', [
      'schedule.epochs=9',
      'schedule.decay={ name: multi_step, milestones: [2, 4] }',
      'tricks.zero_gamma=false',
      'tricks.warmup.count_from=1',
      'name=with: colon = and equals'.replace(': ', ' '),
      'schedule.epochs=7',
    ]);
    expect(result.ok && result.experiment).toMatchObject({
      name: 'with colon = and equals',
      schedule: { epochs: 7, decay: { name: 'multi_step', milestones: [2, 4], factor: 0.1 } },
      tricks: { zero_gamma: false, warmup: { epochs: 1, count_from: 1 } },
    });
  });

  test("a trick's option can be set if the file enables the trick by true", () => {
    const result = parseExperiment(valid.replace('warmup: { epochs: 1 }', 'warmup: true'), 'a.yaml', [
      'tricks.warmup.epochs=2',
    ]);
    expect(result.ok && result.experiment.tricks.warmup).toMatchObject({ epochs: 2, count_from: 0 });
  });

  test.each([
    [
      'schedule.epochs=-3',
      'schedule.epochs must be greater than 0, not -3. Use a positive number such as 120.',
    ],
    [
      'tricks.warmup.epochs=9',
      'Warmup of 9 epochs is longer than the training of 5. Use at most 5, or raise schedule.epochs.',
    ],
    ['optimizer={ base_rl: 1 }', 'Unknown key base_rl. Did you mean base_lr?'],
    ['__proto__.seed=1', 'Unknown key __proto__. Use one of loss, init.'],
    ['epochs', 'This is not key=value. Write a key with dots between its parts, such as schedule.epochs=3.'],
    ['seed=[1', 'The value of seed cannot be read. Write a number, true, false, text, or YAML in braces.'],
  ])('a wrong setting is named as the place: %s', (setting, expected) => {
    expect(problemsOf(valid, 'a.yaml', [setting])).toEqual([`--set ${setting}: error: ${expected}`]);
  });
});
