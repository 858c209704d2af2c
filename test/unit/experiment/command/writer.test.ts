// biome-ignore-all lint/suspicious/noTemplateCurlyInString: placeholders of commands.
/** Command experiments written from other systems' files. */
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { commandExperimentText } from '../../../../src/interop/command/writer';
import { shellWord } from '../../../../src/interop/import/shell';
import { recipeIn } from '../../../support/commandExperiments';
import { callsOf } from '../../../support/stubbedShell';

/** Reads from a fixed set of files by path. */
const reading = (files: Readonly<Record<string, string>>) => (path: string) => files[path] ?? null;

function written(text: string, fileName: string, files: Readonly<Record<string, string>> = {}): string {
  const result = commandExperimentText(text, fileName, { readText: reading(files) });
  if (!result.ok) throw new Error(result.failure.what);
  return result.text;
}

function refusal(text: string, fileName: string, files: Readonly<Record<string, string>> = {}): string {
  const result = commandExperimentText(text, fileName, { readText: reading(files) });
  if (result.ok) throw new Error(`Not refused: ${result.text}`);
  expect(result.failure.remedy).toBe(
    'Write an experiment with trainer: { command: ..., system: ... } by hand.',
  );
  return result.failure.what.replace('The command of this file cannot be determined. ', '');
}

describe('a shell script', () => {
  test('of timm, with variables, line continuations and a launcher', () => {
    const script = `#!/bin/bash
# Trains on pets.
set -e
export OMP_NUM_THREADS=4
DATA=/data/pets
MODEL="resnet50"
mkdir -p logs
CUDA_VISIBLE_DEVICES=0,1 torchrun --nproc_per_node=2 train.py "$DATA" --model \${MODEL} \\
  --sched cosine --opt sgd --epochs 30 --lr 0.1 --seed 7 \\
  --output ./out "$@" > logs/train.log 2>&1
`;
    const text = written(script, 'repo/scripts/pets.sh', { 'repo/train.py': 'import timm' });
    expect(text).toBe(`# The script also runs: mkdir -p logs
name: pets
trainer:
  command: >-
    torchrun --nproc_per_node=2 train.py /data/pets --model resnet50 --sched cosine --opt sgd --epochs 30
    --lr 0.1 --seed \${seed} --output \${run.folder} --experiment out
  system: timm
  working_directory: ..
  environment: { OMP_NUM_THREADS: "4", CUDA_VISIBLE_DEVICES: "0,1" }
seed: 7
`);
    expect(recipeIn(text)).toMatchObject({
      ...{ epochs: 30, model: 'resnet50', dataset: '/data/pets', checkpoint: 'out/last.pth.tar', seed: 7 },
      tricks: ['cosine_decay'],
    });
  });

  test('of torchvision, which has no option for the seed', () => {
    const script = 'cd "$(dirname "$0")/references"\npython train.py --lr-scheduler steplr --lr-gamma 0.1\n';
    expect(written(script, 'vision/run.sh', { 'vision/references/train.py': '' })).toBe(`name: run
trainer:
  command: >-
    python train.py --lr-scheduler steplr --lr-gamma 0.1 --output-dir \${run.folder}
  system: torchvision
  working_directory: references
  # train.py has no option for the seed. To repeat runs, add this line to it:
  # torch.manual_seed(int(os.environ["SEED"]))
  seed_variable: SEED
seed: 1
`);
  });

  test('whose training script is not found leaves the folder to the person', () => {
    const result = commandExperimentText('python train.py --sched cosine --opt sgd\n', 'run.sh');
    expect(result).toMatchObject({ ok: true, isFolderOpen: true });
    expect(result.ok && result.text).toContain(
      '  # Set working_directory to the folder that holds the training script.\n',
    );
  });

  const COMMAND = 'python train.py --sched cosine --opt sgd';
  test.each([
    [
      'for s in 1 2; do\n  python train.py --sched cosine --opt sgd --seed $s\ndone\n',
      'The script contains for, so its command is not certain.',
    ],
    [`if true; then\n${COMMAND}\nfi\n`, 'The script contains if, so its command is not certain.'],
    [`${COMMAND} --lr $LR\n`, 'The script computes $LR.'],
    [`LR=$(cat lr)\n${COMMAND} --lr $LR\n`, 'The script computes $LR.'],
    [`${COMMAND} --experiment "$(date)"\n`, 'The script computes "$(date)".'],
    [
      `source venv/bin/activate\n${COMMAND}\n`,
      'The script changes its environment with source venv/bin/activate.',
    ],
    [`cd $HOME\n${COMMAND}\n`, 'The script computes the folder that it changes to.'],
    [`export A=$B\n${COMMAND}\n`, 'The script computes A.'],
    [`${COMMAND}\n${COMMAND}\n`, 'The script starts 2 trainings, but only one can be read.'],
    [`${COMMAND} --experiment '\${x}'\n`, 'There is no value for ${x}.'],
    ['echo hello\n', 'run.sh is no file of timm, torchvision or MMPretrain.'],
  ])('is refused if its command is not certain: %s', (script, reason) => {
    expect(refusal(script, 'run.sh')).toBe(reason);
  });

  test('has the words that bash gives to the program', () => {
    const value = fc.stringMatching(/^[ a-z0-9'"\\|&;*~#=-]{1,8}$/);
    const variable = fc.tuple(fc.constantFrom('A', 'B'), value);
    fc.assert(
      fc.property(fc.array(variable, { maxLength: 3 }), value, (variables, experiment) => {
        const lines = variables.map(([name, text]) => `${name}=${shellWord(text)}`);
        const use = variables.length > 0 ? `-"$${variables[0]?.[0]}"` : '';
        const script = `${lines.join('\n')}\npython train.py --sched cosine --opt sgd --experiment ${shellWord(experiment.replace(/^-/, '_'))}${use}\n`;
        const [call] = [...callsOf(script)].map((words) => [...words]);
        const recipe = recipeIn(written(script, 'run.sh'));
        expect(recipe.command.slice(0, call?.length)).toEqual(call);
        expect(recipe.command.slice(call?.length)).toEqual(['--output', '${run.folder}', '--seed', '1']);
      }),
      { numRuns: 40, seed: 3 },
    );
  });
});

describe("the arguments of timm's train.py", () => {
  test('of a real training, with the options that came after 1.0.28', () => {
    const args = readFileSync('test/fixtures/trainers/timm/args.yaml', 'utf8');
    expect(args).toContain('train_size_random_mix: 0.1');
    const text = written(args, 'out/args.yaml', { 'train.py': 'import timm' });
    const command = recipeIn(text).command.join(' ');
    expect(command).toMatch(
      /^python train\.py .*--data-dir \/data\/pets .*--mixup 0\.2 .*--output \$\{run\.folder\} --experiment out --seed 3$/,
    );
    expect(command).not.toContain('train-size');
  });

  test('may change the image size during training', () => {
    const args = readFileSync('test/fixtures/trainers/timm/args.yaml', 'utf8');
    const progressive = args
      .replace('train_img_sizes: null', 'train_img_sizes: [32, 64]')
      .replace('train_size_schedule: constant', 'train_size_schedule: progressive');
    const text = written(progressive, 'out/args.yaml', { 'train.py': 'import timm' });
    expect(recipeIn(text).command.join(' ')).toContain(
      '--train-img-sizes 32 64 --train-size-schedule progressive',
    );
  });

  const ARGS = `aa: rand-m9-mstd0.5
amp: true
batch_size: 64
data: null
data_dir: pets
epochs: 30
experiment: old
input_size: null
local_rank: 0
lr: 0.1
mean: [0.5, 0.5, 0.5]
model: resnet50
model_kwargs: { zero_init_last: false }
opt: sgd
output: ''
reprob: 0.25
sched: cosine
seed: 5
smoothing: 0.1
warmup_epochs: 5
`;
  test('become a command with those that differ from the defaults', () => {
    const text = written(ARGS, 'timm/output/train/x/args.yaml', {
      'timm/train.py': 'from timm import utils',
    });
    expect(text).toBe(`# The arguments do not say how many processes trained. This command starts one.
name: resnet50
trainer:
  command: >-
    python train.py --aa rand-m9-mstd0.5 --amp --batch-size 64 --data-dir pets --epochs 30 --lr 0.1
    --mean 0.5 0.5 0.5 --model-kwargs zero_init_last=False --reprob 0.25 --output \${run.folder}
    --experiment out --seed \${seed}
  system: timm
  working_directory: ../../..
seed: 5
`);
    expect(recipeIn(text)).toMatchObject({
      ...{ model: 'resnet50', epochs: 30, seed: 5 },
      tricks: ['mixed_precision', 'random_erasing'],
    });
  });

  test('are refused if they are of an older release', () => {
    expect(refusal(`${ARGS}native_amp: true\n`, 'args.yaml')).toBe(
      'native_amp is an option from a release before timm 1.0, which has different defaults.',
    );
  });

  test("need a train.py of timm's", () => {
    const readText = reading({ 'a/train.py': 'import torch' });
    const result = commandExperimentText(ARGS, 'a/args.yaml', { readText });
    expect(result).toMatchObject({ ok: true, isFolderOpen: true });
  });
});

describe('an MMPretrain config', () => {
  const CONFIG = `_base_ = ['../_base_/models/resnet50.py']\ndefault_scope = 'mmpretrain'\ntrain_cfg = dict(max_epochs=9)\n`;
  test('is trained by the tools/train.py above it', () => {
    const files = {
      'mm/tools/train.py': 'from mmengine.runner import Runner',
      'mm/configs/resnet/a.py': CONFIG,
    };
    const text = written(CONFIG, 'mm/configs/resnet/a.py', files);
    expect(text).toBe(`name: a
trainer:
  command: >-
    python tools/train.py configs/resnet/a.py --work-dir \${run.folder} --cfg-options randomness.seed=\${seed}
  system: mmpretrain
  working_directory: ../..
seed: 1
`);
  });

  test('is refused without', () => {
    expect(refusal(CONFIG, 'mm/configs/resnet/a.py', { 'mm/tools/train.py': 'import yolo' })).toBe(
      "MMPretrain's tools/train.py is not in a folder above the config.",
    );
  });
});
