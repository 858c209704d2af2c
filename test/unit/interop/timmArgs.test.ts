import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { applyEdits } from '../../../src/experiment/text/textEdits';
import { foreignLenses, type LensSurroundings } from '../../../src/insight/lenses';
import { readForeign } from '../../../src/interop/import/adapters';
import { takes } from '../../../src/interop/import/argparse';
import { timmExperiment } from '../../../src/interop/import/timmExperiment';
import { TIMM_FLAGS } from '../../../src/interop/import/timmFlags';
import { takesDropPath, takesZeroInit } from '../../../src/tricks/elsewhere/timmModels';
import { clicked, difference, fitOf, fitsOf, standing } from '../../support/foreignFiles';

const ARGS = `# resnet50, a100 recipe
batch_size: 1024
model: resnet50
opt: sgd
lr: 0.1   # for 256
epochs: 90
weight_decay: 0.0001
sched: step
warmup_epochs: 0
smoothing: 0.0
mixup: 0.0
amp: false
clip_grad: null
`;

/** Returns the test file with these lines replacing those with the same keys. */
function argsWith(...lines: readonly string[]): string {
  const keys = lines.map((line) => line.split(':')[0]);
  const kept = ARGS.split('\n').filter((line) => !keys.includes(line.split(':')[0]));
  return [...kept.slice(0, -1), ...lines, ''].join('\n');
}

const inserted = (name: string) => difference(ARGS, clicked(['args.yaml', ARGS], name));
const state = (text: string, name: string) => standing(text, 'args.yaml', name);
const effect = (text: string, name: string) => fitOf(text, 'args.yaml', name)?.effect();
const obstacle = (text: string, name: string) => fitOf(text, 'args.yaml', name)?.obstacle();

describe("timm's arguments", () => {
  test('use its own names', () => {
    expect(inserted('linear_scaling')).toEqual([
      '- lr: 0.1   # for 256',
      '+ lr: null   # for 256',
      '+ lr_base: 0.1',
      '+ lr_base_size: 256',
    ]);
    expect(inserted('warmup')).toEqual(['- warmup_epochs: 0', '+ warmup_epochs: 4']);
    expect(inserted('label_smoothing')).toEqual(['- smoothing: 0.0', '+ smoothing: 0.1']);
    expect(inserted('mixed_precision')).toEqual(['- amp: false', '+ amp: true']);
    expect(inserted('gradient_clipping')).toEqual(['- clip_grad: null', '+ clip_grad: 1']);
    expect(inserted('lamb')).toEqual(['- opt: sgd', '+ opt: lamb']);
    expect(inserted('zero_gamma')).toEqual(['+ model_kwargs:', '+   zero_init_last: false']);
    expect(inserted('no_bias_decay')).toEqual(['+ opt_kwargs:', '+   filter_bias_and_bn: false']);
  });

  test('have the defaults of timm', () => {
    const bare = argsWith('warmup_epochs: 1', 'smoothing: 0.2').replace(
      /(?:warmup_epochs|smoothing): .*\n/g,
      '',
    );
    const states = ['zero_gamma', 'warmup', 'label_smoothing', 'no_bias_decay', 'mixup', 'stochastic_depth'];
    expect(states.map((name) => state(`${bare}reprob: 0.0\n`, name))).toEqual([
      true,
      true,
      true,
      true,
      false,
      false,
    ]);
  });

  test('have each lens at its key, or at the key that it concerns', () => {
    const { fits, placeOf } = fitsOf(ARGS, 'args.yaml');
    const lines = ARGS.split('\n');
    const lineOf = (name: string) => {
      const fit = fits.find(({ trick }) => trick.name === name);
      return fit && lines[placeOf(fit).start.line]?.split(':')[0];
    };
    expect(['mixup', 'linear_scaling', 'cosine_decay', 'zero_gamma', 'lars'].map(lineOf)).toEqual([
      'mixup',
      'lr',
      'sched',
      'model',
      'opt',
    ]);
  });

  test('keep the line ends of Windows', () => {
    const windows = ARGS.replaceAll('\n', '\r\n');
    for (const name of ['warmup', 'linear_scaling', 'zero_gamma', 'mixed_precision']) {
      const edited = clicked(['args.yaml', windows], name);
      expect(edited.replaceAll('\r\n', '\n')).toBe(clicked(['args.yaml', ARGS], name));
      expect(edited.replaceAll('\r\n', '')).not.toMatch(/[\r\n]/);
    }
  });

  test('have values that train.py accepts after every edit', () => {
    for (const fit of fitsOf(ARGS, 'args.yaml').fits) {
      const result = fit.toggle();
      if (!result.ok) continue;
      const written = parse(applyEdits(ARGS, result.edits)) as Record<string, unknown>;
      for (const [key, value] of Object.entries(written)) {
        const flag = TIMM_FLAGS[key];
        expect([fit.trick.name, key, flag !== undefined]).toEqual([fit.trick.name, key, true]);
        expect([key, value, value === null || (flag && takes(flag, value))]).toEqual([key, value, true]);
      }
    }
  });

  test('refuse a value that train.py would refuse', () => {
    const result = fitOf(argsWith('warmup_epochs: 5'), 'args.yaml', 'warmup')?.configure('epochs', 2.5);
    expect(result).toEqual({ ok: false, reason: 'warmup_epochs cannot be 2.5.' });
  });
});

describe("a file is of timm's arguments", () => {
  const isTimm = (text: string, fileName = 'args.yaml') =>
    readForeign(text, fileName)?.adapter.system === 'timm';

  test('only if every key is one of its options, of its type, and several are of no other system', () => {
    expect(isTimm(ARGS)).toBe(true);
    expect(isTimm('model: resnet50\nlr: 0.1\nbatch_size: 32\nepochs: 90\nweight_decay: 0.1\n')).toBe(false);
    expect(isTimm(`${ARGS}optimizer: sgd\n`)).toBe(false);
    expect(isTimm(ARGS.replace('epochs: 90', 'epochs: many'))).toBe(false);
    expect(isTimm(ARGS.replace('opt: sgd', 'opt: { name: sgd }'))).toBe(false);
    // The arguments of an Ultralytics run.
    expect(
      isTimm(
        'task: classify\nmodel: yolov8n-cls.pt\nepochs: 100\nbatch: 16\nlr0: 0.01\nlabel_smoothing: 0.0\n',
      ),
    ).toBe(false);
  });

  test('its name is in the lens', () => {
    const nothing: LensSurroundings = { obstacle: null, lastRun: null, runs: new Map(), hidden: new Set() };
    const lenses = foreignLenses(fitsOf(ARGS, 'args.yaml'), nothing);
    const titles = lenses.map(({ line, face }) => ({ line, title: face().title }));
    const own = titles.find(({ title }) => title === 'Read as timm');
    expect(own).toBeDefined();
    // Lenses in one row fit into an editor of usual width, with those of tricks.
    const row = titles.flatMap(({ line, title }) => (line === own?.line ? [title] : []));
    expect(row.slice(0, 3)).toEqual(['Read as timm', 'Run here', 'Find out which tricks pay here']);
    expect(row.at(-1)).toBe('More tricks...');
    expect(row.join(' | ').length).toBeLessThan(100);
  });

  test('of an older release: omitted options are unknown, written ones are not', () => {
    const older = `${ARGS}native_amp: true\napex_amp: false\n`;
    expect(state(older, 'label_smoothing')).toBe(false);
    // Still from a release 1.0.
    expect(state(`${ARGS}amp_impl: native\n`, 'zero_gamma')).toBe(true);
    expect(state(older, 'random_erasing')).toBe(
      'native_amp is an option from a release before timm 1.0, which has different defaults.',
    );
    expect(state(older, 'mixed_precision')).toBe('native_amp enables it in older releases.');
    expect(clicked(['args.yaml', older], 'warmup')).toBe(
      older.replace('warmup_epochs: 0', 'warmup_epochs: 4'),
    );
  });
});

describe("the argument zero_init_last of timm's models", () => {
  test.each([
    'vgg16_bn',
    'mobilenetv3_large_100',
    'densenet121',
    'vit_base_patch16_224',
    'efficientnet_b0',
    'legacy_seresnet50',
  ])('is absent for %s, so that zero gamma is not offered', (model) => {
    expect(state(argsWith(`model: ${model}`), 'zero_gamma')).toBe('none');
  });

  test.each([
    'resnet50',
    'resnet50d',
    'resnext50_32x4d',
    'wide_resnet50_2',
    'ecaresnet50t',
    'seresnet50',
    'resnet50.a1_in1k',
  ])('is on by default for %s', (model) => {
    expect(state(argsWith(`model: ${model}`), 'zero_gamma')).toBe(true);
  });

  test('uses no numbers of another model', () => {
    expect(effect(ARGS, 'zero_gamma')).toBe('16 residual blocks start as their shortcut');
    expect(effect(argsWith('model: wide_resnet50_2'), 'zero_gamma')).toBeNull();
    expect(effect(argsWith('model: my_net'), 'no_bias_decay')).toBeNull();
    expect(effect(`${ARGS}model_kwargs: { stem_width: 32 }\n`, 'zero_gamma')).toBeNull();
  });

  test('is unknown for unknown models', () => {
    expect(state(argsWith('model: my_net'), 'zero_gamma')).toBe(
      "It is unknown whether timm's my_net accepts zero_init_last.",
    );
    expect(clicked(['args.yaml', argsWith('model: my_net')], 'zero_gamma')).toBe(
      "The file does not show whether the trick is in use or applies. It is unknown whether timm's my_net accepts zero_init_last.",
    );
  });

  test('as well as drop_path_rate: the table agrees with the constructors of release 1.0.28', () => {
    const lines = readFileSync(join(import.meta.dirname, '../../fixtures/timm/models.txt'), 'utf8')
      .trim()
      .split('\n');
    expect(lines.length).toBeGreaterThan(1200);
    const wrong = lines.filter((line) => {
      const [name = '', facts = ''] = line.split(' ');
      const zeroInit = takesZeroInit(name) ?? facts[0] === 'z';
      const dropPath = takesDropPath(name) ?? facts[1] === 'd';
      return zeroInit !== (facts[0] === 'z') || dropPath !== (facts[1] === 'd');
    });
    expect(wrong).toEqual([]);
    const unknown = lines.filter((line) => takesZeroInit(line.split(' ')[0] ?? '') === undefined);
    expect(unknown.length).toBeLessThan(lines.length / 5);
  });
});

describe('the numbers of a file', () => {
  const everyEffect = (text: string) =>
    fitsOf(text, 'args.yaml').fits.map(({ effect: each }) => each() ?? '');

  test.each([
    [],
    ['num_classes: 102'],
    ['data_dir: /data/pets'],
    ['data_dir: /data/imagenet'],
    ['dataset: torch/cifar10'],
    ['dataset: tfds/imagenet_resized/8x8'],
    ['dataset: hfds/zh-plus/tiny-imagenet'],
    ['dataset: torch/imagenet', 'num_classes: 100'],
    ['dataset: torch/imagenet', 'train_split: train[:10%]'],
  ])('have no steps if the images are unknown: %s', (...lines) => {
    for (const text of everyEffect(argsWith('model_ema: true', ...lines))) expect(text).not.toContain('step');
  });

  test('use the classes that it names', () => {
    expect(effect(argsWith('smoothing: 0.1'), 'label_smoothing')).toBeNull();
    expect(effect(argsWith('smoothing: 0.1', 'num_classes: 102'), 'label_smoothing')).toBe(
      'target 0.901 for the true class, 0.0009804 for each of the other 101',
    );
    expect(effect(argsWith('smoothing: 0.1', 'dataset: torch/imagenet'), 'label_smoothing')).toContain(
      'the other 999',
    );
  });

  test('need the number of processes if they depend on the images of a step', () => {
    expect(effect(ARGS, 'linear_scaling')).toBeNull();
    expect(effect(ARGS, 'lamb')).toBeNull();
    expect(effect(ARGS, 'gradient_accumulation')).toBeNull();
  });

  test('include the epochs that timm adds', () => {
    const epochs = (...lines: string[]) => {
      return timmExperiment(new Map(Object.entries(parse(argsWith(...lines)) as object))).epochs;
    };
    expect(epochs('sched: step', 'cooldown_epochs: 10')).toEqual({ known: true, value: 90 });
    expect(epochs('sched: cosine', 'cooldown_epochs: 10')).toEqual({ known: true, value: 100 });
    expect(epochs('sched: cosine', 'warmup_epochs: 5', 'warmup_prefix: true')).toEqual({
      known: true,
      value: 95,
    });
    expect(epochs('sched: cosine', 'lr_cycle_limit: 2').known).toBe(false);
  });

  test('of schedules use the learning rates and epochs of timm', () => {
    const warm = argsWith('warmup_epochs: 5', 'sched: cosine', 'min_lr: 0.001');
    expect(effect(warm, 'warmup')).toBe('LR rises from 0.00001 to 0.1 over 5 epochs');
    expect(effect(warm, 'cosine_decay')).toBe('LR falls from 0.1 to 0.001 over 90 epochs');
    expect(effect(argsWith('lr: null', 'warmup_epochs: 5'), 'warmup')).toBeNull();
    expect(state(argsWith('warmup_epochs: 5', 'sched: none'), 'warmup')).toBe(false);
    expect(obstacle(argsWith('warmup_epochs: 5', 'sched: none'), 'warmup')).toBe(
      'sched is none, which is not a timm schedule: the learning rate stays constant.',
    );
  });
});

describe("timm's own rules", () => {
  test('scale an open rate by the batch, or by its square root for some optimizers', () => {
    const open = (...lines: string[]) => argsWith('lr: null', 'lr_base: 0.001', ...lines);
    expect(state(open(), 'linear_scaling')).toBe(true);
    expect(state(open('lr_base_scale: sqrt'), 'linear_scaling')).toBe(false);
    for (const name of ['adamw', 'adam', 'lamb', 'LAMB', 'adabelief']) {
      expect(state(open(`opt: ${name}`), 'linear_scaling')).not.toBe(true);
      expect(state(open(`opt: ${name}`, 'lr_base_scale: linear'), 'linear_scaling')).not.toBe(false);
    }
    expect(obstacle(open('opt: adamw'), 'linear_scaling')).toContain('square root');
    expect(
      difference(argsWith('opt: adamw'), clicked(['args.yaml', argsWith('opt: adamw')], 'linear_scaling')),
    ).toContain('+ lr_base_scale: linear');
  });

  test('clip to a norm in only one mode, and a click keeps the others', () => {
    for (const mode of ['agc', 'value']) {
      const text = argsWith('clip_grad: 0.01', `clip_mode: ${mode}`);
      expect(state(text, 'gradient_clipping')).toBe(false);
      expect(clicked(['args.yaml', text], 'gradient_clipping')).toBe(
        `clip_mode is ${mode}, a different way to clip.`,
      );
    }
    expect(clicked(['args.yaml', argsWith('clip_grad: 0.0')], 'gradient_clipping')).toBe(
      'clip_grad is 0, which clips every gradient to 0.',
    );
  });

  test.each([
    [['mixup: 0.2'], true, false],
    [['mixup: 0.2', 'mixup_prob: 0.0'], false, false],
    [['mixup: 0.2', 'cutmix: 1.0'], true, true],
    [['mixup: 0.2', 'cutmix: 1.0', 'mixup_switch_prob: 0.0'], true, false],
    [['mixup: 0.2', 'cutmix: 1.0', 'mixup_switch_prob: 1.0'], false, true],
    [['cutmix: 0.0', 'cutmix_minmax: [0.2, 0.8]'], false, true],
    [['cutmix: 0.0', 'cutmix_minmax: null'], false, false],
  ])('mix images as %j says', (lines, mixup, cutmix) => {
    const text = argsWith(...lines);
    expect([state(text, 'mixup'), state(text, 'cutmix')]).toEqual([mixup, cutmix]);
  });

  test('say what mixing amounts to, and why it cannot be changed', () => {
    expect(effect(argsWith('mixup: 0.2'), 'mixup')).toBe('100% of batches mixed, λ from Beta(0.2, 0.2)');
    expect(effect(argsWith('mixup: 0.2', 'mixup_prob: 0.5', 'mixup_off_epoch: 60'), 'mixup')).toBe(
      '50% of batches mixed, λ from Beta(0.2, 0.2), until epoch 60',
    );
    expect(effect(argsWith('mixup: 0.2', 'cutmix: 1.0', 'mixup_switch_prob: 0.3'), 'cutmix')).toBe(
      '30% of batches patched, λ from Beta(1, 1)',
    );
    expect(obstacle(argsWith('mixup: 0.2', 'mixup_prob: 0.0'), 'mixup')).toBe(
      'mixup_prob is 0, so nothing is mixed.',
    );
    expect(obstacle(argsWith('cutmix: 0.0', 'cutmix_minmax: [0.2, 0.8]'), 'cutmix')).toBe(
      'cutmix_minmax sets the areas and enables CutMix, whatever cutmix is.',
    );
    expect(obstacle(argsWith('aug_splits: 3', 'jsd_loss: true'), 'mixup')).toBe(
      'aug_splits is 3, which timm cannot combine with mixing.',
    );
  });

  test('smooth the targets of every loss, except with a threshold that makes them 0 and 1', () => {
    expect(state(argsWith('smoothing: 0.1', 'jsd_loss: true', 'aug_splits: 3'), 'label_smoothing')).toBe(
      true,
    );
    expect(state(argsWith('smoothing: 0.1', 'bce_loss: true'), 'label_smoothing')).toBe(true);
    const sharp = argsWith('smoothing: 0.1', 'bce_loss: true', 'bce_target_thresh: 0.2');
    expect(state(sharp, 'label_smoothing')).toBe(false);
    expect(obstacle(sharp, 'label_smoothing')).toBe('bce_target_thresh turns every target into 0 or 1.');
  });

  test('erase nothing without augmentation, and decay all if told to', () => {
    expect(state(argsWith('reprob: 0.25'), 'random_erasing')).toBe(true);
    expect(effect(argsWith('reprob: 0.25'), 'random_erasing')).toBe(
      '25% of images lose 2% to 33.33% of their area',
    );
    expect(state(argsWith('reprob: 0.25', 'no_aug: true'), 'random_erasing')).toBe(false);
    expect(state(argsWith('opt_kwargs: { filter_bias_and_bn: false }'), 'no_bias_decay')).toBe(false);
    expect(state(argsWith('weight_decay: 0.0'), 'no_bias_decay')).toBe('none');
  });

  test('have bfloat16 by another key', () => {
    expect(effect(argsWith('amp: true', 'amp_dtype: bfloat16'), 'mixed_precision')).toBe('bfloat16');
    expect(effect(argsWith('amp: true'), 'mixed_precision')).toBe('float16, loss × 65536');
  });
});
