/** The text that a click on a lens writes into an MMPretrain config. */
import { describe, expect, test } from 'vitest';
import { applyEdits } from '../../../src/experiment/text/textEdits';
import { difference, fitsOf } from '../../support/foreignFiles';
import { clicked, fitOf, settingsOf } from '../../support/mmpretrain';
import { MMPRETRAIN_FILES, readingMmpretrain } from '../../support/mmpretrainConfigs';

const NAME = 'resnet50_8xb32_in1k.py';
const HEAD = `default_scope = 'mmpretrain'  # kept

model = dict(
    type='ImageClassifier',
    backbone=dict(type='ResNet', depth=50),
    head=dict(loss=dict(type='CrossEntropyLoss', loss_weight=1.0)),
)
optim_wrapper = dict(
    optimizer=dict(type='SGD', lr=0.1, momentum=0.9, weight_decay=0.0001))
train_cfg = dict(by_epoch=True, max_epochs=100)
`;
const STEPS = `${HEAD}param_scheduler = [
    # main learning rate scheduler
    dict(type='MultiStepLR', by_epoch=True, milestones=[30, 60, 90], gamma=0.1),  # as in the paper
]
`;
const files = readingMmpretrain();
const click = (text: string, trick: string) => clicked(text, NAME, trick);
const change = (text: string, trick: string) => difference(text, click(text, trick));
/** Uses 1,024 images per step, which linear scaling changes. */
const changeOfLarge = (text: string, trick: string) =>
  difference(text, clicked(text, 'resnet50_8xb128_in1k.py', trick));
const isIn = (text: string, trick: string) => fitOf(text, NAME, trick).isIn;
const at = (path: string, trick: string) =>
  difference(MMPRETRAIN_FILES[path] ?? '', clicked(MMPRETRAIN_FILES[path] ?? '', path, trick, files));
const withHead = (head: string) => HEAD.replace(/head=.*/, `head=dict(${head}),`);
const withWrapper = (wrapper: string) =>
  `${HEAD.replace(/optim_wrapper[\s\S]*?\)\)\n/, '')}optim_wrapper = dict(${wrapper})\n`;

describe('inserting a trick', () => {
  test('uses its own names, in the style of the file', () => {
    expect(changeOfLarge(HEAD, 'linear_scaling')).toEqual([
      '+ auto_scale_lr = dict(base_batch_size=256, enable=True)',
    ]);
    expect(change(HEAD, 'no_bias_decay')).toEqual([
      "-     optimizer=dict(type='SGD', lr=0.1, momentum=0.9, weight_decay=0.0001))",
      "+     optimizer=dict(type='SGD', lr=0.1, momentum=0.9, weight_decay=0.0001),",
      '+     paramwise_cfg=dict(norm_decay_mult=0, bias_decay_mult=0))',
    ]);
    expect(change(HEAD, 'mixup')).toEqual([
      "+     train_cfg=dict(augments=[dict(type='Mixup', alpha=0.2)]),",
    ]);
    expect(change(HEAD, 'zero_gamma')[1]).toContain('depth=50, zero_init_residual=False)');
    expect(change(HEAD, 'label_smoothing')[1]).toContain(
      "dict(type='LabelSmoothLoss', loss_weight=1.0, label_smooth_val=0.1)",
    );
  });

  test('writes floats if MMPretrain takes no whole numbers', () => {
    expect(change(HEAD, 'cutmix')).toEqual([
      "+     train_cfg=dict(augments=[dict(type='CutMix', alpha=1.0)]),",
    ]);
  });

  test('replaces None', () => {
    for (const [name, wrapper, written] of [
      ['gradient_clipping', 'clip_grad=None', 'clip_grad=dict(max_norm=1)'],
      ['no_bias_decay', 'paramwise_cfg=None', 'paramwise_cfg=dict(norm_decay_mult=0, bias_decay_mult=0)'],
    ] as const) {
      const text = withWrapper(`optimizer=dict(type='SGD', lr=0.1, weight_decay=0.1), ${wrapper}`);
      expect(click(text, name)).toBe(text.replace(wrapper, written));
    }
    const scaling = `${HEAD}auto_scale_lr = None\n`;
    expect(changeOfLarge(scaling, 'linear_scaling')).toEqual([
      '- auto_scale_lr = None',
      '+ auto_scale_lr = dict(base_batch_size=256, enable=True)',
    ]);
  });

  test('does not change what the file computes, with the reason', () => {
    const config = HEAD.replace('optim_wrapper = dict(', 'optim_wrapper = make_wrapper(');
    expect(click(config, 'gradient_clipping')).toBe(
      'The file does not show whether the trick is in use or applies. The file computes optim_wrapper.',
    );
    const named = `common = dict(type='SGD', lr=0.1, weight_decay=0.1)\n${withWrapper('optimizer=common, paramwise_cfg=common')}`;
    expect(fitOf(named, NAME, 'no_bias_decay').toggle()).toEqual({
      ok: false,
      reason: 'The file computes optim_wrapper.paramwise_cfg.',
    });
  });

  test('ignores texts, comments and brackets', () => {
    const config = `"""A text:
optim_wrapper = dict(clip_grad=dict(max_norm=1.0))
"""
default_scope = 'mmpretrain'  # optim_wrapper = dict(accumulative_counts=4)
optim_wrapper = dict(optimizer=dict(type='SGD', lr=0.8 * 2), note='# )')
data = [f(x, dict(a=1)) for x in range(3)]
`;
    expect(isIn(config, 'gradient_clipping')).toBe(false);
    expect(click(config, 'gradient_clipping')).toContain("note='# )', clip_grad=dict(max_norm=1))\n");
  });
});

describe('removing a trick', () => {
  test('restores the file if it did not mention the trick', () => {
    for (const { trick } of fitsOf(STEPS, NAME).fits) {
      if (['linear_scaling', 'cosine_decay', 'zero_gamma', 'label_smoothing'].includes(trick.name)) continue;
      expect([trick.name, click(click(STEPS, trick.name), trick.name)]).toEqual([trick.name, STEPS]);
    }
    expect(click(click(HEAD, 'zero_gamma'), 'zero_gamma')).toBe(HEAD);
  });

  test('leaves a loss that can be built, with the arguments that both losses take', () => {
    const smooth = (more: string) =>
      withHead(`loss=dict(type='LabelSmoothLoss', label_smooth_val=0.1${more})`);
    const plain = (more: string) => withHead(`loss=dict(type='CrossEntropyLoss'${more})`);
    expect(click(smooth(', loss_weight=0.5'), 'label_smoothing')).toBe(plain(', loss_weight=0.5'));
    expect(click(smooth(", mode='original', num_classes=1000"), 'label_smoothing')).toBe(plain(''));
    expect(click(smooth(', use_sigmoid=True'), 'label_smoothing')).toBe(plain(', use_sigmoid=True'));
    for (const mode of ['classy_vision', 'multi_label']) {
      expect(click(smooth(`, mode='${mode}'`), 'label_smoothing')).toBe(
        `model.head.loss.mode is ${mode}: the loss that it replaced is unknown.`,
      );
    }
    expect(click(withHead("loss=dict(type='FocalLoss')"), 'label_smoothing')).toBe(
      'model.head.loss.type is FocalLoss, not CrossEntropyLoss.',
    );
    expect(click(withHead(''), 'label_smoothing')).toBe('model.head.loss.type is not in the file.');
  });

  test('works for a loss with shares of classes, and back', () => {
    const soft = withHead(
      "loss=dict(type='CrossEntropyLoss', use_soft=True)), train_cfg=dict(augments=dict(type='Mixup', alpha=0.2)",
    );
    const smooth = click(soft, 'label_smoothing');
    expect(smooth).toContain("loss=dict(type='LabelSmoothLoss', label_smooth_val=0.1))");
    expect(click(smooth, 'label_smoothing')).toBe(soft);
  });

  test('removes from a wrapper what only half precision takes', () => {
    const amp = withWrapper(
      "type='AmpOptimWrapper', dtype='float16', loss_scale=512., optimizer=dict(type='SGD', lr=0.1)",
    );
    expect(click(amp, 'mixed_precision')).toBe(withWrapper("optimizer=dict(type='SGD', lr=0.1)"));
    expect(click(withWrapper("type='ApexOptimWrapper'"), 'mixed_precision')).toBe(
      'optim_wrapper.type is ApexOptimWrapper, not OptimWrapper.',
    );
  });

  test('removes clipping as a whole, and clipping by value is another trick', () => {
    const text = withWrapper("optimizer=dict(type='SGD', lr=0.1), clip_grad=dict(max_norm=5.0, norm_type=2)");
    expect(click(text, 'gradient_clipping')).toBe(withWrapper("optimizer=dict(type='SGD', lr=0.1)"));
    const byValue = text.replace('max_norm=5.0, norm_type=2', "type='value', clip_value=0.1");
    expect(click(byValue, 'gradient_clipping')).toBe(
      'optim_wrapper.clip_grad.type is value, a different way to clip.',
    );
  });

  test('removes only the switch of scaling, and keeps its base batch', () => {
    const text = `${HEAD}auto_scale_lr = dict(base_batch_size=2048, enable=True)  # 32 x 64\n`;
    expect(change(text, 'linear_scaling')[1]).toBe('+ auto_scale_lr = dict(base_batch_size=2048)  # 32 x 64');
  });

  test('keeps a comment after the part before it', () => {
    const text = withWrapper(
      "\n    optimizer=dict(type='SGD', lr=0.1),  # for 256\n    accumulative_counts=4",
    );
    expect(click(text, 'gradient_accumulation')).toBe(
      withWrapper("\n    optimizer=dict(type='SGD', lr=0.1),  # for 256\n    "),
    );
  });
});

describe('linear scaling', () => {
  const path = 'configs/resnet/resnet50_32xb64-warmup_in1k.py';
  const text = MMPRETRAIN_FILES[path] ?? '';

  test('uses the batch that the file declares', () => {
    expect(fitOf(text, path, 'linear_scaling', files).effect()).toBe('0.8 at 2048 gives 0.8 at 2048');
    expect(at(path, 'linear_scaling')).toEqual([
      '- auto_scale_lr = dict(base_batch_size=2048)',
      '+ auto_scale_lr = dict(base_batch_size=2048, enable=True)',
    ]);
  });

  test('is unknown if it is on without a base batch', () => {
    expect(fitOf(`${HEAD}auto_scale_lr = dict(enable=True)\n`, NAME, 'linear_scaling').unknown).toBe(
      'auto_scale_lr.base_batch_size is not in the file.',
    );
  });
});

describe('lists of schedules and hooks', () => {
  const WARMUP_LINE =
    "dict(type='LinearLR', start_factor=0.0001, by_epoch=True, begin=0, end=4, convert_to_iter_based=True)";

  test('warmup becomes the first schedule, on a line like the others, and can be removed', () => {
    const text = STEPS.replace('max_epochs=100', 'max_epochs=96');
    expect(change(text, 'warmup')).toEqual([`+     ${WARMUP_LINE},`]);
    expect(click(click(text, 'warmup'), 'warmup')).toBe(text);
  });

  test('a cosine takes the epochs that warmup leaves, whichever comes first', () => {
    const cosine = click(STEPS, 'cosine_decay');
    expect(difference(STEPS, cosine)).toContain(
      "+     dict(type='CosineAnnealingLR', T_max=100, by_epoch=True),  # as in the paper",
    );
    const both = click(cosine, 'warmup');
    expect(both).toMatch(/T_max=9\d, by_epoch=True, begin=\d\), {2}# as in/);
    expect(click(both, 'warmup')).toBe(cosine);
  });

  test('a cosine that counts to the end starts after warmup', () => {
    const text = `${HEAD}param_scheduler = [dict(type='CosineAnnealingLR', eta_min=1e-5)]\n`;
    const both = click(text, 'warmup');
    expect(both).toMatch(/eta_min=1e-5, begin=\d\)\]/);
    expect(click(both, 'warmup')).toBe(text);
  });

  test('a cosine is removed if the schedule that it overrides is known, and otherwise stays with the reason', () => {
    const path = 'configs/resnet/resnet50_8xb32_in1k.py';
    const text = MMPRETRAIN_FILES[path] ?? '';
    const cosine = clicked(text, path, 'cosine_decay', files);
    expect(difference(text, cosine)).toEqual([
      "+ param_scheduler = [dict(type='CosineAnnealingLR', T_max=100, by_epoch=True)]",
    ]);
    expect(clicked(cosine, path, 'cosine_decay', files)).toBe(text);
    expect(click(click(STEPS, 'cosine_decay'), 'cosine_decay')).toBe(
      'The schedule that cosine decay replaced is unknown: write that schedule instead.',
    );
  });

  test('warmup before a schedule that starts late stays, since the one before is not known', () => {
    const text = `${HEAD}param_scheduler = [dict(type='LinearLR', start_factor=0.1, end=5), dict(type='PolyLR', begin=5)]\n`;
    expect(click(text, 'warmup')).toBe('The schedule that warmup replaced before epoch 5 is unknown.');
  });

  test('that count iterations, are several, or are computed are not changed', () => {
    const reason = (schedules: string) => {
      const { unknown, obstacle } = fitOf(`${HEAD}param_scheduler = ${schedules}\n`, NAME, 'warmup');
      return unknown ?? obstacle();
    };
    expect(reason('schedules(5)')).toBe('The file computes param_scheduler.');
    expect(reason("[dict(type='LinearLR', by_epoch=False, end=2500)]")).toBe(
      'param_scheduler counts iterations, not epochs.',
    );
    expect(reason("[dict(type='StepLR', step_size=1), dict(type='PolyLR')]")).toBe(
      'param_scheduler has several schedules in addition to warmup.',
    );
    expect(reason("dict(type='StepLR', step_size=size())")).toBe(
      'The file computes param_scheduler.step_size.',
    );
  });

  test('the epochs of warmup are configured, and a cosine after it adapts', () => {
    const text = `${HEAD}param_scheduler = [
    dict(type='LinearLR', start_factor=0.25, by_epoch=True, begin=0, end=5, convert_to_iter_based=True),
    dict(type='CosineAnnealingLR', T_max=95, by_epoch=True, begin=5, end=100)
]
`;
    const result = fitOf(text, NAME, 'warmup').configure('epochs', 10);
    expect(result.ok && applyEdits(text, result.edits)).toBe(
      text.replace('end=5', 'end=10').replace('T_max=95', 'T_max=90').replace('begin=5', 'begin=10'),
    );
    // A linear decrease is not a warmup.
    expect(isIn(text.replace('0.25', '1, end_factor=0.1'), 'warmup')).toBe(false);
  });

  test('one schedule without a list becomes a list of one, as it is written', () => {
    const main = "dict(\n    type='MultiStepLR',  # main\n    milestones=[30, 60])";
    const text = `${HEAD}param_scheduler = ${main}\n`;
    expect(click(text, 'warmup')).toMatch(/param_scheduler = \[dict\(type='LinearLR'/);
    expect(click(text, 'warmup')).toContain(`, ${main}]`);
  });

  test('the moving average is a hook, with its momentum, next to others', () => {
    const hooks = `${HEAD}custom_hooks = [dict(type='SwitchHook')]\n`;
    const averaged = click(hooks, 'ema');
    expect(averaged).toContain("dict(type='SwitchHook'), dict(type='EMAHook', momentum=0.0001, priority=");
    expect(click(averaged, 'ema')).toBe(hooks);
    const result = fitOf(averaged, NAME, 'ema').configure('decay', 0.999);
    expect(result.ok && applyEdits(averaged, result.edits)).toBe(
      averaged.replace('0.0001, priority', '0.001, priority'),
    );
  });

  test('augmentations in a list keep their comments, and those with other probabilities are not changed', () => {
    const mixed = HEAD.replace(
      'head=dict(',
      "train_cfg=dict(augments=[\n        dict(type='Mixup', alpha=0.8),  # strong\n    ]),\n    head=dict(",
    );
    const both = click(mixed, 'cutmix');
    expect(difference(mixed, both)).toEqual(["+         dict(type='CutMix', alpha=1.0),"]);
    expect(click(both, 'cutmix')).toBe(mixed);
    expect(click(mixed.replace(']),', '], probs=[0.5]),'), 'cutmix')).toBe(
      'model.train_cfg.probs sets a probability for each augmentation.',
    );
    const other = `${mixed}data_preprocessor = dict(batch_augments=dict(augments=[]))\n`;
    expect(fitOf(other, NAME, 'mixup').unknown).toBe(
      'data_preprocessor.batch_augments replaces model.train_cfg.',
    );
  });
});

describe('inherited settings', () => {
  const smooth = 'configs/resnet/resnet50_8xb32-smooth-mixup_in1k.py';
  const adamw = 'configs/resnet/resnet50_8xb128-adamw_in1k.py';

  test('are kept when a trick is inserted', () => {
    expect(at(smooth, 'cutmix')).toEqual([
      "+ model = dict(train_cfg=dict(augments=[dict(type='Mixup', alpha=0.2), dict(type='CutMix', alpha=1.0)]))",
    ]);
  });

  test('are removed by the value that says so, or by _delete_', () => {
    expect(at(adamw, 'gradient_clipping')).toEqual(['+ optim_wrapper = dict(clip_grad=None)']);
    expect(at(adamw, 'gradient_accumulation')).toEqual(['+ optim_wrapper = dict(accumulative_counts=1)']);
    expect(at(adamw, 'linear_scaling')).toEqual(['+ auto_scale_lr = dict(enable=False)']);
    expect(at(adamw, 'ema')).toEqual(['+ custom_hooks = []']);
    expect(at(smooth, 'mixup')).toEqual(['+ model = dict(train_cfg=dict(_delete_=True))']);
    expect(at(smooth, 'label_smoothing')).toEqual([
      "+ model = dict(head=dict(loss=dict(type='CrossEntropyLoss', _delete_=True)))",
    ]);
  });

  test('return when the file removes its own', () => {
    const text = MMPRETRAIN_FILES[smooth] ?? '';
    const without = clicked(text, smooth, 'mixup', files);
    const again = clicked(without, smooth, 'cutmix', files);
    expect(settingsOf(again, smooth, files).get('model.train_cfg.augments')).toEqual([
      { type: 'CutMix', alpha: 1 },
    ]);
  });

  test('of None are replaced by a mapping that MMEngine accepts', () => {
    const base = readingMmpretrain({ 'b.py': `${HEAD}auto_scale_lr = None\n` });
    expect(clicked("_base_ = './b.py'\n", 'a.py', 'linear_scaling', base)).toBe(
      "_base_ = './b.py'\nauto_scale_lr = dict(_delete_=True, base_batch_size=256, enable=True)\n",
    );
  });

  test('that are unknown are not changed', () => {
    const text = `_base_ = 'mmpretrain::a.py'\nmodel = dict(train_cfg=dict(augments=[dict(type='Mixup', alpha=0.2)], probs=None))\ndata_preprocessor = None\n`;
    expect(clicked(text, NAME, 'mixup')).toBe(
      'The settings in mmpretrain::a.py are unknown: installed packages are not read.',
    );
  });
});

describe('a config of the new style', () => {
  const path = 'lazy/resnet/resnet18_8xb32_in1k.py';

  test('is changed by update, which keeps what it inherits', () => {
    expect(at(path, 'mixup')).toEqual([
      "+ model.update(dict(train_cfg=dict(augments=[dict(type='mmpretrain.Mixup', alpha=0.2)])))",
    ]);
    expect(at(path, 'label_smoothing')).toEqual([
      "+ model.update(dict(head=dict(loss=dict(type='mmpretrain.LabelSmoothLoss', label_smooth_val=0.1))))",
    ]);
    expect(at(path, 'gradient_clipping')).toEqual([
      '+ optim_wrapper.update(dict(clip_grad=dict(max_norm=1)))',
    ]);
  });

  test('is restored after a trick was inserted and removed', () => {
    const text = MMPRETRAIN_FILES[path] ?? '';
    for (const trick of [
      'mixup',
      'label_smoothing',
      'gradient_clipping',
      'ema',
      'stochastic_depth',
      'zero_gamma',
    ]) {
      const once = clicked(text, path, trick, files);
      expect([trick, clicked(once, path, trick, files)]).toEqual([trick, text]);
    }
  });

  test('whose bases cannot be read is not changed, so that nothing inherited is lost', () => {
    const text =
      "from mmengine.config import read_base\n\nwith read_base():\n    from mmpretrain.configs.resnet.resnet18_8xb32_in1k import *\n\nmodel.update(dict(type='ImageClassifier'))\n";
    for (const { toggle, unknown } of fitsOf(text, path).fits) {
      expect(unknown).toBe(
        'The settings in mmpretrain.configs.resnet.resnet18_8xb32_in1k are unknown: installed packages are not read.',
      );
      expect(toggle().ok).toBe(false);
    }
  });
});
