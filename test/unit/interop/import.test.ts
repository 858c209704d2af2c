import { describe, expect, test } from 'vitest';
import { applyEdits } from '../../../src/experiment/text/textEdits';
import { foreignFits } from '../../../src/insight/foreignFits';
import { foreignLenses, type LensSurroundings } from '../../../src/insight/lenses';
import { ADAPTERS, readForeign } from '../../../src/interop/import/adapters';

const TIMM = `# resnet50, a100 recipe
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

const SCRIPT = `#!/bin/bash
# torchrun train.py --amp is not this one
torchrun --nproc_per_node=8 train.py \\
    --model resnet50 --batch-size 128 \\
    --lr 0.5 \\
    --epochs 90 # the end
echo "done --amp"
`;

const CONFIG = `_base_ = ['../_base_/default_runtime.py']  # kept

model = dict(
    backbone=dict(type='ResNet', depth=50),
    head=dict(loss=dict(type='CrossEntropyLoss', loss_weight=1.0)),
)
optim_wrapper = dict(
    optimizer=dict(type='SGD', lr=0.1, momentum=0.9, weight_decay=0.0001))
train_cfg = dict(by_epoch=True, max_epochs=100)
`;

const NOTHING_ELSE: LensSurroundings = { obstacle: null, lastRun: null, runs: new Map(), hidden: new Set() };

const FILES: Record<string, readonly [fileName: string, text: string]> = {
  timm: ['args.yaml', TIMM],
  torchvision: ['train.sh', SCRIPT],
  MMPretrain: ['resnet50_8xb128_in1k.py', CONFIG],
};

function fitsOf(text: string, fileName: string) {
  const found = foreignFits(text, fileName);
  if (!found) throw new Error(`${fileName} is not understood`);
  return found;
}

/** The text after a click on the lens of a trick; the reason where it is refused. */
function clicked([fileName, text]: readonly [string, string], name: string): string {
  const fit = fitsOf(text, fileName).fits.find(({ trick }) => trick.name === name);
  if (!fit) throw new Error(`${name} has no lens`);
  const result = fit.toggle();
  return result.ok ? applyEdits(text, result.edits) : result.reason;
}

/** The lines that are in one text and not in the other, with + and -. */
function difference(before: string, after: string): string[] {
  const [a, b] = [before.split('\n'), after.split('\n')];
  return [
    ...a.filter((line) => !b.includes(line)).map((line) => `- ${line}`),
    ...b.filter((line) => !a.includes(line)).map((line) => `+ ${line}`),
  ];
}

const inserted = (system: string, name: string) =>
  difference(FILES[system]![1], clicked(FILES[system]!, name));

describe('files of other systems', () => {
  test('are told by what they hold, and no other files are taken', () => {
    for (const [system, [fileName, text]] of Object.entries(FILES)) {
      expect(readForeign(text, fileName)?.adapter.system).toBe(system);
    }
    expect(readForeign('services:\n  web: {}\n', 'docker-compose.yaml')).toBeNull();
    expect(readForeign('name: a\nmodel: { name: resnet8 }\n', 'a.experiment.yaml')).toBeNull();
    expect(readForeign('python test.py --model a\n', 'run.sh')).toBeNull();
    expect(readForeign('import os\nx = dict(a=1)\n', 'tool.py')).toBeNull();
    expect(readForeign('', 'args.yaml')).toBeNull();
  });

  test('have the effect of each trick in numbers, where they say what it is worked out from', () => {
    const effects = (system: string) => {
      const [fileName, text] = FILES[system]!;
      return Object.fromEntries(
        fitsOf(text, fileName).fits.map(({ trick, effect }) => [trick.name, effect()]),
      );
    };
    // 1,281,167 / 1024 = 1251 steps an epoch.
    expect(effects('timm').linear_scaling).toBe('0.1 at 256 gives 0.4 at 1024');
    expect(effects('timm').warmup).toBe('rate rises from 0 to 0.1 over 5004 steps');
    expect(effects('torchvision').warmup).toBe('rate rises from 0 to 0.5 over 5004 steps');
    expect(effects('torchvision').no_bias_decay).toBe('107 of 161 tensors train without weight decay');
    expect(effects('MMPretrain').linear_scaling).toBe('0.1 at 256 gives 0.4 at 1024');
    const [, config] = FILES.MMPretrain!;
    expect(fitsOf(config, 'resnet50.py').fits.every(({ effect }) => effect() === null)).toBe(true);
  });

  test.each(Object.keys(FILES))('%s: every trick goes in by its lens and out again', (system) => {
    const [fileName, text] = FILES[system]!;
    const adapter = ADAPTERS.find((each) => each.system === system);
    const fits = fitsOf(text, fileName).fits.filter(({ obstacle }) => obstacle() === null);
    expect(fits.length).toBeGreaterThan(7);
    for (const { trick, isIn } of fits) {
      const once = clicked([fileName, text], trick.name);
      const after = fitsOf(once, fileName).fits.find((each) => each.trick === trick);
      expect([trick.name, after?.isIn]).toEqual([trick.name, !isIn]);
      const twice = clicked([fileName, once], trick.name);
      const back = fitsOf(twice, fileName).fits.find((each) => each.trick === trick);
      expect([trick.name, back?.isIn]).toEqual([trick.name, isIn]);
      for (const kept of text.match(/#[^\n]*/g) ?? []) expect(twice).toContain(kept);
      const settings = adapter?.tricks[trick.name]?.settings ?? [];
      // Where the file had none of the trick's settings it is as it was.
      const read = readForeign(text, fileName)?.file.settings;
      const isNew = !settings.some((each) => [...(read?.keys() ?? [])].some((key) => key.startsWith(each)));
      if (isNew && !isIn) expect(twice).toBe(text);
    }
  });
});

describe('a trick that a file cannot be edited for', () => {
  const obstacles = (fileName: string, text: string) =>
    Object.fromEntries(
      fitsOf(text, fileName).fits.flatMap((fit) => {
        const obstacle = fit.obstacle();
        return obstacle === null ? [] : [[fit.trick.name, obstacle]];
      }),
    );

  test('has a lens that says why, and a click changes nothing', () => {
    const [fileName, text] = FILES.torchvision!;
    expect(obstacles(fileName, text)).toEqual({
      linear_scaling: 'torchvision has no flag for it: write the scaled rate to --lr.',
      zero_gamma: 'torchvision has no flag for it: give the model zero_init_residual=True in train.py.',
    });
    expect(clicked(FILES.torchvision!, 'linear_scaling')).toBe(obstacles(fileName, text).linear_scaling);
    const faces = foreignLenses(fitsOf(text, fileName), NOTHING_ELSE).map(({ line, face }) => ({
      line,
      ...face(),
    }));
    expect(faces.find(({ title }) => title.startsWith('Linear scaling'))).toMatchObject({
      line: 4,
      icon: 'info',
      title:
        'Linear scaling: 0.5 at 256 gives 2 at 1024 · torchvision has no flag for it: write the scaled rate to --lr',
      action: { type: 'compareTrick', trick: 'linear_scaling' },
    });
  });

  test('is told to be in where the system does it by itself', () => {
    expect(obstacles('args.yaml', TIMM)).toEqual({
      no_bias_decay: 'timm does so by itself wherever weight_decay is above 0.',
    });
    const isIn = (text: string) =>
      fitsOf(text, 'args.yaml').fits.find(({ trick }) => trick.name === 'no_bias_decay')?.isIn;
    expect(isIn(TIMM)).toBe(true);
    expect(isIn(TIMM.replace('weight_decay: 0.0001', 'weight_decay: 0.0'))).toBeUndefined();
  });

  test('is one of a list that comes from elsewhere, is computed, or counts otherwise', () => {
    const reasons = (text: string) => obstacles('resnet50_8xb32_in1k.py', text);
    expect(reasons(CONFIG)).toEqual({
      warmup: 'param_scheduler may come from _base_, which is not read.',
      cosine_decay: 'param_scheduler may come from _base_, which is not read.',
      ema: 'custom_hooks may come from _base_, which is not read.',
    });
    const alone = CONFIG.replace(/_base_ = .*\n/, '_base_ = []\n');
    expect(reasons(alone)).toEqual({});
    const computed = 'param_scheduler is computed by the file.';
    expect(reasons(`${alone}param_scheduler = schedules(5)\n`)).toEqual({
      warmup: computed,
      cosine_decay: computed,
    });
    const iterations = 'param_scheduler counts iterations, not epochs.';
    expect(reasons(`${alone}param_scheduler = [dict(type='LinearLR', by_epoch=False, end=2500)]\n`)).toEqual({
      warmup: iterations,
      cosine_decay: iterations,
    });
    expect(
      reasons(`${alone}param_scheduler = [dict(type='StepLR', step_size=1), dict(type='PolyLR')]\n`).warmup,
    ).toBe('param_scheduler has several schedules beside warmup.');
    expect(reasons(alone.replace('max_epochs=100', 'val_interval=1')).cosine_decay).toBe(
      'train_cfg.max_epochs is not in the file.',
    );
    expect(reasons(alone.replace('_base_ = []', 'with read_base():\n    from .base import *')).ema).toBe(
      'custom_hooks may come from _base_, which is not read.',
    );
  });
});

describe("timm's arguments", () => {
  test('take its own names', () => {
    expect(inserted('timm', 'linear_scaling')).toEqual([
      '- lr: 0.1   # for 256',
      '+ lr: null   # for 256',
      '+ lr_base: 0.1',
      '+ lr_base_size: 256',
    ]);
    expect(inserted('timm', 'warmup')).toEqual(['- warmup_epochs: 0', '+ warmup_epochs: 4']);
    expect(inserted('timm', 'label_smoothing')).toEqual(['- smoothing: 0.0', '+ smoothing: 0.1']);
    expect(inserted('timm', 'mixed_precision')).toEqual(['- amp: false', '+ amp: true']);
    expect(inserted('timm', 'gradient_clipping')).toEqual(['- clip_grad: null', '+ clip_grad: 1']);
    expect(inserted('timm', 'lamb')).toEqual(['- opt: sgd', '+ opt: lamb']);
  });

  test('have what timm does by default', () => {
    const fits = fitsOf(TIMM.replace('warmup_epochs: 0\nsmoothing: 0.0\n', ''), 'args.yaml').fits;
    const isIn = (name: string) => fits.find(({ trick }) => trick.name === name)?.isIn;
    expect([isIn('zero_gamma'), isIn('warmup'), isIn('label_smoothing'), isIn('mixup')]).toEqual([
      true,
      true,
      true,
      false,
    ]);
    expect(inserted('timm', 'zero_gamma')).toEqual(['+ model_kwargs:', '+   zero_init_last: false']);
  });

  test('are not clipped to a norm where clip_mode is another, and a click is refused with the reason', () => {
    const byValue = TIMM.replace('clip_grad: null', 'clip_grad: 0.02\nclip_mode: value');
    const fit = fitsOf(byValue, 'args.yaml').fits.find(({ trick }) => trick.name === 'gradient_clipping');
    expect(fit?.isIn).toBe(false);
    expect(fit?.toggle()).toEqual({ ok: false, reason: 'clip_mode is value, another way to clip.' });
  });

  test('have each lens at its key, or at the key that it concerns', () => {
    const { fits, placeOf } = fitsOf(TIMM, 'args.yaml');
    const lines = TIMM.split('\n');
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
});

describe("torchvision's command lines", () => {
  test('take its own flags, on lines as the others are', () => {
    expect(clicked(FILES.torchvision!, 'no_bias_decay')).toBe(
      SCRIPT.replace(
        '--epochs 90 # the end',
        '--epochs 90 \\\n    --norm-weight-decay 0 \\\n    --bias-weight-decay 0 # the end',
      ),
    );
    expect(clicked(FILES.torchvision!, 'label_smoothing')).toContain(
      '--epochs 90 \\\n    --label-smoothing 0.1 # the end',
    );
    expect(clicked(['a.sh', 'python train.py --model resnet18 --epochs 90\n'], 'mixed_precision')).toBe(
      'python train.py --model resnet18 --epochs 90 --amp\n',
    );
  });

  test('change a flag that is there, and leave what the script computes', () => {
    const script =
      'python train.py --model resnet18 --lr-warmup-epochs 0 --mixup-alpha "$ALPHA" --epochs 90\n';
    expect(clicked(['a.sh', script], 'warmup')).toContain('--lr-warmup-epochs 4 --mixup-alpha');
    expect(clicked(['a.sh', script], 'mixup')).toBe('--mixup-alpha is computed by the script.');
  });

  test('are read up to a pipe', () => {
    const script = 'python train.py --model resnet18 --amp | tee log --amp 2>&1\n';
    expect(clicked(['a.sh', script], 'mixed_precision')).toBe(
      'python train.py --model resnet18 | tee log --amp 2>&1\n',
    );
  });
});

describe("MMPretrain's configs", () => {
  test('take its own names, in the style of the file', () => {
    expect(inserted('MMPretrain', 'linear_scaling')).toEqual([
      '+ auto_scale_lr = dict(base_batch_size=256, enable=True)',
    ]);
    expect(inserted('MMPretrain', 'no_bias_decay')).toEqual([
      "-     optimizer=dict(type='SGD', lr=0.1, momentum=0.9, weight_decay=0.0001))",
      "+     optimizer=dict(type='SGD', lr=0.1, momentum=0.9, weight_decay=0.0001),",
      '+     paramwise_cfg=dict(norm_decay_mult=0, bias_decay_mult=0))',
    ]);
    expect(inserted('MMPretrain', 'mixup')).toEqual([
      "+     train_cfg=dict(augments=[dict(type='Mixup', alpha=0.2)]),",
    ]);
    expect(inserted('MMPretrain', 'zero_gamma')[1]).toContain('depth=50, zero_init_residual=False)');
    expect(inserted('MMPretrain', 'label_smoothing')[1]).toContain(
      "dict(type='LabelSmoothLoss', loss_weight=1.0, label_smooth_val=0.1)",
    );
  });

  test('leave what they compute, and say so', () => {
    const config = CONFIG.replace('optim_wrapper = dict(', 'optim_wrapper = make_wrapper(');
    expect(clicked(['a.py', config], 'gradient_clipping')).toBe('optim_wrapper is computed by the file.');
  });

  test('are never mistaken by texts, comments and brackets', () => {
    const config = `"""A text:
optim_wrapper = dict(clip_grad=dict(max_norm=1.0))
"""
_base_ = []  # optim_wrapper = dict(accumulative_counts=4)
optim_wrapper = dict(optimizer=dict(type='SGD', lr=0.8 * 2), note='# )')
data = [f(x, dict(a=1)) for x in range(3)]
`;
    const { fits } = fitsOf(config, 'a.py');
    expect(fits.find(({ trick }) => trick.name === 'gradient_clipping')?.isIn).toBe(false);
    expect(clicked(['a.py', config], 'gradient_clipping')).toContain(
      "note='# )', clip_grad=dict(max_norm=1))\n",
    );
  });
});

describe("MMPretrain's lists of schedules and hooks", () => {
  const HEAD = CONFIG.replace(/_base_ = .*\n/, '_base_ = []  # kept\n');
  const STEPS = `${HEAD}param_scheduler = [
    # main learning rate scheduler
    dict(type='MultiStepLR', by_epoch=True, milestones=[30, 60, 90], gamma=0.1),  # as in the paper
]
`;
  const name = 'resnet50_8xb32_in1k.py';
  const click = (text: string, trick: string) => clicked([name, text], trick);
  const change = (text: string, trick: string) => difference(text, click(text, trick));
  const isIn = (text: string, trick: string) =>
    fitsOf(text, name).fits.find((fit) => fit.trick.name === trick)?.isIn;
  const WARMUP_LINE =
    "dict(type='LinearLR', start_factor=0.0001, by_epoch=True, begin=0, end=4, convert_to_iter_based=True)";

  test('warmup is the first schedule, on a line as the others are, and goes again', () => {
    expect(change(STEPS, 'warmup')).toEqual([`+     ${WARMUP_LINE},`]);
    expect(click(click(STEPS, 'warmup'), 'warmup')).toBe(STEPS);
  });

  test('a cosine takes what warmup leaves of the epochs, whichever comes first', () => {
    const cosine = click(STEPS, 'cosine_decay');
    expect(difference(STEPS, cosine)).toContain(
      "+     dict(type='CosineAnnealingLR', T_max=100, by_epoch=True),  # as in the paper",
    );
    const both = click(cosine, 'warmup');
    expect(both).toContain("dict(type='CosineAnnealingLR', T_max=96, by_epoch=True, begin=4),  # as in");
    expect(click(click(STEPS, 'warmup'), 'cosine_decay')).toBe(both);
    expect(click(both, 'warmup')).toBe(cosine);
    const steps = click(both, 'cosine_decay');
    expect(steps).toContain("dict(type='MultiStepLR', by_epoch=True, milestones=[25, 50, 75], gamma=0.1)");
    expect(isIn(steps, 'warmup')).toBe(true);
  });

  test('the epochs of warmup are configured, and a cosine after it follows', () => {
    const both = click(click(STEPS, 'cosine_decay'), 'warmup');
    const fit = fitsOf(both, name).fits.find(({ trick }) => trick.name === 'warmup');
    expect(fit?.options().map((option) => [option.name, option.value])).toEqual([['epochs', 4]]);
    const result = fit?.configure('epochs', 10);
    expect(result?.ok && applyEdits(both, result.edits)).toBe(
      both.replace('end=4', 'end=10').replace('T_max=96', 'T_max=90').replace('begin=4', 'begin=10'),
    );
  });

  test('one schedule without a list becomes one of a list, as it is written', () => {
    const main = "dict(\n    type='MultiStepLR',  # main\n    milestones=[30, 60])";
    const text = `${HEAD}param_scheduler = ${main}\n`;
    expect(click(text, 'warmup')).toBe(text.replace(main, `[${WARMUP_LINE}, ${main}]`));
  });

  test('a file without schedules gets some', () => {
    expect(change(HEAD, 'warmup')).toEqual([`+ param_scheduler = [${WARMUP_LINE}]`]);
    expect(click(click(HEAD, 'warmup'), 'warmup')).toBe(HEAD);
  });

  test("warmup of MMPretrain's own configs is understood", () => {
    const own = `${HEAD}param_scheduler = [
    # warm up learning rate scheduler
    dict(type='LinearLR', start_factor=0.25, by_epoch=True, begin=0, end=5, convert_to_iter_based=True),
    # main learning rate scheduler
    dict(type='CosineAnnealingLR', T_max=95, by_epoch=True, begin=5, end=100)
]
`;
    expect([isIn(own, 'warmup'), isIn(own, 'cosine_decay')]).toEqual([true, true]);
    const without = click(own, 'warmup');
    expect(without).toContain("dict(type='CosineAnnealingLR', T_max=100, by_epoch=True, end=100)");
    expect(without).toContain('# main learning rate scheduler');
    // A linear fall is no warmup.
    expect(isIn(own.replace('0.25', '1, end_factor=0.1'), 'warmup')).toBe(false);
  });

  test('the moving average is a hook, in the words of its momentum, beside others', () => {
    const hooks = `${HEAD}custom_hooks = [dict(type='SwitchHook')]\n`;
    const averaged = click(hooks, 'ema');
    expect(difference(hooks, averaged)).toEqual([
      "- custom_hooks = [dict(type='SwitchHook')]",
      "+ custom_hooks = [dict(type='SwitchHook'), dict(type='EMAHook', momentum=0.0001, priority='ABOVE_NORMAL')]",
    ]);
    expect(click(averaged, 'ema')).toBe(hooks);
    expect(change(HEAD, 'ema')).toEqual([
      "+ custom_hooks = [dict(type='EMAHook', momentum=0.0001, priority='ABOVE_NORMAL')]",
    ]);
    const fit = fitsOf(averaged, name).fits.find(({ trick }) => trick.name === 'ema');
    const result = fit?.configure('decay', 0.999);
    expect(result?.ok && applyEdits(averaged, result.edits)).toBe(
      averaged.replace('momentum=0.0001', 'momentum=0.001'),
    );
  });

  test('augmentations in a list keep their comments', () => {
    const mixed = HEAD.replace(
      'head=dict(',
      "train_cfg=dict(augments=[\n        dict(type='Mixup', alpha=0.8),  # strong\n    ]),\n    head=dict(",
    );
    const both = click(mixed, 'cutmix');
    expect(difference(mixed, both)).toEqual(["+         dict(type='CutMix', alpha=1),"]);
    expect(click(both, 'cutmix')).toBe(mixed);
    // The last item may have no comma yet.
    const bare = mixed.replace('0.8),', '0.8)');
    expect(click(bare, 'cutmix')).toContain("alpha=0.8),  # strong\n        dict(type='CutMix', alpha=1)\n");
  });
});
