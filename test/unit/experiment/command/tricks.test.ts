// biome-ignore-all lint/suspicious/noTemplateCurlyInString: placeholders of commands.
/** Tricks as options of other systems' commands. */
import { spawnSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import { openMmpretrain } from '../../../../src/interop/command/mmpretrainCommand';
import { parseAnyExperiment } from '../../../../src/interop/command/parse';
import { flattened } from '../../../../src/interop/import/adapter';
import { COMPUTED } from '../../../../src/tricks/elsewhere/mapping';
import { ALL_TRICKS } from '../../../../src/tricks/registry';
import { experimentOf, problemsIn, recipeIn } from '../../../support/commandExperiments';

/** Returns the words that tricks add to a command. */
function added(system: string, command: string, tricks: string, config?: string): string {
  const text = experimentOf(command, { system, rest: `tricks: ${tricks}` });
  const readText = (path: string) => (path === 'config.py' ? (config ?? null) : null);
  const { command: words } = recipeIn(text, [], { readText });
  const plain = command.split(' ');
  expect(words.slice(0, plain.length)).toEqual(plain);
  return words.slice(plain.length).join(' ');
}

/** Returns the problem of the only trick in a file, without its place. */
function refusal(system: string, command: string, tricks: string): string {
  const problems = problemsIn(experimentOf(command, { system, rest: `tricks: ${tricks}` }));
  expect(problems).toHaveLength(1);
  return problems[0]?.replace(/^[\d:]+ error: /, '') ?? '';
}

const TIMM = 'python train.py --data-dir pets --model resnet50 --seed 1';
const TORCHVISION = 'python train.py --model resnet50';

// From the help of timm 1.0's train.py: --smoothing, --mixup and --cutmix are their alphas, --reprob the probability of
// random erasing, --drop-path the stochastic depth rate, --clip-grad the norm, --grad-accum-steps the number of batches,
// --warmup-epochs and --sched the schedule, --amp with --amp-dtype, --model-ema with --model-ema-decay and
// --model-ema-warmup, --opt the optimizer. lr is lr-base * batch / lr-base-size if --lr is not set. Without
// filter_bias_and_bn, biases and norms have weight decay, too.
describe("tricks become timm's options", () => {
  test.each([
    ['{ label_smoothing: { epsilon: 0.2 } }', '--smoothing 0.2'],
    ['{ label_smoothing: false }', '--smoothing 0'],
    ['{ mixup: { alpha: 0.3 } }', '--mixup 0.3'],
    ['{ cutmix: { alpha: 0.5 } }', '--cutmix 0.5'],
    ['{ mixup: true, cutmix: { alpha: 1 } }', '--mixup 0.2 --cutmix 1'],
    ['{ mixup: false }', ''],
    ['{ random_erasing: { probability: 0.25 } }', '--reprob 0.25'],
    ['{ stochastic_depth: { rate: 0.1 } }', '--drop-path 0.1'],
    ['{ gradient_clipping: { max_norm: 2 } }', '--clip-grad 2'],
    ['{ gradient_accumulation: { batches: 4 } }', '--grad-accum-steps 4'],
    ['{ warmup: { epochs: 3 } }', '--warmup-epochs 3'],
    ['{ warmup: false }', '--warmup-epochs 0'],
    ['{ cosine_decay: true }', '--sched cosine'],
    ['{ cosine_decay: false }', '--sched step'],
    ['{ mixed_precision: true }', '--amp'],
    ['{ mixed_precision: { dtype: bfloat16 } }', '--amp --amp-dtype bfloat16'],
    ['{ ema: { decay: 0.999, warmup: false } }', '--model-ema --model-ema-decay 0.999'],
    ['{ ema: { decay: 0.999, warmup: true } }', '--model-ema --model-ema-decay 0.999 --model-ema-warmup'],
    ['{ lamb: true }', '--opt lamb'],
    ['{ lars: true }', '--opt lars'],
    ['{ linear_scaling: { base_batch_size: 512 } }', '--lr-base 0.1 --lr-base-size 512'],
    ['{ no_bias_decay: false }', '--opt-kwargs filter_bias_and_bn=False'],
    ['{ zero_gamma: false }', '--model-kwargs zero_init_last=False'],
    ['{ smoothing: 0.3 }', '--smoothing 0.3'],
    ['{ sam: false, resnet_d: false, distillation: false }', ''],
  ])('%s', (tricks, options) => {
    expect(added('timm', TIMM, tricks)).toBe(options);
  });

  test('the learning rate moves to the option that is scaled, and back', () => {
    const words = (command: string, tricks: string) =>
      recipeIn(experimentOf(command, { rest: `tricks: ${tricks}` }))
        .command.slice(2)
        .join(' ');
    expect(words('python train.py --lr 0.3 --epochs 9', '{ linear_scaling: true }')).toBe(
      '--epochs 9 --lr-base 0.3 --lr-base-size 256',
    );
    expect(words('python train.py --lr-base 0.3 --epochs 9', '{ linear_scaling: false }')).toBe(
      '--epochs 9 --lr 0.3',
    );
  });

  test('linear scaling stays linear with an optimizer that timm scales by the root', () => {
    expect(
      recipeIn(
        experimentOf('python train.py --lr 0.3', { rest: 'tricks: { linear_scaling: true, lamb: true }' }),
      )
        .command.slice(2)
        .join(' '),
    ).toBe('--opt lamb --lr-base 0.3 --lr-base-size 256 --lr-base-scale linear');
  });

  test('in the order of our list, whatever the order in the file is', () => {
    const one = added('timm', TIMM, '{ cutmix: true, mixup: true, warmup: true }');
    expect(added('timm', TIMM, '{ warmup: true, mixup: true, cutmix: true }')).toBe(one);
  });
});

// From references/classification/train.py of torchvision 0.15.
describe("tricks become torchvision's options", () => {
  test.each([
    ['{ label_smoothing: true }', '--label-smoothing 0.1'],
    ['{ label_smoothing: false }', ''],
    ['{ mixup: true }', '--mixup-alpha 0.2'],
    ['{ cutmix: true }', '--cutmix-alpha 1'],
    ['{ random_erasing: { probability: 0.1 } }', '--random-erase 0.1'],
    ['{ gradient_clipping: true }', '--clip-grad-norm 1'],
    ['{ warmup: { epochs: 4 } }', '--lr-warmup-epochs 4 --lr-warmup-method linear'],
    ['{ cosine_decay: true }', '--lr-scheduler cosineannealinglr'],
    ['{ mixed_precision: true }', '--amp'],
    ['{ no_bias_decay: true }', '--norm-weight-decay 0 --bias-weight-decay 0'],
  ])('%s', (tricks, options) => {
    expect(added('torchvision', TORCHVISION, tricks)).toBe(options);
  });

  test('the decay of the average is that of its update every few steps', () => {
    // train.py: adjust = processes * batch * steps / epochs; alpha = (1 - decay) * adjust, every `steps` steps.
    const words = added(
      'torchvision',
      'python train.py --model resnet50 --epochs 100 -b 64',
      '{ ema: { decay: 0.999 } }',
    );
    const [, decay] = /^--model-ema --model-ema-decay (\S+)$/.exec(words) ?? [];
    const alpha = (1 - Number(decay)) * ((64 * 32) / 100);
    expect(alpha / (1 - 0.999 ** 32)).toBeCloseTo(1, 2);
  });
});

const CONFIG = `
default_scope = 'mmpretrain'
model = dict(
    type='ImageClassifier',
    backbone=dict(type='ResNet', depth=50),
    head=dict(type='LinearClsHead', num_classes=37, loss=dict(type='CrossEntropyLoss', loss_weight=1.0)))
train_dataloader = dict(batch_size=32, dataset=dict(type='CustomDataset', data_root='data/pets'))
optim_wrapper = dict(optimizer=dict(type='SGD', lr=0.1))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.25, by_epoch=True, begin=0, end=5),
    dict(type='MultiStepLR', by_epoch=True, milestones=[30, 60, 90], gamma=0.1)]
train_cfg = dict(by_epoch=True, max_epochs=100)
`;

describe("tricks become MMPretrain's --cfg-options", () => {
  const COMMAND = 'python tools/train.py config.py';
  test.each([
    [
      '{ label_smoothing: true }',
      'model.head.loss.type=LabelSmoothLoss model.head.loss.label_smooth_val=0.1',
    ],
    ['{ mixup: true }', 'model.train_cfg.augments.type=Mixup model.train_cfg.augments.alpha=0.2'],
    ['{ gradient_clipping: true }', 'optim_wrapper.clip_grad.max_norm=1'],
    ['{ gradient_accumulation: true }', 'optim_wrapper.accumulative_counts=2'],
    ['{ mixed_precision: true }', 'optim_wrapper.type=AmpOptimWrapper optim_wrapper.loss_scale=dynamic'],
    ['{ warmup: { epochs: 9 } }', 'param_scheduler.0.end=9'],
    [
      '{ no_bias_decay: true }',
      'optim_wrapper.paramwise_cfg.norm_decay_mult=0 optim_wrapper.paramwise_cfg.bias_decay_mult=0',
    ],
    ['{ zero_gamma: false }', 'model.backbone.zero_init_residual=False'],
    ['{ stochastic_depth: { rate: 0.1 } }', 'model.backbone.drop_path_rate=0.1'],
    [
      '{ mixed_precision: true, warmup: { epochs: 2 } }',
      'param_scheduler.0.end=2 optim_wrapper.type=AmpOptimWrapper optim_wrapper.loss_scale=dynamic',
    ],
  ])('%s', (tricks, options) => {
    expect(added('mmpretrain', COMMAND, tricks, CONFIG)).toBe(`--cfg-options ${options}`);
  });

  const withConfig = (command: string, tricks: string, more = '') =>
    parseAnyExperiment(
      experimentOf(command, { system: 'mmpretrain', rest: `tricks: ${tricks}`, more }),
      'folder/a.experiment.yaml',
      [],
      { readText: (path) => (path === 'mm/config.py' ? CONFIG : null) },
    );

  test('next to those that the command has, and the config is read from the working directory', () => {
    const command =
      'bash tools/dist_train.sh config.py 4 --cfg-options train_cfg.max_epochs=7 --work-dir ${run.folder}';
    const parsed = withConfig(command, '{ gradient_clipping: true }', 'working_directory: ../mm');
    if (!parsed.ok || parsed.kind !== 'command') throw new Error('refused');
    expect(parsed.recipe).toMatchObject({
      ...{ epochs: 7, model: 'ResNet-50', dataset: 'data/pets', tricks: ['gradient_clipping'] },
      command: [
        ...['bash', 'tools/dist_train.sh', 'config.py', '4', '--cfg-options', 'train_cfg.max_epochs=7'],
        ...['optim_wrapper.clip_grad.max_norm=1', '--work-dir', '${run.folder}'],
      ],
    });
  });

  test.each([
    [
      COMMAND,
      '{ warmup: false }',
      '--cfg-options cannot write the list param_scheduler. Write it in the config instead.',
    ],
    [
      COMMAND,
      '{ cosine_decay: true }',
      '--cfg-options cannot write the list param_scheduler. Write it in the config instead.',
    ],
    [
      COMMAND,
      '{ ema: true }',
      '--cfg-options cannot write the list custom_hooks. Write it in the config instead.',
    ],
    [COMMAND, '{ random_erasing: true }', 'MMPretrain has no options for random_erasing.'],
    [`${COMMAND} --amp`, '{ mixed_precision: true }', 'The command already has mixed_precision, by --amp.'],
    [
      `${COMMAND} --cfg-options optim_wrapper.clip_grad.max_norm=5`,
      '{ gradient_clipping: true }',
      'The command already has gradient_clipping, by --cfg-options optim_wrapper.clip_grad.max_norm.',
    ],
    [
      `${COMMAND} --cfg-options model.train_cfg=None`,
      '{ mixup: true }',
      'mixup needs [{ type: Mixup, alpha: 0.2 }], but the command sets --cfg-options model.train_cfg.',
    ],
    ['python tools/train.py other.py', '{ mixup: true }', 'The config other.py cannot be read.'],
  ])('%s with %s', (command, tricks, what) => {
    const parsed = withConfig(command, tricks, 'working_directory: ../mm');
    expect(parsed.ok).toBe(false);
    expect(parsed.ok ? '' : parsed.problems[0]?.what).toBe(what);
  });
});

describe('a trick that a command cannot have is an error', () => {
  test.each([
    [
      'timm',
      TIMM,
      '{ sam: true }',
      'timm has no options for sam. Remove the trick. If your version of the program has options for it, write them under trainer: arguments: { sam: { with: ... } }.',
    ],
    [
      'timm',
      `${TIMM} --mixup 0.4`,
      '{ mixup: true }',
      'The command already has mixup, by --mixup. Remove --mixup from the command, or mixup here.',
    ],
    [
      'timm',
      `${TIMM} --mixup=0.4`,
      '{ mixup: false }',
      'The command has mixup, by --mixup. Remove --mixup from the command, or mixup here.',
    ],
    [
      'timm',
      `${TIMM} --sched cosine`,
      '{ cosine_decay: true }',
      'The command already has cosine_decay, by --sched. Remove --sched from the command, or cosine_decay here.',
    ],
    [
      'timm',
      `${TIMM} --opt adamw`,
      '{ lamb: true }',
      'lamb needs lamb, but the command sets --opt. Remove --opt from the command, or lamb here.',
    ],
    [
      'timm',
      `${TIMM} --model-ema-decay 0.9`,
      '{ ema: true }',
      'ema needs 0.9999, but the command sets --model-ema-decay. Remove --model-ema-decay from the command, or ema here.',
    ],
    [
      'timm',
      `${TIMM} --no-aug`,
      '{ random_erasing: true }',
      'no_aug disables it. Change the command, or remove the trick.',
    ],
    [
      'timm',
      `${TIMM} --config x.yaml`,
      '{ mixup: true }',
      'x.yaml may set it. Change the command, or remove the trick.',
    ],
    [
      'timm',
      'python train.py --model vgg16',
      '{ stochastic_depth: true }',
      'timm does not have stochastic_depth for what this command trains. Change the command, or remove the trick.',
    ],
    [
      'timm',
      'python train.py --model my_net',
      '{ zero_gamma: true }',
      "It is unknown whether timm's my_net accepts zero_init_last. Change the command, or remove the trick.",
    ],
    [
      'timm',
      TIMM,
      '{ warmup: { epochs: 2.5 } }',
      '--warmup-epochs cannot be 2.5. Change the command, or remove the trick.',
    ],
    [
      'timm',
      TIMM,
      '{ random_erasing: { max_area: 0.5 } }',
      'timm has 0.3333333333333333 for max_area, and no option to change it to 0.5. Remove it.',
    ],
    [
      'timm',
      TIMM,
      '{ lars: { trust_coefficient: 0.02 } }',
      'timm has 0.001 for trust_coefficient, and no option to change it to 0.02. Remove it.',
    ],
    [
      'torchvision',
      TORCHVISION,
      '{ mixed_precision: { dtype: bfloat16 } }',
      'torchvision has no option for mixed_precision.dtype. Remove it.',
    ],
    [
      'torchvision',
      TORCHVISION,
      '{ linear_scaling: true }',
      'torchvision has no flag for this: pass the scaled learning rate to --lr. Change the command, or remove the trick.',
    ],
    [
      'torchvision',
      'torchrun --nproc_per_node gpu train.py',
      '{ ema: true }',
      'The number of training processes depends on --nproc_per_node gpu. Change the command, or remove the trick.',
    ],
    [
      'generic',
      'x',
      '{ mixup: true }',
      'The arguments for mixup are not in the file. Write them under trainer: arguments: { mixup: { with: --mixup, without: "" } }.',
    ],
  ])('%s: %s with %s', (system, command, tricks, message) => {
    const more = system === 'generic' ? 'metrics: { json_lines: stdout }' : '';
    if (more === '') expect(refusal(system, command, tricks)).toBe(message);
    else
      expect(problemsIn(experimentOf(command, { system, more, rest: `tricks: ${tricks}` }))[0]).toContain(
        message,
      );
  });

  test.each([
    [
      'timm',
      'python train.py --mixxup 0.1',
      "--mixxup is no option of timm's train.py, as of release 1.0. Did you mean --mixup?",
    ],
    [
      'timm',
      'python train.py --epochs ten',
      "timm's train.py does not accept ten here. Check the option before it, and its value.",
    ],
    [
      'timm',
      'bash run.sh',
      "The command does not start timm's training script. Write it as python train.py ..., or write system: generic.",
    ],
  ])('an unreadable command is an error only with tricks: %s: %s', (system, command, message) => {
    expect(problemsIn(experimentOf(command, { system, rest: 'tricks: { mixup: true }' }))).toEqual([
      `3:12: error: ${message}`,
    ]);
    const parsed = parseAnyExperiment(experimentOf(command, { system }), 'a.experiment.yaml');
    expect(parsed.ok && parsed.warnings[0]).toMatchObject({
      severity: 'warning',
      path: ['trainer', 'command'],
    });
    expect(recipeIn(experimentOf(command, { system })).command).toEqual(command.split(' '));
  });
});

test('tricks that exclude each other are an error at the later one', () => {
  const problems = problemsIn(experimentOf(TIMM, { rest: 'tricks: { lars: true, lamb: true }' }));
  expect(problems[0]).toBe('5:29: error: lamb cannot be combined with lars. Remove one of them.');
});

describe('tricks by options of the command', () => {
  test.each([
    [
      'timm',
      'python train.py --model resnet50 --mixup 0.1 --smoothing 0 --warmup-epochs 2',
      ['warmup', 'mixup'],
    ],
    ['timm', 'python train.py --opt lamb --weight-decay 0.1 --lr 0.1', ['lamb']],
    ['timm', 'python train.py --mixup 0 --sched step', []],
    ['torchvision', 'python train.py --amp --lr-warmup-epochs 5', ['mixed_precision']],
    ['torchvision', 'python train.py --lr-warmup-epochs 5 --lr-warmup-method linear', ['warmup']],
  ])('%s: %s', (system, command, tricks) => {
    expect(recipeIn(experimentOf(command, { system })).tricks).toEqual(tricks);
  });
});

describe('every trick in every system', () => {
  const COMMANDS = {
    timm: TIMM,
    torchvision: TORCHVISION,
    mmpretrain: 'python tools/train.py config.py',
  };
  const cases = Object.keys(COMMANDS).flatMap((system) =>
    ALL_TRICKS.map(({ name }) => [system, name] as const),
  );

  test.each(cases)('%s: %s has options or a reason, and is in or out as asked', (system, name) => {
    const command = COMMANDS[system as keyof typeof COMMANDS];
    for (const choice of [true, false]) {
      const text = experimentOf(command, { system, rest: `tricks: { ${name}: ${choice} }` });
      const readText = (path: string) => (path === 'config.py' ? CONFIG : null);
      const parsed = parseAnyExperiment(text, 'a.experiment.yaml', [], { readText });
      if (parsed.kind !== 'command') throw new Error('This is no command experiment.');
      if (!parsed.ok) {
        expect(parsed.problems).toHaveLength(1);
        expect(parsed.problems[0]?.what).toMatch(/\.$/);
        expect(parsed.problems[0]?.path.slice(0, 2)).toEqual(['tricks', name]);
        continue;
      }
      expect(parsed.recipe.tricks.includes(name)).toBe(choice);
      // Its options in the command say the same. Saying it again is refused.
      const again = experimentOf('', { system, rest: `tricks: { ${name}: true }` }).replace(
        'command: ""',
        `command: ${JSON.stringify(parsed.recipe.command)}`,
      );
      const isWritten = parsed.recipe.command.length > command.split(' ').length;
      if (choice && isWritten && !['linear_scaling', 'no_bias_decay', 'zero_gamma'].includes(name)) {
        const twice = parseAnyExperiment(again, 'a.experiment.yaml', [], { readText });
        expect(twice.ok ? '' : twice.problems[0]?.what).toContain(`already has ${name}`);
      }
    }
  });
});

describe('arguments that the file gives', () => {
  const MORE = `metrics: { json_lines: stdout }
arguments:
  mixup: { with: "--mixup \${alpha} --seed2 \${seed}", without: --no-mixup }
  strong_aug: { with: [--aug, strong one], without: --aug weak }
  sam: { with: --sam }`;
  const words = (tricks: string, settings: string[] = []) =>
    recipeIn(
      experimentOf('x --seed ${seed}', { system: 'generic', more: MORE, rest: `tricks: ${tricks}` }),
      settings,
    ).command.slice(3);

  test('are appended in the order of the file, with the options of the trick', () => {
    expect(words('{}')).toEqual(['--no-mixup', '--aug', 'weak']);
    expect(words('{ strong_aug: true, mixup: { alpha: 0.4 } }')).toEqual([
      ...['--mixup', '0.4', '--seed2', '1', '--aug', 'strong one'],
    ]);
    expect(words('{ sam: true, mixup: false }')).toEqual(['--no-mixup', '--aug', 'weak', '--sam']);
    expect(words('{}', ['tricks.strong_aug=on'])).toEqual(['--no-mixup', '--aug', 'strong one']);
  });

  test.each([
    [
      '{ strong_aug: { a: 1 } }',
      'tricks.strong_aug must be true or false: its arguments are in trainer.arguments. Use true or false.',
    ],
    ['{ strong_agu: true }', 'Unknown key strong_agu.'],
    [
      '{ sam: { rho: 0.1 } }',
      'The arguments of sam do not use rho. Write ${rho} in trainer.arguments.sam.with.',
    ],
  ])('%s', (tricks, message) => {
    const text = experimentOf('x ${seed}', { system: 'generic', more: MORE, rest: `tricks: ${tricks}` });
    const [problem, ...more] = problemsIn(text);
    expect(problem).toContain(message);
    expect(more).toEqual([]);
  });

  test('have our names of the tricks', () => {
    const more = 'metrics: { json_lines: stdout }\narguments: { smoothing: { with: -x } }';
    expect(problemsIn(experimentOf('x ${seed}', { system: 'generic', more }))).toEqual([
      '6:16: error: smoothing is called label_smoothing here. Write label_smoothing.',
    ]);
  });

  test('take precedence over the options of a known system', () => {
    const more = 'arguments: { sam: { with: --sam } }';
    const { command, tricks } = recipeIn(
      experimentOf(TIMM, { more, rest: 'tricks: { sam: true, mixup: true }' }),
    );
    expect(command.slice(-3)).toEqual(['--mixup', '0.2', '--sam']);
    expect(tricks).toEqual(['mixup', 'sam']);
  });
});

describe('MMEngine makes of --cfg-options what we read (needs python3 with mmengine)', () => {
  const SCRIPT = `
import argparse, json, sys, tempfile
from mmengine.config import Config, DictAction
config, commands = json.load(sys.stdin)
with tempfile.NamedTemporaryFile('w', suffix='.py') as file:
    file.write(config)
    file.flush()
    answers = []
    for words in commands:
        parser = argparse.ArgumentParser()
        parser.add_argument('--cfg-options', nargs='+', action=DictAction)
        merged = Config.fromfile(file.name)
        merged.merge_from_dict(parser.parse_args(words).cfg_options or {})
        answers.append(merged.to_dict())
    print(json.dumps(answers))
`;
  const python = (input: unknown) =>
    spawnSync('python3', ['-c', SCRIPT], { input: JSON.stringify(input), encoding: 'utf8' });
  const hasMmengine = spawnSync('python3', ['-c', 'import mmengine.config']).status === 0;

  test.skipIf(!hasMmengine)('for every trick that can be written, and options of a person', () => {
    const given = [
      ...['a.b=1', 'a.c=[1,2.5]', 'train_cfg.max_epochs=7', 'param_scheduler.1.gamma=0.5'],
      ...['optim_wrapper.clip_grad=None', 'x=TRUE', 'y=None', 'z=1e-3', 'w=text'],
    ];
    const written = ALL_TRICKS.flatMap(({ name }) => {
      const text = experimentOf('python train.py config.py', {
        system: 'mmpretrain',
        rest: `tricks: { ${name}: true }`,
      });
      const parsed = parseAnyExperiment(text, 'a.experiment.yaml', [], { readText: () => CONFIG });
      return parsed.ok && parsed.kind === 'command' ? [parsed.recipe.command.slice(3)] : [];
    });
    const commands = [
      ...written,
      ...given.map((option) => ['--cfg-options', option]),
      ['--cfg-options', ...given],
    ];
    expect(written.length).toBeGreaterThan(8);
    const run = python([CONFIG, commands]);
    expect(run.stderr).toBe('');
    const merged: unknown[] = JSON.parse(run.stdout);
    for (const [at, words] of commands.entries()) {
      const opened = openMmpretrain(['python', 'train.py', 'config.py', ...words], {
        ...{ environment: {}, workingDirectory: '.', fileName: '' },
        readText: () => CONFIG,
      });
      if ('rejected' in opened) throw new Error(opened.rejected);
      // A list is text to the parser of KEY=VALUE, which leaves it unknown.
      const ours = [...opened.settings].filter(([, value]) => value !== COMPUTED);
      const theirs = new Map(flattened(merged[at]));
      for (const [setting, value] of ours) expect([setting, theirs.get(setting)]).toEqual([setting, value]);
      const unknown = [...opened.settings.keys()].filter((key) => opened.settings.get(key) === COMPUTED);
      expect([...theirs.keys()].sort()).toEqual([...ours.map(([key]) => key), ...unknown].sort());
    }
  });
});
