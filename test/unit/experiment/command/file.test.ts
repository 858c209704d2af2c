// biome-ignore-all lint/suspicious/noTemplateCurlyInString: placeholders of commands.
/** Command experiments as files: what is read, and the problems with their places. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseExperiment } from '../../../../src/experiment/parse';
import { applyEdits } from '../../../../src/experiment/text/textEdits';
import { parseAnyExperiment } from '../../../../src/interop/command/parse';
import { ALL_TRICKS } from '../../../../src/tricks/registry';
import { experimentOf, problemsIn, recipeIn, warningsIn } from '../../../support/commandExperiments';

const PETS = `name: pets-resnet50
trainer:
  command: python train.py --data-dir pets --model resnet50 --num-classes 37 --epochs 30 --batch-size 64 --lr 0.1 --output \${run.folder} --experiment out --seed \${seed}
  system: timm
  working_directory: ../pytorch-image-models
tricks: { label_smoothing: { epsilon: 0.1 }, mixup: true }
seed: 3
`;

test('an experiment with trainer becomes a command recipe', () => {
  expect(recipeIn(PETS)).toEqual({
    kind: 'command',
    version: 1,
    name: 'pets-resnet50',
    tricks: ['label_smoothing', 'mixup'],
    seed: 3,
    system: 'timm',
    command: [
      ...['python', 'train.py', '--data-dir', 'pets', '--model', 'resnet50', '--num-classes', '37'],
      ...['--epochs', '30', '--batch-size', '64', '--lr', '0.1', '--output', '${run.folder}'],
      ...['--experiment', 'out', '--seed', '3', '--smoothing', '0.1', '--mixup', '0.2'],
    ],
    workingDirectory: '../pytorch-image-models',
    environment: {},
    metrics: { kind: 'auto' },
    checkpoint: 'out/last.pth.tar',
    resume: ['--resume', '${checkpoint}'],
    epochs: 30,
    model: 'resnet50',
    dataset: 'pets',
  });
});

test('JSON and lists of words are read alike', () => {
  const text = JSON.stringify({
    name: 'a',
    trainer: {
      command: ['python', 'train.py', '--seed', '${seed}', '--experiment', '$x | y'],
      system: 'timm',
    },
  });
  const { command, seed } = recipeIn(text, [], { fileName: 'a.experiment.json' });
  expect(command).toEqual(['python', 'train.py', '--seed', '1', '--experiment', '$x | y']);
  expect(seed).toBe(1);
});

test('an experiment of our own trainer is read as ever', () => {
  const text = 'name: a\ndata: { dataset: fashion-mnist-sample }\nmodel: { name: cnn }\n';
  const {
    kind,
    document: _,
    factsOf: __,
    ...parsed
  } = parseAnyExperiment(text, 'a.experiment.yaml') as never as {
    kind: string;
    document: unknown;
    factsOf: unknown;
  };
  const { document: ___, factsOf: ____, ...ours } = parseExperiment(text, 'a.experiment.yaml');
  expect(kind).toBe('ours');
  expect(parsed).toEqual(ours);
});

test.each([
  [PETS, 2],
  [`${PETS}  bad`, 2],
  [PETS.replace('seed: 3', 'model: { name: resnet20 }'), 2],
])('callers that only take experiments of our own trainer get one clear problem', (text, line) => {
  const parsed = parseExperiment(text, 'a.experiment.yaml');
  const problems = parsed.ok ? [] : parsed.problems;
  const found = problems.filter(({ path }) => path[0] === 'trainer');
  expect(found.map(({ what, remedy }) => `${what} ${remedy}`)).toEqual([
    'This experiment trains by a command. Only experiments with model and data can be used here. Choose an experiment without trainer.',
  ]);
  expect(found[0]?.range.start.line).toBe(line - 1);
  expect(problems.filter((each) => each !== found[0]).every(({ path }) => path.length === 0)).toBe(true);
});

describe('overrides', () => {
  test('change the trainer, and switch tricks', () => {
    const settings = [
      'trainer.working_directory=/opt/timm',
      'tricks.mixup=off',
      'tricks.cutmix=on',
      'seed=9',
    ];
    const { command, workingDirectory, tricks } = recipeIn(PETS, settings);
    expect(workingDirectory).toBe('/opt/timm');
    expect(tricks).toEqual(['label_smoothing', 'cutmix']);
    expect(command.slice(-6)).toEqual(['--seed', '9', '--smoothing', '0.1', '--cutmix', '1']);
  });

  test('get their own problems', () => {
    expect(problemsIn(PETS, ['tricks.sam=on', 'trainer.system=tim', 'bad'])).toEqual([
      '--set bad: error: This is not key=value. Write a key with dots between its parts, such as schedule.epochs=3.',
      '--set trainer.system=tim: error: trainer.system must be timm, torchvision, mmpretrain or generic, not "tim". Did you mean timm?',
    ]);
  });
});

describe('a problem has its place and remedy', () => {
  const COMMAND = 'python train.py --seed ${seed}';
  test.each([
    [
      PETS.replace('system: timm', 'systm: timm'),
      [
        '2:1: error: trainer.system is missing. Add it, such as system: timm.',
        '4:3: error: Unknown key systm. Did you mean system?',
      ],
    ],
    [`${PETS}command: x\n`, ['8:1: error: Unknown key command. It belongs under trainer.']],
    [
      `${PETS}model: { name: x }\ndata: {}\noptimizer: {}\nschedule: {}\ninit: x\nengine: auto\nloss: {}\n`,
      [
        '8:1: error: model cannot be next to trainer: the command determines it. Remove it, and choose the model by an option of the command, such as --model resnet50.',
        '9:1: error: data cannot be next to trainer: the command determines it. Remove it, and choose the data by an option of the command, such as --data-dir pets.',
        '10:1: error: optimizer cannot be next to trainer: the command determines it. Remove it, and use options of the command, such as --opt sgd --lr 0.1.',
        '11:1: error: schedule cannot be next to trainer: the command determines it. Remove it, and use options of the command, such as --epochs 30.',
        '12:1: error: init cannot be next to trainer: the command determines it. Remove it, and use an option of the command, such as --pretrained.',
        '13:1: error: engine cannot be next to trainer: the command determines it. Remove it: the command chooses the device itself.',
        '14:1: error: loss cannot be next to trainer: the command determines it. Remove it, and set the loss by options of the command.',
      ],
    ],
    ['name: a\ntrainer:\n', ['2:1: error: trainer is missing. Add it, with command and system.']],
    [experimentOf(''), ['3:12: error: trainer.command must not be empty. Use text such as']],
    [experimentOf(' '), ['3:12: error: The command is empty. Write a program and its arguments.']],
    [
      experimentOf('CUDA_VISIBLE_DEVICES=0 python train.py'),
      [
        '3:12: error: The command starts with CUDA_VISIBLE_DEVICES=0, but no shell runs it. Remove it there, and write environment: { CUDA_VISIBLE_DEVICES: "0" } under trainer.',
      ],
    ],
    [
      experimentOf('python train.py --seed ${sed}'),
      ['3:12: error: There is no value for ${sed}. Did you mean ${seed}?'],
    ],
    [
      experimentOf('python train.py --lr ${rate}', { more: 'values: { wd: 1 }' }),
      [
        '3:12: error: There is no value for ${rate}. Write values: { rate: ... } under trainer, or use one of ${run.folder}, ${seed}, ${wd}.',
      ],
    ],
    [
      experimentOf('python train.py --resume ${checkpoint}'),
      ['3:12: error: There is no value for ${checkpoint}. Use it only in trainer.resume.'],
    ],
    [
      experimentOf('python train.py --resume x', { more: 'resume: --resume ${checkpoint}' }),
      [
        "5:3: error: There is no checkpoint to resume from. Add checkpoint, relative to the run's folder, such as checkpoint: out/last.pth.tar.",
      ],
    ],
    ...['/x/y.pth', '../y.pth', 'a/../../y', 'C:\\y', '~/y'].map((path): [string, string[]] => [
      experimentOf(COMMAND, { more: `checkpoint: ${path}` }),
      [
        `5:15: error: trainer.checkpoint must be in the run's folder, not ${path}. Write a path relative to the run's folder, and let the command write there by \${run.folder}.`,
      ],
    ]),
    [
      experimentOf(COMMAND, { more: 'checkpoint: ${run.folder}/out/last.pth' }),
      ["5:15: error: trainer.checkpoint is relative to the run's folder anyway. Write out/last.pth."],
    ],
    [
      experimentOf(COMMAND, { more: 'metrics: { csv: ../x.csv, columns: { loss: l } }' }),
      [
        "5:19: error: trainer.metrics.csv must be in the run's folder, not ../x.csv. Write a path relative to the run's folder, and let the command write there by ${run.folder}.",
      ],
    ],
    [
      experimentOf(COMMAND, { more: 'metrics: { csv: x.csv, columns: {} }' }),
      [
        '5:35: error: columns names no metric. Name at least one of step, epoch, loss, accuracy, learning_rate, images_per_second, validation_loss, validation_accuracy, validation_top5.',
      ],
    ],
    [
      experimentOf(COMMAND, { more: 'metrics: { csv: x.csv, columns: { los: l } }' }),
      ['5:37: error: Unknown key los. Did you mean loss?'],
    ],
    [
      experimentOf(COMMAND, { more: 'metrics: { json_lines: /x }' }),
      [
        "5:26: error: trainer.metrics.json_lines must be in the run's folder, not /x. Write a path relative to the run's folder, and let the command write there by ${run.folder}.",
      ],
    ],
    [
      experimentOf(COMMAND, { more: "metrics: { stdout: 'loss (?<loss' }" }),
      [
        '5:22: error: trainer.metrics.stdout is no valid regular expression. Use a regular expression as in JavaScript, such as epoch (?<epoch>\\d+) loss (?<loss>[\\d.]+).',
      ],
    ],
    [
      experimentOf(COMMAND, { more: "metrics: { stdout: 'loss (?P<loss>.*)' }" }),
      [
        '5:22: error: trainer.metrics.stdout is no valid regular expression. Write named groups as (?<loss>...), as in JavaScript.',
      ],
    ],
    [
      experimentOf(COMMAND, { more: "metrics: { stdout: 'loss (?<los>.*)' }" }),
      ['5:22: error: The regular expression has no named group that is a metric. Did you mean (?<loss>...)?'],
    ],
    [
      experimentOf(COMMAND).replace(/command: .*/, 'command: [python, train.py, --epochs, 6]'),
      ['3:41: error: trainer.command.3 must be text, not 6. Write it in quotes: "6".'],
    ],
    [
      experimentOf(COMMAND, { more: 'environment: { A_B: x, C: 3 }' }),
      ['5:29: error: trainer.environment.C must be text, not 3. Write it in quotes: "3".'],
    ],
    [
      experimentOf(COMMAND, { more: 'environment: { A-B: x, C: "${sed}" }' }),
      [
        '5:18: error: "A-B" is no name. Use letters, digits and underscores, starting with a letter.',
        '5:29: error: There is no value for ${sed}. Did you mean ${seed}?',
      ],
    ],
    [
      experimentOf(COMMAND, { more: 'seed_variable: SEED\nenvironment: { SEED: "1" }' }),
      ['5:18: error: trainer.environment sets SEED, too. Remove one of them.'],
    ],
    [
      experimentOf(COMMAND, { more: 'values: { seed: 3 }' }),
      ['5:13: error: ${seed} already has a value. Use another name.'],
    ],
    [
      experimentOf(COMMAND, { more: 'working_directory: ~/timm' }),
      ['5:22: error: The path contains ~, but no shell replaces it. Write the full path.'],
    ],
    [
      experimentOf('bash -c ${x', { system: 'generic', more: 'metrics: { json_lines: stdout }' }),
      [
        '3:12: error: The command contains ${x, but no shell replaces it. Write its value, or write ${x} in the command and the value under trainer.values.',
      ],
    ],
  ])('%s', (text, expected) => {
    const problems = problemsIn(text);
    expect(problems.length).toBe(expected.length);
    for (const [at, problem] of expected.entries())
      expect(problems[at]?.startsWith(problem), problems[at]).toBe(true);
  });

  test('also besides a syntax error', () => {
    expect(problemsIn('name: a\ntrainer:\n  command: x\n\tsystem: timm\n')).toEqual([
      '4:1: error: YAML cannot be indented with tabs. Use spaces.',
    ]);
  });
});

test.each([
  [
    experimentOf('A=1 python train.py --seed ${seed}', { more: 'environment: { B: "2" }' }),
    { command: ['python', 'train.py', '--seed', '1'], environment: { A: '1', B: '2' } },
  ],
  [
    experimentOf('python train.py --seed ${seed}', { more: 'checkpoint: ${run.folder}/x.pth' }),
    { checkpoint: 'x.pth' },
  ],
  [
    experimentOf('python train.py --seed ${seed}', { more: "metrics: { stdout: '(?P<loss>.*)' }" }),
    { metrics: { kind: 'stdout', pattern: '(?<loss>.*)', percent: false, firstEpoch: 0 } },
  ],
  [
    experimentOf('python train.py --seed ${seed}', { rest: 'model: x' }),
    { command: ['python', 'train.py', '--seed', '1'] },
  ],
])('the fix of a problem repairs the file: %s', (text, expected) => {
  const parsed = parseAnyExperiment(text, 'a.experiment.yaml');
  if (parsed.ok) throw new Error('There is nothing to fix.');
  const [problem] = parsed.problems;
  const fix = problem?.fix;
  const edit =
    fix?.type === 'set'
      ? parsed.document.setIn(fix.path, fix.value)
      : parsed.document.removeIn(problem?.path ?? []);
  if (!edit.ok) throw new Error(edit.reason);
  expect(recipeIn(applyEdits(text, edit.edits))).toMatchObject(expected);
});

describe('placeholders', () => {
  test('are filled in word by word, whatever the value is', () => {
    const { command, environment } = recipeIn(
      experimentOf('python train.py --seed ${seed} --experiment x-${tag}-y --output "${run.folder}/a b"', {
        more: 'values: { tag: "a b | $HOME \'\\"", lr: 1.0e-4 }\nenvironment: { T: "${tag} ${seed} ${run.folder}" }',
        rest: 'seed: 12',
      }),
    );
    expect(command).toEqual([
      ...['python', 'train.py', '--seed', '12', '--experiment', 'x-a b | $HOME \'"-y'],
      ...['--output', '${run.folder}/a b'],
    ]);
    expect(environment).toEqual({ T: 'a b | $HOME \'" 12 ${run.folder}' });
  });

  test('get their values from overrides, too, as in a study', () => {
    const text = experimentOf('python train.py --seed ${seed} --lr ${lr}');
    expect(recipeIn(text, ['trainer.values.lr=0.25']).command.slice(-2)).toEqual(['--lr', '0.25']);
  });

  test('the seed may be an environment variable', () => {
    const text = experimentOf('python train.py', { more: 'seed_variable: SEED', rest: 'seed: 7' });
    expect(recipeIn(text).environment).toEqual({ SEED: '7' });
    expect(warningsIn(text)).toEqual([]);
  });

  test('a seed that the command does not get is a warning', () => {
    expect(warningsIn(experimentOf('python train.py --seed 3'))).toEqual([
      '3:12: warning: The command does not get the seed. Add --seed ${seed} to the command.',
    ]);
    expect(warningsIn(experimentOf('python train.py', { system: 'torchvision' }))).toEqual([
      '3:12: warning: The command does not get the seed. Use ${seed} in the command, or write seed_variable under trainer.',
    ]);
  });
});

test('conda run without --no-capture-output is a warning, because it holds the output back', () => {
  const text = experimentOf('conda run -n torch python train.py --seed ${seed}');
  expect(warningsIn(text)).toEqual([
    '3:12: warning: conda run shows the output only when the command ends, so the run has no metrics until then. Add --no-capture-output after conda run.',
  ]);
});

describe('metrics', () => {
  test.each([
    ['auto', { kind: 'auto' }],
    [
      '{ csv: out/summary.csv, columns: { epoch: epoch, validation_accuracy: eval_top1 }, percent: true }',
      {
        ...{ kind: 'csv', path: 'out/summary.csv', percent: true, firstEpoch: 0 },
        names: { epoch: 'epoch', validation_accuracy: 'eval_top1' },
      },
    ],
    [
      "{ stdout: 'E(?<epoch>\\d+) (?<loss>[\\d.]+) (?<other>x)', first_epoch: 1 }",
      {
        ...{ kind: 'stdout', percent: false, firstEpoch: 1 },
        pattern: 'E(?<epoch>\\d+) (?<loss>[\\d.]+) (?<other>x)',
      },
    ],
    ['{ json_lines: stdout }', { kind: 'json_lines', path: null }],
    ['{ json_lines: log.ndjson }', { kind: 'json_lines', path: 'log.ndjson' }],
    [
      '{ tensorboard: out/, tags: { loss: train/loss } }',
      { kind: 'tensorboard', path: 'out/', names: { loss: 'train/loss' }, percent: false, firstEpoch: 0 },
    ],
    [
      '{ tensorboard: out/ }',
      { kind: 'tensorboard', path: 'out/', names: {}, percent: false, firstEpoch: 0 },
    ],
  ])('%s', (written, metrics) => {
    expect(recipeIn(experimentOf('python train.py', { more: `metrics: ${written}` })).metrics).toEqual(
      metrics,
    );
  });
});

describe('checkpoints have defaults only if the command determines them', () => {
  const timm = (options: string, more = '') => recipeIn(experimentOf(`python train.py ${options}`, { more }));
  const DEFAULT = ['--resume', '${checkpoint}'];
  test.each([
    ['--output ${run.folder} --experiment out', 'out/last.pth.tar', DEFAULT],
    ['--output=${run.folder}/ --experiment out', 'out/last.pth.tar', DEFAULT],
    ['--output ${run.folder}/a --experiment out', 'a/out/last.pth.tar', DEFAULT],
    ['--output ${run.folder}', null, null],
    ['--experiment out', null, null],
    ['--output x --experiment out', null, null],
    ['--output ${run.folder} --experiment ../out', null, null],
    ['--output ${run.folder}x --experiment out', null, null],
    ['--output ${run.folder} --experiment out --config x.yaml', 'out/last.pth.tar', DEFAULT],
    ['--output ${run.folder} --experiment out --resume x.pth', 'out/last.pth.tar', null],
  ])('timm with %s', (options, checkpoint, resume) => {
    expect(timm(options)).toMatchObject({ checkpoint, resume });
  });

  test('the file has the last word', () => {
    const own = timm(
      '--output ${run.folder} --experiment out',
      'checkpoint: b.pth\nresume: --resume ${checkpoint} --x',
    );
    expect(own).toMatchObject({ checkpoint: 'b.pth', resume: ['--resume', '${checkpoint}', '--x'] });
    expect(timm('', 'checkpoint: b.pth')).toMatchObject({ checkpoint: 'b.pth', resume: DEFAULT });
  });

  test('torchvision', () => {
    const of = (options: string) =>
      recipeIn(experimentOf(`python train.py ${options}`, { system: 'torchvision' }));
    expect(of('--output-dir ${run.folder}')).toMatchObject({ checkpoint: 'checkpoint.pth', resume: DEFAULT });
    expect(of('--output-dir ${run.folder}/x')).toMatchObject({ checkpoint: 'x/checkpoint.pth' });
    expect(of('')).toMatchObject({ checkpoint: null, resume: null });
  });
});

describe('what the command says about its training', () => {
  test.each([
    ['timm', 'python train.py', { epochs: 300, model: 'resnet50', dataset: null }],
    [
      'timm',
      'torchrun --nproc_per_node=4 train.py /data --dataset torch/cifar10 --epochs 9 --sched step -b 4',
      { epochs: 9, model: 'resnet50', dataset: 'torch/cifar10' },
    ],
    [
      'timm',
      './distributed_train.sh 4 --data-dir d --model vit',
      { epochs: 300, model: 'vit', dataset: 'd' },
    ],
    ['timm', 'python my_train.py --config x.yaml', { epochs: null, model: null, dataset: null }],
    ['timm', 'python train.py --epochs=5 --cooldown-epochs 2', { epochs: 7 }],
    ['torchvision', 'torchrun train.py --data-path d', { epochs: 90, model: 'resnet18', dataset: 'd' }],
    ['generic', 'x --epochs 3', { epochs: null, model: null, dataset: null }],
  ])('%s: %s', (system, command, expected) => {
    const more = system === 'generic' ? 'metrics: { json_lines: stdout }' : '';
    expect(recipeIn(experimentOf(command, { system, more }))).toMatchObject(expected);
  });
});

test('no file makes the parser throw, and every problem is within the text', () => {
  const word = fc.constantFrom(
    ...[
      'python',
      'train.py',
      'tools/train.py',
      'config.py',
      '--mixup',
      '--mixup=0.1',
      '0.2',
      '${seed}',
      '${',
      '$(x)',
    ],
    ...[
      '--config',
      '--model-kwargs',
      'a=b',
      '--cfg-options',
      'a.b=1',
      'A=1',
      "'",
      '"',
      '\\',
      '~',
      '*',
      '',
      '\n',
    ],
  );
  const command = fc.oneof(
    fc.array(word, { maxLength: 6 }).map((words) => words.join(' ')),
    fc.array(word, { maxLength: 6 }),
    fc.anything(),
  );
  const mapping = fc.dictionary(
    fc.constantFrom('mixup', 'x', 'a-b', '__proto__', 'seed'),
    fc.oneof(command, fc.boolean()),
  );
  const trainer = fc.record(
    {
      command,
      system: fc.constantFrom('timm', 'torchvision', 'mmpretrain', 'generic', 'x'),
      working_directory: command,
      metrics: fc.oneof(
        fc.constant('auto'),
        fc.record({ stdout: command }),
        fc.record({ csv: command, columns: mapping }),
      ),
      checkpoint: command,
      resume: command,
      arguments: fc.dictionary(
        fc.constantFrom('mixup', 'x', 'toString'),
        fc.record({ with: command, without: command }),
      ),
      environment: mapping,
      seed_variable: command,
      values: mapping,
    },
    { requiredKeys: ['command', 'system'] },
  );
  const choice = fc.oneof(fc.boolean(), fc.constant({}), command);
  const names = ALL_TRICKS.map(({ name }): string => name);
  const tricks = fc.dictionary(fc.constantFrom(...names, 'x', 'toString', 'smoothing'), choice, {
    maxKeys: 4,
  });
  const file = fc.record(
    { name: fc.constant('a'), trainer, tricks, model: fc.anything() },
    { requiredKeys: ['trainer'] },
  );
  fc.assert(
    fc.property(file, (value) => {
      let text: string | undefined;
      try {
        text = JSON.stringify(value);
      } catch {
        // A value that JSON does not have.
      }
      if (text === undefined) return;
      const parsed = parseAnyExperiment(text, 'a.experiment.json');
      expect(parsed.kind).toBe('command');
      if (parsed.ok) return;
      expect(parsed.problems.length).toBeGreaterThan(0);
      for (const { range, what, remedy } of parsed.problems) {
        expect(range.end.offset).toBeLessThanOrEqual(text.length);
        expect(`${what}${remedy}`).not.toContain('undefined');
      }
    }),
    { numRuns: 150, seed: 11 },
  );
});
