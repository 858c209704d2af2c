import { spawnSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseExperiment } from '../../../src/experiment/parse';
import { commandLine, quoted } from '../../../src/interop/export/commandLine';
import { SYSTEM_NAMES } from '../../../src/interop/export/system';
import type { Recipe } from '../../../src/recipe/recipe';
import { ALL_TRICKS } from '../../../src/tricks/registry';
import { resolvedRecipe } from '../../support/smallTraining';
import { sourceFacts } from '../../support/sourceFacts';

const DATA = { dataset: 'synthetic', train_images: 640, height: 64, width: 64, channels: 3, batch_size: 64 };

function recipeOf(parts: object = {}): Recipe {
  return resolvedRecipe({ name: 'a', data: DATA, model: { name: 'resnet50' }, ...parts });
}

/** Returns the options of a command, each with its values. */
function optionsOf(text: string): Record<string, string> {
  const command = text.split('\n\n')[0] as string;
  const lines = command.split('\n').filter((line) => line.startsWith('  '));
  return Object.fromEntries(
    lines.map((line) => {
      const [flag = '', ...values] = line.replace(/ \\$/, '').trim().split(' ');
      return [flag, values.join(' ')];
    }),
  );
}

const timm = (parts?: object) => optionsOf(commandLine('timm', recipeOf(parts)));
const torchvision = (parts?: object) => optionsOf(commandLine('torchvision', recipeOf(parts)));

describe.each(SYSTEM_NAMES)('the command of %s', (system) => {
  const plain = commandLine(system, recipeOf());

  test.each(ALL_TRICKS.map(({ name }) => name))('says what happens to %s', (name) => {
    // Values that only a person can know, and values that differ from a default that the plain experiment already has.
    const options = { distillation: { teacher: 'abc' }, linear_scaling: { base_batch_size: 32 } };
    const tricks = { [name]: (options as Record<string, object>)[name] ?? true };
    // The plain model has variant A. No bias decay needs a decay.
    expect(commandLine(system, recipeOf({ tricks }))).not.toBe(plain);
  });

  test('says that it does not balance classes', () => {
    const script = commandLine(
      system,
      recipeOf({ data: { ...DATA, sampling: 'balanced' }, loss: { class_weights: 'balanced' } }),
    );
    for (const setting of ['sampling: balanced', 'class_weights: balanced']) {
      expect(script).toContain(setting);
      expect(plain).not.toContain(setting);
    }
  });

  test('is a script of one command, whatever the names are', () => {
    const name = 'a name\n$(false) # of two lines';
    const script = commandLine(system, recipeOf({ name, init: "it's/$HOME.safetensors" }));
    const shell = `python() { printf '%s\\n' "$@"; }; torchrun() { python "$@"; }; ${script}`;
    const { stdout, stderr, status } = spawnSync('sh', ['-c', shell]);
    expect([status, stderr.toString()]).toEqual([0, '']);
    const words = stdout.toString().trimEnd().split('\n');
    expect(words[0]).toBe('train.py');
    expect(words).toContain('--lr');
    if (system === 'timm') expect(words).toContain("it's/$HOME.safetensors");
  });
});

test('a word is quoted so that a shell returns it', () => {
  fc.assert(
    fc.property(
      fc.string({ unit: 'grapheme', maxLength: 20 }).filter((word) => !word.includes('\0')),
      (word) => {
        const { stdout } = spawnSync('sh', ['-c', `printf %s ${quoted(word)}`]);
        expect(stdout.toString()).toBe(word);
      },
    ),
    { numRuns: 30 },
  );
});

describe("timm's options", () => {
  test("of the paper's refinements", () => {
    const text = commandLine(
      'timm',
      recipeOf({
        optimizer: { base_lr: 0.1, weight_decay: 0.0001 },
        schedule: { epochs: 120 },
        tricks: {
          linear_scaling: true,
          warmup: { epochs: 5 },
          zero_gamma: true,
          no_bias_decay: true,
          mixed_precision: true,
          resnet_d: true,
          cosine_decay: true,
          label_smoothing: true,
          mixup: true,
        },
      }),
    );
    expect(optionsOf(text)).toMatchObject({
      '--model': 'resnet50d',
      '--model-kwargs': 'zero_init_last=True',
      '--input-size': '3 64 64',
      '--num-classes': '10',
      '--opt': 'sgd',
      '--momentum': '0.9',
      '--weight-decay': '0.0001',
      '--lr': '0.025',
      '--sched': 'cosine',
      '--sched-on-updates': '',
      // Without the warmup, which --warmup-prefix puts before them.
      '--epochs': '115',
      '--warmup-epochs': '5',
      '--warmup-prefix': '',
      '--warmup-lr': '0',
      '--smoothing': '0.1',
      '--mixup': '0.2',
      '--amp': '',
      '--amp-dtype': 'float16',
    });
    expect(text).not.toContain('--opt-kwargs');
    expect(text).toContain('# No equivalent for:\n# - the data set synthetic');
  });

  test('disable its own defaults if the recipe has none of them', () => {
    expect(timm({ optimizer: { momentum: 0 } })).toMatchObject({
      '--smoothing': '0',
      '--model-kwargs': 'zero_init_last=False',
      '--opt-kwargs': 'filter_bias_and_bn=False',
      '--opt': 'momentum',
      '--warmup-epochs': '0',
      '--hflip': '0',
      '--color-jitter': '0',
    });
  });

  test('combine the values of several parts in one option', () => {
    expect(timm({ tricks: { lars: true } })['--opt-kwargs']).toBe(
      'filter_bias_and_bn=False trust_coeff=0.001',
    );
  });

  test('have milestones if its scheduler drops the learning rate at the same epoch', () => {
    const decay = { name: 'multi_step', milestones: [3, 5], factor: 0.2 };
    expect(timm({ schedule: { epochs: 8, decay, update: 'epoch' } })).toMatchObject({
      '--sched': 'multistep',
      '--decay-milestones': '4 6',
      '--decay-rate': '0.2',
    });
  });

  test('name the models that it has, and report those that it lacks', () => {
    expect(timm({ tricks: { resnet_c: true } })['--model']).toBe('resnet50c');
    expect(timm({ model: { name: 'resnet18' }, tricks: { resnet_d: true } })['--model']).toBe('resnet18d');
    const noted = (parts: object) => commandLine('timm', recipeOf(parts));
    expect(noted({ model: { name: 'resnet18' }, tricks: { resnet_c: true } })).toContain(
      '# - the model resnet18-C: register it under a name',
    );
    expect(noted({ model: { name: 'resnet20' } })).toContain('--model MODEL');
    expect(noted({ model: { name: 'resnet50', width: 32 } })).toContain('a resnet50 of width 32');
    expect(noted({})).toContain('resnet50: its stride is in the 3x3 convolutions');
    expect(noted({ tricks: { resnet_b: true } })).not.toContain('its stride is in');
  });
});

describe("torchvision's options", () => {
  test('for what it supports', () => {
    expect(
      torchvision({
        optimizer: { base_lr: 0.2 },
        schedule: { epochs: 20, update: 'epoch' },
        tricks: {
          warmup: { epochs: 2 },
          no_bias_decay: true,
          cosine_decay: true,
          label_smoothing: true,
          mixup: true,
          cutmix: true,
          gradient_clipping: true,
          random_erasing: true,
          resnet_b: true,
        },
      }),
    ).toMatchObject({
      '--model': 'resnet50',
      '--opt': 'sgd_nesterov',
      '--lr': '0.2',
      '--norm-weight-decay': '0',
      '--bias-weight-decay': '0',
      '--lr-scheduler': 'cosineannealinglr',
      '--lr-warmup-epochs': '2',
      '--lr-warmup-method': 'linear',
      '--lr-warmup-decay': '1e-8',
      '--label-smoothing': '0.1',
      '--mixup-alpha': '0.2',
      '--cutmix-alpha': '1',
      '--clip-grad-norm': '1',
      '--random-erase': '0.5',
    });
  });

  test('give the moving average the decay that equals ours after its own scaling', () => {
    const options = torchvision({ schedule: { epochs: 8 }, tricks: { ema: { decay: 0.99 } } });
    const asked = Number(options['--model-ema-decay']);
    // torchvision's train.py: alpha = (1 - decay) * batch size * steps / epochs, on one device.
    expect(1 - ((1 - asked) * 64 * Number(options['--model-ema-steps'])) / 8).toBeCloseTo(0.99, 12);
  });

  test('report what has no equivalent', () => {
    const text = commandLine(
      'torchvision',
      recipeOf({
        tricks: { zero_gamma: true, sam: true, distillation: { teacher: 'abc' }, resnet_d: true, lamb: true },
      }),
    );
    for (const missing of [
      'zero_gamma',
      'sam',
      'distillation',
      'the model resnet50-D',
      'the optimizer lamb',
    ]) {
      expect(text).toContain(`# - ${missing}`);
    }
  });
});

describe('a folder of images', () => {
  function recipeOf(augment: string, classNames: readonly string[] = ['cat', 'dog']): Recipe {
    const text = `name: a\ndata: { dataset: image_folder, path: my pets, augment: ${augment} }\nmodel: { name: resnet18 }\n`;
    const facts = () => sourceFacts({ classNames });
    const parsed = parseExperiment(text, 'a.experiment.yaml', [], 'train', facts);
    if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
    return parsed.recipe;
  }

  test('is trained by timm with its crops, flips and colors', () => {
    const script = commandLine('timm', recipeOf('imagenet'));
    expect(optionsOf(script)).toMatchObject({
      ...{ '--data-dir': "'my pets'", '--scale': '0.08 1', '--hflip': '0.5', '--color-jitter': '0.4' },
      ...{ '--crop-pct': '0.875', '--interpolation': 'bilinear', '--mean': '0.48 0.46 0.41' },
    });
    expect(script).toContain('pca_noise');
    expect(optionsOf(commandLine('timm', recipeOf('none')))).toMatchObject({
      ...{ '--scale': '1 1', '--hflip': '0', '--color-jitter': '0' },
    });
  });

  test('lists its classes if timm would sort them differently', () => {
    const names = ['class1', 'class10', 'class2'];
    expect(optionsOf(commandLine('timm', recipeOf('none', names)))['--class-map']).toBe('CLASSES');
    expect(commandLine('timm', recipeOf('none', names))).toContain('class1, class10, class2');
    for (const sorted of [
      ['cat', 'dog'],
      ['class1', 'class2', 'class10'],
      ['a', 'a1', 'a1b', 'b'],
    ]) {
      expect(optionsOf(commandLine('timm', recipeOf('none', sorted)))).not.toHaveProperty('--class-map');
    }
  });

  test("is trained by torchvision's script with its policies", () => {
    const script = commandLine('torchvision', recipeOf('trivialaugment'));
    expect(optionsOf(script)).toMatchObject({
      ...{ '--data-path': "'my pets'", '--auto-augment': 'ta_wide', '--val-resize-size': '256' },
    });
    expect(script).not.toContain('random crops of 8');
    expect(commandLine('torchvision', recipeOf('cifar'))).toContain('not padded_crop, flip');
  });
});
