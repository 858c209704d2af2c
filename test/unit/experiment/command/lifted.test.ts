/** Tricks of a command's options that become tricks of the experiment written for a study. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseDocument } from '../../../../src/experiment/text/document';
import { commandExperimentText } from '../../../../src/interop/command/writer';
import { recipeIn } from '../../../support/commandExperiments';

function lifted(script: string, fileName = 'a.sh'): string {
  const written = commandExperimentText(script, fileName, { isLifted: true });
  if (!written.ok) throw new Error(written.failure.what);
  return written.text;
}

const tricksIn = (text: string) => Object(parseDocument(text, 'a.yaml').value).tricks;
const wordsOf = (text: string, settings: string[] = []) => recipeIn(text, settings).command.toSorted();

const TIMM = 'python pytorch-image-models/train.py --data-dir pets --model resnet50 --epochs 30';
const TORCHVISION =
  'torchrun --nproc_per_node=2 train.py --data-path pets --model resnet50 --lr-step-size 9 --lr-gamma 0.1';

test('a script of timm', () => {
  expect(lifted(`${TIMM} --mixup 0.2 --amp --seed 3\n`)).toBe(`name: a
trainer:
  command: >-
    python pytorch-image-models/train.py --data-dir pets --model resnet50 --epochs 30 --seed \${seed}
    --output \${run.folder} --experiment out
  system: timm
  # Set working_directory to the folder that holds the training script.
seed: 3
# These tricks were options of the command. Here, a study can switch them off.
tricks:
  mixed_precision: { dtype: float16 }
  mixup: { alpha: 0.2 }
`);
});

test('only for a study', () => {
  const written = commandExperimentText(`${TIMM} --mixup 0.2 --amp\n`, 'a.sh');
  expect(written.ok && written.text).toContain('--mixup 0.2 --amp');
  expect(written.ok && tricksIn(written.text)).toBeUndefined();
});

/** Options of a command, by the trick that they mean, and those without it. */
interface Written {
  readonly on: string;
  readonly off?: string;
}

const SYSTEMS: Readonly<Record<string, { readonly base: string; readonly tricks: Record<string, Written> }>> =
  {
    timm: {
      base: TIMM,
      tricks: {
        linear_scaling: { on: '--lr-base 0.2 --lr-base-size 128', off: '--lr 0.2' },
        warmup: { on: '--warmup-epochs 3', off: '--warmup-epochs 0' },
        mixed_precision: { on: '--amp --amp-dtype bfloat16' },
        cosine_decay: { on: '--sched cosine', off: '--sched step' },
        label_smoothing: { on: '--smoothing 0.2', off: '--smoothing 0' },
        mixup: { on: '--mixup 0.2' },
        cutmix: { on: '--cutmix 0.5' },
        ema: { on: '--model-ema --model-ema-decay 0.99' },
        stochastic_depth: { on: '--drop-path 0.1' },
        random_erasing: { on: '--reprob 0.25' },
        gradient_clipping: { on: '--clip-grad 2' },
        gradient_accumulation: { on: '--grad-accum-steps 4' },
        lamb: { on: '--opt lamb' },
      },
    },
    torchvision: {
      base: TORCHVISION,
      tricks: {
        warmup: { on: '--lr-warmup-epochs 3 --lr-warmup-method linear' },
        mixed_precision: { on: '--amp' },
        cosine_decay: { on: '--lr-scheduler cosineannealinglr' },
        no_bias_decay: { on: '--norm-weight-decay 0 --bias-weight-decay 0' },
        label_smoothing: { on: '--label-smoothing 0.2' },
        mixup: { on: '--mixup-alpha 0.2' },
        cutmix: { on: '--cutmix-alpha 0.5' },
        random_erasing: { on: '--random-erase 0.25' },
        gradient_clipping: { on: '--clip-grad-norm 2' },
      },
    },
  };

describe.each(Object.entries(SYSTEMS))('each trick of %s', (_, { base, tricks }) => {
  test.each(Object.entries(tricks))('%s by its options', (name, { on, off = '' }) => {
    const text = lifted(`${base} ${on}\n`);
    expect(Object.keys(tricksIn(text))).toEqual([name]);
    const plain = commandExperimentText(`${base} ${on}\n`, 'a.sh');
    expect(wordsOf(text)).toEqual(wordsOf(plain.ok ? plain.text : ''));
    const without = commandExperimentText(`${base} ${off}\n`, 'a.sh');
    expect(wordsOf(text, [`tricks.${name}=false`])).toEqual(wordsOf(without.ok ? without.text : ''));
  });

  test('and any of them together', () => {
    fc.assert(
      fc.property(fc.subarray(Object.entries(tricks)), fc.nat(), (chosen, seed) => {
        const mixed = fc.sample(fc.shuffledSubarray(chosen, { minLength: chosen.length }), {
          numRuns: 1,
          seed,
        })[0];
        const script = `${base} ${mixed?.map(([, { on }]) => on).join(' ')}\n`;
        const plain = commandExperimentText(script, 'a.sh');
        const text = lifted(script);
        expect(wordsOf(text)).toEqual(wordsOf(plain.ok ? plain.text : ''));
        const names = chosen.map(([name]) => name);
        // timm scales the learning rate of LAMB by a square root, which is not linear scaling.
        const moved = names.filter((name) => name !== 'linear_scaling' || !names.includes('lamb'));
        expect(Object.keys(tricksIn(text) ?? {}).toSorted()).toEqual(moved.toSorted());
      }),
      { numRuns: 25 },
    );
  });
});

describe('what cannot be moved exactly stays:', () => {
  test.each([
    [
      'half of a pair of options',
      `${TORCHVISION} --norm-weight-decay 0`,
      ['--norm-weight-decay 0'],
      undefined,
    ],
    [
      'a name in other letters',
      `${TORCHVISION} --lr-scheduler CosineAnnealingLR`,
      ['CosineAnnealingLR'],
      undefined,
    ],
    ['an option that says that a trick is off', `${TIMM} --smoothing 0`, ['--smoothing 0'], undefined],
    ['what a config file may change', `${TIMM} --mixup 0.2 --config c.yaml`, ['--mixup 0.2'], undefined],
    [
      'a probability that two tricks share',
      `${TIMM} --mixup 0.2 --cutmix 1.0 --mixup-prob 0.5`,
      ['--mixup-prob 0.5'],
      { mixup: { alpha: 0.2 }, cutmix: { alpha: 1 } },
    ],
    [
      'a learning rate of warmup',
      `${TIMM} --warmup-epochs 5 --warmup-lr 1e-4`,
      ['--warmup-lr 1e-4'],
      { warmup: { epochs: 5 } },
    ],
  ])('%s', (_, script, kept, tricks) => {
    const text = lifted(`${script}\n`);
    const words = recipeIn(text).command.join(' ');
    for (const each of kept) expect(words).toContain(each);
    expect(tricksIn(text)).toEqual(tricks);
  });
});

test('a default is written out where the experiment has another', () => {
  const text = lifted(`${TIMM} --model-ema\n`);
  expect(tricksIn(text)).toEqual({ ema: { decay: 0.9998, warmup: false } });
  expect(recipeIn(text).command.slice(-3)).toEqual(['--model-ema', '--model-ema-decay', '0.9998']);
});

test("arguments in timm's args.yaml", () => {
  const text = lifted(
    'model: resnet50\ndata_dir: pets\nepochs: 30\nopt: sgd\nmixup: 0.2\ndrop_path: 0.1\n',
    'args.yaml',
  );
  expect(tricksIn(text)).toEqual({ mixup: { alpha: 0.2 }, stochastic_depth: { rate: 0.1 } });
  expect(recipeIn(text).command.join(' ')).toContain('--mixup 0.2 --drop-path 0.1');
});
