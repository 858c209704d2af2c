import { describe, expect, test } from 'vitest';
import { parseExperiment } from '../../../src/experiment/parse';
import { inlayHints } from '../../../src/insight/derived';
import { foreignFits } from '../../../src/insight/foreignFits';
import { foreignHoverAt, hoverAt } from '../../../src/insight/hovers';
import { ALL_TRICKS } from '../../../src/tricks/registry';

const YAML = `name: hovered
data:
  dataset: fashion-mnist-sample
  batch_size: 256
model: { name: resnet20 }
optimizer:
  base_lr: 0.1
schedule:
  epochs: 10
tricks:
  linear_scaling: { base_batch_size: 128 }
  gradient_accumulation: { batches: 2 }
  warmup:
    epochs: 2
  no_wd: true
`;
const JSON_TEXT = `{
  "name": "hovered",
  "data": { "dataset": "fashion-mnist-sample", "batch_size": 256 },
  "model": { "name": "resnet20" },
  "tricks": { "warmup": true }
}
`;

const nothing = new Map();

/** Returns the hover over the first occurrence of a word. */
function over(text: string, word: string, fileName = 'a.experiment.yaml', hasSchemaHelp = false) {
  return hoverAt(parseExperiment(text, fileName), text.indexOf(word) + 1, nothing, hasSchemaHelp);
}

describe('a hover over a trick', () => {
  test('has its description, formula, every figure of its source, its values here, and the source', () => {
    const hover = over(YAML, 'no_wd');
    const text = hover?.parts.join('\n');
    expect(hover?.trick).toEqual({ name: 'no_bias_decay', canBeConfigured: false });
    expect(text).toContain('**No bias decay**');
    expect(text).toContain('weight_decay = 0 for biases');
    expect(text).toContain('| batch 1024 | 76.37 / 92.96 | 76.03 / 92.86 | −0.34 / −0.10 |');
    expect(text).toContain('Here: 43 of 65 tensors train without weight decay.');
    expect(text).toContain('Measured here: not yet measured.');
    expect(text).toContain('`no_wd` (GluonCV)');
    expect(text).toContain('[He et al. 2018, section 3.1](https://arxiv.org/abs/1812.01187)');
  });

  test('exists for every trick of the registry, in YAML and in JSON', () => {
    for (const trick of ALL_TRICKS) {
      for (const [fileName, text] of [
        ['a.experiment.yaml', `tricks:\n  ${trick.name}: true\n`],
        ['a.experiment.json', `{ "tricks": { "${trick.name}": true } }`],
      ] as const) {
        const parts = over(text, trick.name, fileName)?.parts.join('\n');
        expect(parts).toContain(trick.summary());
        expect(parts).toContain(trick.url);
      }
    }
  });

  test('has the meaning of each option', () => {
    expect(over(YAML, 'base_batch_size')?.parts.join('\n')).toContain(
      'Batch size that base_lr is meant for.',
    );
    expect(over(YAML, '128')?.parts.join('\n')).toContain('Here: `128`.');
  });
});

describe('a hover over a key', () => {
  test('has its meaning, its allowed values, its default and its value here', () => {
    expect(over(YAML, 'batch_size')?.parts).toEqual([
      '**data.batch\\_size**',
      'Images per batch.',
      'Default: `128`.',
      'Here: `256`, effective batch 512, 23 steps per epoch.',
    ]);
    // 0.1 x 512 / 128.
    expect(over(YAML, 'base_lr')?.parts).toContain('Here: `0.1`, scaled to 0.4.');
    expect(over(YAML, 'dataset')?.parts.join('\n')).toContain(
      '`fashion-mnist-sample`, `fashion-mnist`, `image_folder`, `csv`, `cifar10`, `cifar100`, `idx`, `npz`, `parquet`, `webdataset`, `synthetic`',
    );
  });

  test('of a value explains that value', () => {
    expect(over(YAML, 'fashion-mnist-sample')?.parts).toContain(
      '12,000 training and 2,000 validation images of Fashion-MNIST, included in the package.',
    );
  });

  test('leaves the text of the schema to another extension that shows it', () => {
    expect(over(JSON_TEXT, '"batch_size', 'a.experiment.json', true)?.parts).toEqual([
      'Here: `256`, 46 steps per epoch.',
    ]);
  });

  test('stays if the file has problems, without what they leave open', () => {
    const broken = YAML.replace('0.1', 'fast');
    expect(over(broken, 'base_lr')?.parts).toContain(
      'Base learning rate, before linear scaling and the schedule.',
    );
    expect(over(broken, 'base_lr')?.parts.join('\n')).not.toContain('Here:');
  });

  test('is empty over an unknown key, a comment, or nothing', () => {
    expect(over(`${YAML}nmae: typo\n`, 'nmae')).toBeNull();
    expect(over(`# comment\n${YAML}`, 'comment')).toBeNull();
    expect(over('', '')).toBeNull();
  });

  test('has the range of the key', () => {
    const range = over(YAML, 'epochs')?.range;
    expect(YAML.slice(range?.start.offset, range?.end.offset)).toBe('epochs');
  });
});

describe("a hover in another system's file", () => {
  const over = (text: string, fileName: string, word: string) => {
    const foreign = foreignFits(text, fileName);
    return foreign && foreignHoverAt(foreign, text.indexOf(word) + 1, new Map());
  };

  test.each([
    [
      'args.yaml',
      'model: resnet50\nopt: sgd\nsched: step\nlr: 0.1\nepochs: 90\nwarmup_epochs: 5\n',
      'warmup_epochs',
      'Warmup',
    ],
    [
      'a.sh',
      'python train.py --lr-scheduler steplr --mixup-alpha 0.2 --epochs 90\n',
      '--mixup-alpha',
      'Mixup',
    ],
    [
      'a.py',
      "default_scope = 'mmpretrain'\nmodel = dict(backbone=dict(type='ResNet', depth=50, zero_init_residual=True))\n",
      'zero_init_residual',
      'Zero gamma',
    ],
  ])('of %s explains the trick that a setting writes', (fileName, text, word, title) => {
    const hover = over(text, fileName, word);
    const { start, end } = hover?.range ?? {};
    expect(text.slice(start?.offset, end?.offset)).toContain(word);
    expect(hover?.parts[0]).toBe(`**${title}**`);
    expect(hover?.parts.join('\n')).toContain('He et al. 2018');
  });

  test('shows the values there, and every trick that a setting may write', () => {
    const text =
      'model: resnet50\nopt: sgd\nsched: step\nlr: 0.1\nepochs: 90\nbatch_size: 1024\nwarmup_epochs: 5\n';
    expect(over(text, 'args.yaml', 'warmup_epochs')?.parts).toContain(
      'Here: LR rises from 0.00001 to 0.1 over 5 epochs.',
    );
    const optimizers = over(text, 'args.yaml', 'opt:');
    expect(optimizers?.parts.filter((part) => part.startsWith('**'))).toEqual(['**LARS**', '**LAMB**']);
    expect(optimizers?.trick).toBeNull();
    const lamb = over(text.replace('sgd', 'lamb'), 'args.yaml', 'opt:');
    expect(lamb?.parts.filter((part) => part.startsWith('**'))).toEqual(['**LAMB**']);
    expect(lamb?.trick?.name).toBe('lamb');
  });

  test('is empty over settings that write no trick', () => {
    const text = 'model: resnet50\nopt: sgd\nsched: step\nlr: 0.1\nepochs: 90\n';
    expect(over(text, 'args.yaml', 'epochs')).toBeNull();
    expect(over(text, 'args.yaml', '0.1')).toBeNull();
  });
});

describe('inlay hints', () => {
  const hints = (text: string, fileName = 'a.experiment.yaml') =>
    inlayHints(parseExperiment(text, fileName)).map(
      ({ position, text: hint }) => `${text.split('\n')[position.line]?.trim()} ${hint}`,
    );

  test('show the effective batch, the scaled learning rate and the steps of training and warmup', () => {
    expect(hints(YAML)).toEqual([
      'batch_size: 256 = effective batch 512, 23 steps per epoch',
      'base_lr: 0.1 = scaled to 0.4',
      'epochs: 10 = 230 steps',
      'epochs: 2 = 46 steps',
    ]);
  });

  test('are placed at the settings of the file, and at a bare trick', () => {
    expect(hints(JSON_TEXT, 'a.experiment.json')).toEqual([
      '"data": { "dataset": "fashion-mnist-sample", "batch_size": 256 }, = 46 steps per epoch',
      '"tricks": { "warmup": true } = 230 steps',
    ]);
  });

  test('are none in a file with problems', () => {
    expect(hints(YAML.replace('resnet20', 'resnet21'))).toEqual([]);
  });
});

test('a hover over weights to start from shows some of the published ones', () => {
  const hover = over(`${YAML}init: { weights: a.pth }\n`, 'weights');
  expect(JSON.stringify(hover)).toContain(
    'For example, `torchvision:resnet18`, `torchvision:resnet18.IMAGENET1K_V1`, ',
  );
  expect(JSON.stringify(hover)).not.toContain('timm:resnet50d.ra2_in1k');
});

describe('a hover with text of the file', () => {
  test('shows it as text: no code span ends early, and no link or image results', () => {
    const hostile = '`](command:workbench.action.quit) ![x](https://example.org/x.png)';
    const text = YAML.replace('name: hovered', `name: ${JSON.stringify(hostile)}`);
    const parts = over(text, 'name')?.parts;
    expect(parts?.join('\n')).toContain(`\`\` ${hostile} \`\``);
  });
});
