/** Commands that start MMPretrain's training by one of its launchers. */
import { describe, expect, test } from 'vitest';
import { experimentOf, recipeIn } from '../../../support/commandExperiments';

const CONFIG = `
default_scope = 'mmpretrain'
model = dict(
    type='ImageClassifier',
    backbone=dict(type='ResNet', depth=50),
    head=dict(type='LinearClsHead', num_classes=37, loss=dict(type='CrossEntropyLoss', loss_weight=1.0)))
optim_wrapper = dict(optimizer=dict(type='SGD', lr=0.1))
train_cfg = dict(by_epoch=True, max_epochs=100)
`;

function recipeOf(command: string, rest = '') {
  const text = experimentOf(command, { system: 'mmpretrain', rest });
  return recipeIn(text, [], { readText: (path) => (path === 'configs/r50.py' ? CONFIG : null) });
}

describe.each([
  [`python tools/train.py configs/r50.py --work-dir \${run.folder}`],
  [`torchrun --nproc_per_node 4 tools/train.py configs/r50.py --launcher pytorch --work-dir=\${run.folder}`],
  [`bash tools/dist_train.sh configs/r50.py 4 --work-dir \${run.folder}`],
  [`bash tools/slurm_train.sh gpu pets configs/r50.py \${run.folder}`],
  [`mim train mmpretrain configs/r50.py --work-dir \${run.folder} --gpus 4 --launcher pytorch`],
  [`mim train -y -G4 --partition=gpu mmpretrain configs/r50.py --work-dir \${run.folder}`],
  [`python -m mim train mmpretrain configs/r50.py --work-dir \${run.folder}`],
])('%s', (command) => {
  test('has the facts of its config, and resumes by itself', () => {
    expect(recipeOf(command)).toMatchObject({
      ...{ model: 'ResNet-50', epochs: 100 },
      ...{ checkpoint: 'last_checkpoint', resume: ['--resume'] },
    });
  });

  test('takes tricks at its end', () => {
    const words = command.split(' ').length;
    expect(recipeOf(command, 'tricks: { gradient_clipping: true }').command.slice(words)).toEqual([
      '--cfg-options',
      'optim_wrapper.clip_grad.max_norm=1',
    ]);
  });
});

test.each([
  [`--work-dir \${run.folder}/work`, 'work/last_checkpoint', ['--resume']],
  [`--work-dir \${run.folder} --resume`, 'last_checkpoint', null],
  ['--work-dir elsewhere', null, null],
  ['', null, null],
])('the checkpoint with %s is %s', (options, checkpoint, resume) => {
  expect(recipeOf(`python tools/train.py configs/r50.py ${options}`)).toMatchObject({ checkpoint, resume });
});

test.each([
  'mim train mmdet configs/r50.py',
  'mim download mmpretrain configs/r50.py',
  'bash tools/slurm_train.sh gpu pets',
])('%s starts no training of MMPretrain', (command) => {
  const tricks = 'tricks: { gradient_clipping: true }';
  expect(() => recipeOf(command, tricks)).toThrow("The command does not start MMPretrain's training script.");
});
