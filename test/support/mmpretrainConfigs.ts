/** A workspace of configs in MMPretrain's two styles, by path. They were written for this project. */
export const MMPRETRAIN_FILES: Readonly<Record<string, string>> = {
  'configs/_base_/models/resnet50.py': `# model settings
model = dict(
    type='ImageClassifier',
    backbone=dict(
        type='ResNet', depth=50, num_stages=4, out_indices=(3, ), style='pytorch'),
    neck=dict(type='GlobalAveragePooling'),
    head=dict(
        type='LinearClsHead',
        num_classes=1000,
        in_channels=2048,
        loss=dict(type='CrossEntropyLoss', loss_weight=1.0),
        topk=(1, 5),
    ))
`,
  'configs/_base_/models/resnet50_smooth_mixup.py': `_base_ = './resnet50.py'
model = dict(
    head=dict(loss=dict(_delete_=True, type='LabelSmoothLoss', label_smooth_val=0.1, num_classes=1000)),
    train_cfg=dict(augments=dict(type='Mixup', alpha=0.2)))
`,
  'configs/_base_/datasets/imagenet_bs32.py': `dataset_type = 'ImageNet'
data_preprocessor = dict(num_classes=1000, mean=[123.675, 116.28, 103.53], to_rgb=True)
train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='RandomResizedCrop', scale=224),
    dict(type='RandomFlip', prob=0.5, direction='horizontal'),
    dict(type='PackInputs'),
]
train_dataloader = dict(
    batch_size=32,
    num_workers=5,
    dataset=dict(
        type=dataset_type, data_root='data/imagenet', split='train', pipeline=train_pipeline),
    sampler=dict(type='DefaultSampler', shuffle=True),
)
val_dataloader = dict(batch_size=32, dataset=dict(type=dataset_type, data_root='data/imagenet', split='val'))
test_dataloader = val_dataloader
`,
  'configs/_base_/schedules/imagenet_bs256.py': `optim_wrapper = dict(
    optimizer=dict(type='SGD', lr=0.1, momentum=0.9, weight_decay=0.0001))
param_scheduler = dict(
    type='MultiStepLR', by_epoch=True, milestones=[30, 60, 90], gamma=0.1)
train_cfg = dict(by_epoch=True, max_epochs=100, val_interval=1)
val_cfg = dict()
auto_scale_lr = dict(base_batch_size=256)
`,
  'configs/_base_/schedules/imagenet_bs1024_adamw.py': `optim_wrapper = dict(
    type='AmpOptimWrapper',
    optimizer=dict(type='AdamW', lr=5e-4 * 1024 / 512, weight_decay=0.05, betas=(0.9, 0.999)),
    paramwise_cfg=dict(
        norm_decay_mult=0.0,
        bias_decay_mult=0.0,
        custom_keys={'.absolute_pos_embed': dict(decay_mult=0.0)}),
    clip_grad=dict(max_norm=5.0, norm_type=2),
    accumulative_counts=2)
param_scheduler = [
    dict(type='LinearLR', start_factor=1e-3, by_epoch=True, end=20, convert_to_iter_based=True),
    dict(type='CosineAnnealingLR', eta_min=1e-5, by_epoch=True, begin=20),
]
train_cfg = dict(by_epoch=True, max_epochs=300)
custom_hooks = [dict(type='EMAHook', momentum=1e-4, priority='ABOVE_NORMAL')]
auto_scale_lr = dict(base_batch_size=1024, enable=True)
`,
  'configs/_base_/default_runtime.py': `default_scope = 'mmpretrain'
default_hooks = dict(logger=dict(type='LoggerHook', interval=100))
load_from = None
`,
  'configs/resnet/resnet50_8xb32_in1k.py': `_base_ = [
    '../_base_/models/resnet50.py', '../_base_/datasets/imagenet_bs32.py',
    '../_base_/schedules/imagenet_bs256.py', '../_base_/default_runtime.py'
]
`,
  'configs/resnet/resnet50_32xb64-warmup_in1k.py': `_base_ = [
    '../_base_/models/resnet50.py', '../_base_/datasets/imagenet_bs32.py',
    '../_base_/schedules/imagenet_bs256.py', '../_base_/default_runtime.py'
]
train_dataloader = dict(batch_size=64)
# schedule settings
optim_wrapper = dict(
    optimizer=dict(lr=0.8, weight_decay=5e-5),  # for 2048
    clip_grad=None)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.25, by_epoch=True, begin=0, end=5, convert_to_iter_based=True),
    dict(type='CosineAnnealingLR', T_max=95, by_epoch=True, begin=5, end=100),
]
auto_scale_lr = dict(base_batch_size=2048)
`,
  'configs/resnet/resnet50_8xb32-smooth-mixup_in1k.py': `_base_ = [
    '../_base_/models/resnet50_smooth_mixup.py', '../_base_/datasets/imagenet_bs32.py',
    '../_base_/schedules/imagenet_bs256.py', '../_base_/default_runtime.py'
]
`,
  'configs/resnet/resnet50_8xb128-adamw_in1k.py': `_base_ = [
    '../_base_/models/resnet50.py', '../_base_/datasets/imagenet_bs32.py',
    '../_base_/schedules/imagenet_bs1024_adamw.py', '../_base_/default_runtime.py'
]
train_dataloader = dict(batch_size=128)
model = dict(
    backbone=dict(drop_path_rate=0.05, zero_init_residual=False),  # deep
    train_cfg=dict(augments=[
        dict(type='Mixup', alpha=0.8),
        dict(type='CutMix', alpha=1.0),
    ]),
)
`,
  'configs/resnet/resnet50_8xb32_pets.py': `_base_ = './resnet50_8xb32_in1k.py'
model = dict(head=dict(num_classes=37))
data_preprocessor = dict(num_classes=37)
train_dataloader = dict(dataset=dict(_delete_=True, type='CustomDataset', data_root='data/pets/train'))
optim_wrapper = dict(_delete_=True, optimizer=dict(type='SGD', lr=0.01))
train_cfg = dict(max_epochs=30)
`,
  'configs/alone/resnet18_4xb64.py': `default_scope = 'mmpretrain'
model = dict(
    type='ImageClassifier',
    backbone=dict(type='ResNet', depth=50),
    head=dict(
        type='LinearClsHead',
        num_classes=200,
        in_channels=512,
        loss=dict(
            type='LabelSmoothLoss', label_smooth_val=0.1, mode='original', loss_weight=1.0),
    ))
model['backbone']['depth'] = 18
train_dataloader = dict(batch_size=64, dataset=dict(type='ImageNet', data_root='data/tiny', split='train'))
optim_wrapper = dict(type='AmpOptimWrapper', loss_scale='dynamic', optimizer=dict(type='SGD', lr=1e-1))
optim_wrapper.update(dict(clip_grad=dict(max_norm=1.0)))
param_scheduler = dict(type='CosineAnnealingLR', T_max=60, by_epoch=True)
train_cfg = dict(by_epoch=True, max_epochs=60)
auto_scale_lr = {'base_batch_size': 256, "enable": True}
`,
  'lazy/_base_/model.py': `from mmpretrain.models import (CrossEntropyLoss, GlobalAveragePooling,
                               ImageClassifier, LinearClsHead, ResNet)

model = dict(
    type=ImageClassifier,
    backbone=dict(type=ResNet, depth=18, num_stages=4, out_indices=(3, ), style='pytorch'),
    neck=dict(type=GlobalAveragePooling),
    head=dict(
        type=LinearClsHead,
        num_classes=1000,
        in_channels=512,
        loss=dict(type=CrossEntropyLoss, loss_weight=1.0),
        topk=(1, 5)))
`,
  'lazy/_base_/schedule.py': `from mmengine.optim import CosineAnnealingLR, LinearLR
from torch.optim import SGD

optim_wrapper = dict(
    optimizer=dict(type=SGD, lr=0.1, momentum=0.9, weight_decay=0.0001),
    paramwise_cfg=dict(norm_decay_mult=0., bias_decay_mult=0.),
    clip_grad=None)
param_scheduler = [
    dict(type=LinearLR, start_factor=0.01, by_epoch=True, begin=0, end=5, convert_to_iter_based=True),
    dict(type=CosineAnnealingLR, T_max=95, by_epoch=True, begin=5, end=100),
]
train_cfg = dict(by_epoch=True, max_epochs=100, val_interval=1)
auto_scale_lr = dict(base_batch_size=256)
`,
  'lazy/_base_/data.py': `train_dataloader = dict(
    batch_size=32, dataset=dict(type='ImageNet', data_root='data/imagenet', split='train'))
default_scope = None
`,
  'lazy/resnet/resnet18_8xb32_in1k.py': `from mmengine.config import read_base

with read_base():
    from .._base_.data import *
    from .._base_.model import *
    from .._base_.schedule import *
`,
  'lazy/resnet/resnet18_16xb64-mixup_in1k.py': `from mmengine.config import read_base
from mmpretrain.engine import EMAHook

with read_base():
    from .._base_.data import *
    from .._base_.model import *
    from .._base_.schedule import *

# model settings
model.update(
    backbone=dict(drop_path_rate=0.1),
    train_cfg=dict(augments=[dict(type='Mixup', alpha=0.2)]))
model.backbone.depth = 50
train_dataloader.update(batch_size=64)
optim_wrapper.update(optimizer=dict(lr=0.4), clip_grad=dict(max_norm=5.0))
custom_hooks = [dict(type=EMAHook, momentum=1e-4, priority='ABOVE_NORMAL')]
auto_scale_lr.update(base_batch_size=1024)
`,
  'lazy/resnet/resnet18_8xb32-own-wrapper_in1k.py': `from mmengine.config import read_base
from mmengine.optim import AmpOptimWrapper, MultiStepLR

with read_base():
    from .._base_.data import *
    from .._base_.model import model
    from .._base_.schedule import auto_scale_lr, train_cfg

model.merge(dict(head=dict(_delete_=True, type='LinearClsHead', num_classes=37, in_channels=512)))
optim_wrapper = dict(type=AmpOptimWrapper, optimizer=dict(type='AdamW', lr=1e-3, weight_decay=0.05))
param_scheduler = dict(type=MultiStepLR, by_epoch=True, milestones=[50], gamma=0.1)
`,
};

/** The configs that are trained, as opposed to base configs. */
export const MMPRETRAIN_CONFIGS: readonly string[] = Object.keys(MMPRETRAIN_FILES).filter(
  (path) => !path.includes('_base_'),
);

/** Reads the workspace's files. Files in `more` replace them. */
export function readingMmpretrain(
  more: Readonly<Record<string, string>> = {},
): (path: string) => string | null {
  return (path) => more[path] ?? MMPRETRAIN_FILES[path] ?? null;
}
