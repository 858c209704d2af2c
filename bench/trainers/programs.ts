/** The training programs: how a command experiment starts each, and what it wrote about its epochs itself. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CLASSES } from './images';

/** The number of epochs of each training: enough to pause after the first and resume. */
export const EPOCHS = 3;

/** What a program wrote about an epoch itself. Accuracies are in percent, epochs from 0. Null if it did not write it. */
export interface OwnEpoch {
  readonly epoch: number;
  readonly trainLoss: number | null;
  readonly validationLoss: number | null;
  readonly top1: number;
}

/** The folders of a check. */
export interface Places {
  /** The checkout of the program. */
  readonly checkout: string;
  readonly images: string;
  /** The folder for the experiment and its runs. */
  readonly work: string;
}

export interface Program {
  readonly name: string;
  /** The environment variable with the checkout. */
  readonly variable: string;
  /** The folder of the checkout that the command runs in. */
  readonly folder: string;
  readonly processes: number;
  /** The options that label smoothing and mixup must become. */
  readonly options: readonly string[];
  /** Returns the text of the experiment. May write what it needs to the work folder. */
  experiment(places: Places): string;
  /** Reads the epochs from what the program wrote in a run's folder, in another way than the product. */
  ownEpochs(runFolder: string): OwnEpoch[];
}

interface Trainer {
  readonly command: readonly string[];
  readonly system: string;
  readonly folder: string;
  readonly environment?: Readonly<Record<string, string>>;
  readonly rest?: readonly string[];
}

function experimentText({ command, system, folder, environment = {}, rest = [] }: Trainer): string {
  return [
    `name: ${system}`,
    'trainer:',
    `  command: ${JSON.stringify(command)}`,
    `  system: ${system}`,
    `  working_directory: ${JSON.stringify(folder)}`,
    // PyTorch's threads wait for one another in busy loops.
    `  environment: ${JSON.stringify({ OMP_NUM_THREADS: '1', ...environment })}`,
    ...rest.map((line) => `  ${line}`),
    'tricks: { label_smoothing: { epsilon: 0.1 }, mixup: { alpha: 0.2 } }',
    'seed: 3',
    '',
  ].join('\n');
}

/**
 * Python imports this module at its start, if its folder is in PYTHONPATH. It makes up for what the programs cannot do:
 * with weights_only, torchvision's train.py cannot load its own checkpoints, because they hold its arguments; and timm's
 * passes device_ids to DistributedDataParallel, which has none on a CPU.
 */
const SITECUSTOMIZE = `import argparse, sys
if "train.py" in sys.orig_argv:
    import torch
    from torch.nn.parallel import DistributedDataParallel
    torch.serialization.add_safe_globals([argparse.Namespace])
    init = DistributedDataParallel.__init__
    def without_devices(self, module, device_ids=None, **more):
        init(self, module, **more)
    DistributedDataParallel.__init__ = without_devices
`;

/** Writes the module. Returns the environment in which Python finds it. */
function customized(work: string): Readonly<Record<string, string>> {
  writeFileSync(join(work, 'sitecustomize.py'), SITECUSTOMIZE);
  return { PYTHONPATH: work };
}

const IN_RUN = `\${run.folder}`;

function timm(name: string, launcher: readonly string[], processes: number): Program {
  return {
    ...{ name, variable: 'BAG_OF_TRICKS_TIMM', folder: '.', processes },
    options: ['--smoothing 0.1', '--mixup 0.2'],
    experiment: ({ checkout, images, work }) =>
      experimentText({
        command: [
          ...[...launcher, 'train.py', '--data-dir', images, '--model', 'resnet18'],
          ...[
            '--num-classes',
            `${CLASSES}`,
            '--img-size',
            '32',
            '--epochs',
            `${EPOCHS}`,
            '--batch-size',
            '4',
          ],
          ...['--lr', '0.05', '--warmup-epochs', '0', '--device', 'cpu', '--workers', '1'],
          ...['--log-interval', '1', '--output', IN_RUN, '--experiment', 'out', '--seed', `\${seed}`],
        ],
        ...{ system: 'timm', folder: checkout },
        ...(processes > 1 && { environment: customized(work) }),
      }),
    ownEpochs: (runFolder) => {
      const lines = readFileSync(join(runFolder, 'out/summary.csv'), 'utf8').trim().split(/\r?\n/);
      const names = lines[0]?.split(',') ?? [];
      // A resumed training writes the names again.
      const rows = lines.filter((line) => /^\d/.test(line)).map((line) => line.split(','));
      return rows.map((row) => {
        const number = (column: string) => Number(row[names.indexOf(column)]);
        return {
          ...{ epoch: number('epoch'), trainLoss: number('train_loss') },
          ...{ validationLoss: number('eval_loss'), top1: number('eval_top1') },
        };
      });
    },
  };
}

const TORCHVISION: Program = {
  ...{ name: 'torchvision', variable: 'BAG_OF_TRICKS_TORCHVISION', processes: 1 },
  folder: 'references/classification',
  options: ['--label-smoothing 0.1', '--mixup-alpha 0.2'],
  experiment: ({ checkout, images, work }) =>
    experimentText({
      command: [
        ...['python', 'train.py', '--data-path', images, '--model', 'resnet18', '--epochs', `${EPOCHS}`],
        ...['-b', '4', '--lr', '0.01', '--device', 'cpu', '--workers', '1', '--print-freq', '1'],
        ...['--val-resize-size', '32', '--val-crop-size', '32', '--train-crop-size', '32'],
        ...['--output-dir', IN_RUN],
      ],
      ...{ system: 'torchvision', folder: join(checkout, TORCHVISION.folder) },
      environment: customized(work),
    }),
  ownEpochs: (runFolder) => {
    const log = readFileSync(join(runFolder, 'trainer.log'), 'utf8');
    const epochs = new Map<number, OwnEpoch>();
    // Each epoch's last step has the mean of all.
    for (const part of log.split(/^(?=Epoch: \[\d+\] {2}\[ *0\/)/m).slice(1)) {
      const loss = [...part.matchAll(/^Epoch: .* loss: \S+ \((\S+)\) .*$/gm)].at(-1)?.[1];
      const top1 = /^Test: {2}Acc@1 (\S+)/m.exec(part)?.[1];
      const epoch = Number(/^Epoch: \[(\d+)\]/.exec(part)?.[1]);
      // A pause may end an epoch before its test.
      if (top1 === undefined) continue;
      epochs.set(epoch, { epoch, trainLoss: Number(loss), validationLoss: null, top1: Number(top1) });
    }
    return [...epochs.values()];
  },
};

/** MMEngine 0.10 can load its own checkpoints with PyTorch 2.6 or newer only because of the environment variable. */
const MMPRETRAIN: Program = {
  ...{ name: 'mmpretrain', variable: 'BAG_OF_TRICKS_MMPRETRAIN', folder: '.', processes: 1 },
  options: ['model.head.loss.type=LabelSmoothLoss', 'model.train_cfg.augments.type=Mixup'],
  experiment: ({ checkout, images, work }) => {
    const config = join(work, 'clipart.py');
    writeFileSync(config, mmpretrainConfig(images));
    return experimentText({
      command: [
        ...['python', 'tools/train.py', config, '--work-dir', IN_RUN],
        ...['--cfg-options', `randomness.seed=\${seed}`],
      ],
      ...{
        system: 'mmpretrain',
        folder: checkout,
        environment: { PYTHONPATH: checkout, TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD: '1' },
      },
      rest: ['checkpoint: last_checkpoint', 'resume: --resume'],
    });
  },
  ownEpochs: (runFolder) => {
    // A resumed training writes to a folder of its own.
    const files = readdirSync(runFolder)
      .filter((name) => /^\d{8}_\d{6}$/.test(name))
      .sort();
    const epochs = new Map<number, OwnEpoch>();
    for (const name of files) {
      for (const line of readFileSync(join(runFolder, name, 'vis_data/scalars.json'), 'utf8')
        .trim()
        .split('\n')) {
        const entry: Record<string, number> = JSON.parse(line);
        const top1 = entry['accuracy/top1'];
        if (top1 === undefined) continue;
        const epoch = Number(entry.step) - 1;
        epochs.set(epoch, { epoch, trainLoss: null, validationLoss: null, top1 });
      }
    }
    return [...epochs.values()];
  },
};

function mmpretrainConfig(images: string): string {
  const loader = (split: string, resize: string, isShuffled: boolean) => `dict(
    batch_size=4, num_workers=1, sampler=dict(type='DefaultSampler', shuffle=${isShuffled ? 'True' : 'False'}),
    dataset=dict(type='CustomDataset', data_root=${JSON.stringify(images)}, data_prefix='${split}', with_label=True,
                 pipeline=[dict(type='LoadImageFromFile'), ${resize}, dict(type='PackInputs')]))`;
  return `default_scope = 'mmpretrain'
log_level = 'INFO'
load_from = None
resume = False
vis_backends = [dict(type='LocalVisBackend')]
visualizer = dict(type='UniversalVisualizer', vis_backends=vis_backends)
default_hooks = dict(
    timer=dict(type='IterTimerHook'), logger=dict(type='LoggerHook', interval=1),
    param_scheduler=dict(type='ParamSchedulerHook'), checkpoint=dict(type='CheckpointHook', interval=1),
    sampler_seed=dict(type='DistSamplerSeedHook'))
model = dict(
    type='ImageClassifier',
    backbone=dict(type='ResNet', depth=18, num_stages=4, out_indices=(3, ), style='pytorch'),
    neck=dict(type='GlobalAveragePooling'),
    head=dict(type='LinearClsHead', num_classes=${CLASSES}, in_channels=512, topk=(1, 5),
              loss=dict(type='CrossEntropyLoss', loss_weight=1.0)))
data_preprocessor = dict(
    num_classes=${CLASSES}, mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375], to_rgb=True)
train_dataloader = ${loader('train', "dict(type='RandomResizedCrop', scale=32)", true)}
val_dataloader = ${loader('val', "dict(type='Resize', scale=(32, 32))", false)}
val_evaluator = dict(type='Accuracy', topk=(1, 5))
optim_wrapper = dict(optimizer=dict(type='SGD', lr=0.05, momentum=0.9, weight_decay=0.0001))
param_scheduler = dict(type='MultiStepLR', by_epoch=True, milestones=[30, 60, 90], gamma=0.1)
train_cfg = dict(by_epoch=True, max_epochs=${EPOCHS}, val_interval=1)
val_cfg = dict()
`;
}

export const PROGRAMS: readonly Program[] = [
  timm('timm', ['python'], 1),
  timm('timm, 2 processes', ['torchrun', '--standalone', '--nproc-per-node', '2'], 2),
  TORCHVISION,
  MMPRETRAIN,
];
