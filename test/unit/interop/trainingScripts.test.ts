/** Shell scripts that start timm's or torchvision's training: which are recognized and what is read from them. */
import { describe, expect, test } from 'vitest';
import { foreignFits } from '../../../src/insight/foreignFits';
import { foreignLenses, type LensSurroundings } from '../../../src/insight/lenses';
import { readForeign } from '../../../src/interop/import/adapters';
import { clicked, fitOf, fitsOf, standing } from '../../support/foreignFiles';

/**
 * Returns the system that a script is recognized as, the reason if it is not read, or null if it belongs to no system.
 */
function told(script: string, fileName = 'run.sh'): string | null {
  const found = readForeign(script, fileName);
  if (!found) return null;
  return 'unread' in found.file ? `${found.adapter.system}: ${found.file.unread}` : found.adapter.system;
}

const effect = (script: string, name: string) => fitOf(script, 'run.sh', name)?.effect();
const state = (script: string, name: string) => standing(script, 'run.sh', name);

describe('a script belongs to a system by options that only its program takes', () => {
  test.each([
    ['timm', 'python train.py --sched cosine --opt sgd\n'],
    [
      'timm',
      'torchrun --nproc_per_node=4 train.py /data --model resnet50 --smoothing 0.1 --reprob 0.4 --lr 0.5\n',
    ],
    ['timm', './distributed_train.sh 8 --data-dir /data --model seresnet34 --sched cosine\n'],
    ['timm', 'python pytorch-image-models/train.py --model resnet50 --lr 0.5\n'],
    [
      'torchvision',
      'torchrun train.py --model resnet50 --lr-scheduler cosineannealinglr --lr-warmup-epochs 5\n',
    ],
    ['torchvision', 'torchrun train.py --model resnet50 --val-resize-size 232 --train-crop-size=176\n'],
    ['torchvision', 'python references/classification/train.py --model resnet50 --lr 0.5\n'],
  ])('%s: %s', (system, script) => {
    expect(told(script)).toBe(system);
    expect(told(script, 'run.bash')).toBe(system);
    expect(told(script, 'run.txt')).toBeNull();
  });

  test.each([
    ['options that both take', 'torchrun train.py --model resnet50 --batch-size 128 --lr 0.5 --epochs 90\n'],
    [
      'YOLOv5',
      'python train.py --data coco.yaml --epochs 300 --weights yolov5s.pt --cfg yolov5s.yaml --batch-size 128\n',
    ],
    [
      'YOLOv5, by names cut short',
      'python train.py --data VOC.yaml --weights yolov5s.pt --epochs 50 --batch-size 16\n',
    ],
    [
      'YOLOv5 classification',
      'python classify/train.py --model yolov5s-cls.pt --data imagenette160 --epochs 5 --img 224\n',
    ],
    ['DeepSpeed', 'deepspeed train.py --deepspeed --deepspeed_config ds_config.json --epochs 5\n'],
    ['imagenette', 'python train.py --arch xresnet50 --lr 8e-3 --size 128 --epochs 5 --bs 64\n'],
    [
      'DeiT',
      'python -m torch.distributed.launch --use_env main.py --model deit_small --warmup-epochs 5 --data-path /d\n',
    ],
    [
      'DeiT as train.py',
      'python train.py --model deit_small_patch16_224 --warmup-epochs 5 --data-path /d --sched cosine --opt adamw\n',
    ],
    [
      "underscores that torchvision's argparse refuses",
      'torchrun train.py --lr-scheduler steplr --lr-gamma 0.1 --lr_warmup_epochs 5\n',
    ],
    ["underscores that timm's refuses", 'torchrun train.py --sched cosine --opt sgd --warmup_epochs 5\n'],
    [
      'one unknown option among known ones',
      'torchrun train.py --lr-scheduler steplr --lr-gamma 0.1 --my-flag\n',
    ],
    ['a value of another type', 'torchrun train.py --lr-scheduler steplr --lr-gamma much\n'],
    ['a choice that there is not', 'torchrun train.py --sched cosine --opt sgd --naflex-loss-scale cubic\n'],
    [
      'words without an option where there can be none',
      'torchrun train.py /data --lr-scheduler steplr --lr-gamma 0.1\n',
    ],
    ['a command that only names it', 'echo python train.py --sched cosine --opt sgd\n'],
    ['a file that is copied', 'cp references/classification/train.py --sched x\n'],
    ['another program of the same folder', 'python main.py train.py --sched cosine --opt sgd\n'],
    ['a comment', '# python train.py --sched cosine --opt sgd\n'],
    ['a here-document', 'sbatch <<EOF\npython train.py --sched cosine --opt sgd\nEOF\n'],
    ['a text', 'bash -c "python train.py --sched cosine --opt sgd"\n'],
  ])('and not by %s', (_, script) => {
    expect(told(script)).toBeNull();
    expect(foreignFits(script, 'run.sh')).toBeNull();
  });

  test('its name stands in the lens', () => {
    const nothing: LensSurroundings = { obstacle: null, lastRun: null, runs: new Map(), hidden: new Set() };
    const titles = (script: string) =>
      foreignLenses(fitsOf(script, 'run.sh'), nothing).map(({ face }) => face().title);
    expect(titles('python train.py --sched cosine --opt sgd\n')[0]).toBe('Read as timm');
    expect(titles('python train.py --lr-gamma 0.1 --opt sgd\n')[0]).toBe('Read as torchvision');
    const two = 'python train.py --sched cosine --opt sgd\npython train.py --sched step --opt sgd\n';
    expect(titles(two)).toEqual([
      'Not read as timm: The script starts 2 trainings, but only one can be read',
    ]);
  });
});

test("a lens runs the file's command here, or says why it cannot", () => {
  const faces = (obstacle: LensSurroundings['obstacle']) => {
    const surroundings: LensSurroundings = { obstacle, lastRun: null, runs: new Map(), hidden: new Set() };
    const lenses = foreignLenses(
      fitsOf('python train.py --sched cosine --opt sgd\n', 'run.sh'),
      surroundings,
    );
    return lenses.map(({ face }) => face()).map(({ title, action }) => [title, action.type]);
  };
  expect(faces(null)[1]).toEqual(['Run here', 'runHere']);
  expect(faces('untrusted')[1]).toEqual(['Cannot run: the workspace is not trusted', 'manageTrust']);
});

describe('a script of a system is unread, with the reason,', () => {
  const COMMAND = 'torchrun train.py --lr-scheduler steplr --lr-gamma 0.1\n';
  test.each([
    [`${COMMAND}${COMMAND}`, 'The script starts 2 trainings, but only one can be read.'],
    [
      `${COMMAND}torchrun train.py --model resnet50 --test-only\n`,
      'The script starts 2 trainings, but only one can be read.',
    ],
    [`cat > x <<EOF\n--amp\nEOF\n${COMMAND}`, 'The script contains a here-document, which is not supported.'],
    [
      `case $1 in\n  a) ${COMMAND} ;;\nesac\n`,
      'The script contains a case statement, which is not supported.',
    ],
    [
      `ARGS=(--amp)\n${COMMAND}`,
      'The script contains an array, a function or another use of parentheses, which is not supported.',
    ],
  ])('%j', (script, why) => {
    expect(told(script)).toBe(`torchvision: ${why}`);
    expect(fitsOf(script, 'run.sh')).toMatchObject({ fits: [], unread: why });
  });
});

describe('the images of a step are those of all processes', () => {
  const FLAGS = 'train.py --model resnet50 --batch-size 64 --lr 0.1 --lr-scheduler steplr --lr-gamma 0.1\n';
  test.each([
    ['torchrun --nnodes=4 --nproc_per_node=8', '0.1 at 256 gives 0.8 at 2048'],
    ['torchrun --nnodes 4 --nproc-per-node 8 --rdzv-backend c10d', '0.1 at 256 gives 0.8 at 2048'],
    ['torchrun --nproc_per_node=8 --standalone', '0.1 at 256 gives 0.2 at 512'],
    ['torchrun', '0.1 at 256 gives 0.025 at 64'],
    ['python', '0.1 at 256 gives 0.025 at 64'],
    ['CUDA_VISIBLE_DEVICES=0,1 nohup python3 -u', '0.1 at 256 gives 0.025 at 64'],
    ['python -m torch.distributed.run --nproc_per_node=8', '0.1 at 256 gives 0.2 at 512'],
    ['python -m torch.distributed.launch --nproc_per_node=8 --use_env', '0.1 at 256 gives 0.2 at 512'],
    ['accelerate launch --multi_gpu --num_processes 8', '0.1 at 256 gives 0.2 at 512'],
    ['torchrun --nproc_per_node=gpu', null],
    ['torchrun --nproc_per_node auto', null],
    ['torchrun --nproc_per_node=$GPUS', null],
    ['torchrun --nproc_per_node "$GPUS"', null],
    ['torchrun --nnodes=1:4 --nproc_per_node=8', null],
    ['torchrun $LAUNCH', null],
    ['accelerate launch', null],
    ['srun python', null],
    ['srun --ntasks=8 torchrun --nproc_per_node=8', null],
    ['mpirun -np 8 python', null],
  ])('%s', (launcher, scaled) => {
    const script = `${launcher} ${FLAGS}`;
    expect(told(script)).toBe('torchvision');
    expect(effect(script, 'linear_scaling')).toBe(scaled);
  });

  test('and are unknown under Slurm, which sets them', () => {
    expect(effect(`#!/bin/bash\n#SBATCH --ntasks=4\npython ${FLAGS}`, 'linear_scaling')).toBeNull();
    expect(
      effect(`#!/bin/bash\n#SBATCH --nodes=4\ntorchrun --nproc_per_node=8 ${FLAGS}`, 'linear_scaling'),
    ).toBe('0.1 at 256 gives 0.2 at 512');
  });

  test('and are unknown if the script sets them in the environment', () => {
    expect(effect(`WORLD_SIZE=8 RANK=0 python ${FLAGS}`, 'linear_scaling')).toBeNull();
    expect(effect(`export WORLD_SIZE=8\npython ${FLAGS}`, 'linear_scaling')).toBeNull();
  });

  test("for timm also include accumulation, and some optimizers' learning rate scales by the square root", () => {
    const timm = (flags: string, launcher = 'torchrun --nproc_per_node=4 train.py') =>
      effect(`${launcher} --sched cosine --smoothing 0.1 --batch-size 128 ${flags}\n`, 'linear_scaling');
    expect(timm('--lr-base 0.001')).toBe('0.001 at 256 gives 0.002 at 512');
    expect(timm('--lr-base 0.001 --grad-accum-steps 2')).toBe('0.001 at 256 gives 0.004 at 1024');
    expect(timm('--lr-base 0.001 --lr-base-size 512')).toBe('0.001 at 512 gives 0.001 at 512');
    expect(timm('--lr-base 0.001 --opt lamb')).toBe('0.001 at 256 gives 0.001414 at 512');
    expect(timm('--lr-base 0.001 --lr-base-scale sqrt')).toBe('0.001 at 256 gives 0.001414 at 512');
    expect(timm('--lr 0.001 --opt lamb')).toBe('0.001 at 256 gives 0.002 at 512');
    expect(timm('--lr-base 0.001', './distributed_train.sh 8')).toBe('0.001 at 256 gives 0.004 at 1024');
    expect(timm('--lr-base 0.001', './distributed_train.sh $N')).toBeNull();
    const root =
      'torchrun --nproc_per_node=4 train.py --sched cosine --opt lamb --batch-size 128 --lr-base 0.001\n';
    expect(effect(root, 'warmup')).toBe('LR rises from 0.00001 to 0.001414 over 5 epochs');
    expect(effect(root, 'cosine_decay')).toBe('LR falls from 0.001414 to 0 over 300 epochs');
  });
});

describe('a script whose options may come from elsewhere', () => {
  const HEAD =
    'torchrun train.py --model resnet50 --lr-scheduler steplr --lr-gamma 0.1 --label-smoothing 0.1';

  test.each(['$ARGS', '"$@"', '$(cat args)', '`cat args`'])('%s: omitted options are unknown', (word) => {
    const script = `${HEAD} ${word}\n`;
    expect(state(script, 'label_smoothing')).toBe(true);
    expect(state(script, 'mixup')).toBe(`${word} may set it.`);
    expect(clicked(['run.sh', script], 'mixup')).toContain(`${word} may set it.`);
    expect(effect(script, 'cosine_decay')).toBeNull();
  });

  test('a file of settings, too', () => {
    const script = 'python train.py --config a2.yaml --model resnet50 --opt lamb --sched cosine\n';
    expect(state(script, 'mixup')).toBe('a2.yaml may set it.');
    expect(state(script, 'lamb')).toBe(true);
    expect(state(script.replace('--config a2.yaml', '-c "$CONFIG"'), 'mixup')).toBe('--config may set it.');
  });

  test('a computed value is unknown, the rest is not', () => {
    const script = `${HEAD} --lr-warmup-epochs 0 --mixup-alpha "$ALPHA" --epochs 90\n`;
    expect(state(script, 'mixup')).toBe('The file computes mixup-alpha.');
    expect(state(script, 'cutmix')).toBe(false);
    expect(clicked(['run.sh', script], 'warmup')).toBe(
      script
        .replace('--lr-warmup-epochs 0', '--lr-warmup-epochs 4')
        .replace(/\n$/, ' --lr-warmup-method linear\n'),
    );
  });

  test("timm's folder of images is none of them", () => {
    for (const folder of ['"$DATA"', '$DATA_DIR', '/data']) {
      expect(state(`torchrun train.py ${folder} --sched cosine --opt sgd\n`, 'mixup')).toBe(false);
    }
  });

  test('is disabled by a word if omitting it is not enough, and refused if there is none', () => {
    const script = `${HEAD} --amp $ARGS\n`;
    expect(clicked(['run.sh', script], 'label_smoothing')).toBe(
      script.replace('smoothing 0.1', 'smoothing 0'),
    );
    expect(clicked(['run.sh', script], 'mixed_precision')).toBe('$ARGS may set it.');
  });

  test('an option of an older release has other defaults', () => {
    const script = 'python train.py /data --model resnet50 --opt sgd --sched step --native-amp --lr 0.1\n';
    expect(told(script)).toBe('timm');
    expect(state(script, 'warmup')).toBe(
      '--native-amp is an option from a release before timm 1.0, which has different defaults.',
    );
  });
});

describe("torchvision's command lines", () => {
  const SCRIPT = `#!/bin/bash
# torchrun train.py --amp is not this one
torchrun --nproc_per_node=8 train.py \\
    --model resnet50 --batch-size 128 \\
    --lr 0.5 --val-resize-size 232 \\
    --lr-step-size 30 \\
    --epochs 90 # the end
echo "done --amp"
`;

  test('use its own flags, on lines like the others', () => {
    expect(clicked(['a.sh', SCRIPT], 'no_bias_decay')).toBe(
      SCRIPT.replace(
        '--epochs 90 # the end',
        '--epochs 90 \\\n    --norm-weight-decay 0 \\\n    --bias-weight-decay 0 # the end',
      ),
    );
    expect(clicked(['a.sh', SCRIPT], 'label_smoothing')).toContain(
      '--epochs 90 \\\n    --label-smoothing 0.1 # the end',
    );
    const line = 'python train.py --model resnet18 --lr-gamma 0.1 --lr-step-size 30\n';
    expect(clicked(['a.sh', line], 'mixed_precision')).toBe(line.replace('\n', ' --amp\n'));
  });

  test('are edited within the one command, wherever that ends', () => {
    const ends: [string, string][] = [
      ['for s in 1 2; do ', '; done\n'],
      ['', ' | tee log --amp 2>&1\n'],
      ['(', ')\n'],
      ['', ' && echo --amp\n'],
      ['', ' & wait\n'],
      ['if true; then\n  ', '\nfi\n'],
      ['', ' > log # --amp\n'],
    ];
    for (const [before, after] of ends) {
      const command = 'torchrun train.py --lr-gamma 0.1 --lr-step-size 30 --epochs 30';
      const script = before + command + after;
      expect(clicked(['a.sh', script], 'mixed_precision')).toBe(`${before}${command} --amp${after}`);
      expect(effect(script.replace('a.sh', 'run.sh'), 'cosine_decay')).toBe(
        'LR falls from 0.1 to 0 over 30 epochs',
      );
    }
  });

  test('have one option for one trick, however it is spelled', () => {
    const script =
      'torchrun train.py --lr-warmup-ep 5 --lr-warmup-method linear --lr-gamma 0.1 --lr-step-size 30\n';
    expect(state(script, 'warmup')).toBe(true);
    expect(clicked(['a.sh', script], 'warmup')).toBe('torchrun train.py --lr-gamma 0.1 --lr-step-size 30\n');
    const twice = 'torchrun train.py --mixup-alpha 0.1 --lr-gamma 0.1 --lr-step-size 30 --mixup-alpha=0.4\n';
    expect(clicked(['a.sh', twice], 'mixup')).toBe('torchrun train.py --lr-gamma 0.1 --lr-step-size 30\n');
  });

  test('are read like its train.py does', () => {
    const script =
      'torchrun --nproc_per_node=8 train.py --lr-gamma 0.1 --lr-step-size 30 --batch-size 128 --epochs 100';
    const of = (flags: string, name: string) => effect(`${script} ${flags}\n`, name);
    expect(
      of('--lr 0.5 --lr-warmup-epochs 5 --lr-warmup-method linear --lr-warmup-decay 0.1', 'warmup'),
    ).toBe('LR rises from 0.05 to 0.5 over 5 epochs');
    expect(
      of('--lr 0.5 --lr-warmup-epochs 5 --lr-min 0.01 --lr-scheduler CosineAnnealingLR', 'cosine_decay'),
    ).toBe('LR falls from 0.5 to 0.01 over 95 epochs');
    // 1 / (1 - (1 - 0.00002 x 8 x 128 x 32 / 100) ^ (1 / 32)).
    expect(of('--model-ema', 'ema')).toBe('over about 4,867 steps');
    expect(of('--random-erase 0.1', 'random_erasing')).toBe('10% of images lose 2% to 33% of their area');
    expect(of('', 'no_bias_decay')).toBe('41 of 62 tensors train without weight decay');
    expect(of('--model resnet50', 'no_bias_decay')).toBe('107 of 161 tensors train without weight decay');
    expect(of('--model resnext50_32x4d', 'no_bias_decay')).toBeNull();
  });

  test('warm up at a constant learning rate unless told to rise', () => {
    const script = 'torchrun train.py --lr-warmup-epochs 5 --lr-gamma 0.1 --lr-step-size 30\n';
    expect(state(script, 'warmup')).toBe(false);
    expect(clicked(['a.sh', script], 'warmup')).toBe(
      '--lr-warmup-method is constant: the learning rate does not rise during warmup.',
    );
  });

  test('decay biases too, unless both options say otherwise', () => {
    const script = 'torchrun train.py --norm-weight-decay 0 --lr-gamma 0.1 --lr-step-size 30\n';
    expect(state(script, 'no_bias_decay')).toBe(false);
    expect(clicked(['a.sh', script], 'no_bias_decay')).toBe(script.replace('\n', ' --bias-weight-decay 0\n'));
    expect(state(script.replace('\n', ' --bias-weight-decay 0\n'), 'no_bias_decay')).toBe(true);
  });

  test('list tricks that no flag writes, with the reason', () => {
    const obstacle = (name: string) => fitOf(SCRIPT, 'a.sh', name)?.obstacle();
    expect(obstacle('linear_scaling')).toBe(
      'torchvision has no flag for this: pass the scaled learning rate to --lr.',
    );
    expect(obstacle('zero_gamma')).toBe(
      'torchvision has no flag for this: pass zero_init_residual=True to the model in train.py.',
    );
    expect(clicked(['a.sh', SCRIPT], 'linear_scaling')).toBe(obstacle('linear_scaling'));
    const nothing: LensSurroundings = { obstacle: null, lastRun: null, runs: new Map(), hidden: new Set() };
    const faces = foreignLenses(fitsOf(SCRIPT, 'a.sh'), nothing).map(({ line, face }) => ({
      line,
      ...face(),
    }));
    expect(faces.find(({ title }) => title.startsWith('Linear scaling'))).toMatchObject({
      line: 4,
      icon: 'info',
      title: 'Linear scaling: not editable here',
      tooltip: expect.stringMatching(
        /^torchvision has no flag for this: pass the scaled learning rate to --lr\./,
      ),
      action: { type: 'compareTrick', trick: 'linear_scaling' },
    });
  });

  test('offer for other models only what these have', () => {
    const script = 'torchrun train.py --model vgg16_bn --lr-gamma 0.1 --lr-step-size 30\n';
    expect(state(script, 'zero_gamma')).toBe('none');
    expect(state(script.replace('vgg16_bn', 'mobilenet_v2'), 'zero_gamma')).toBe(
      'The model mobilenet_v2 is unknown here.',
    );
  });
});

describe("timm's command lines", () => {
  const script = 'python train.py --data-dir /data --model resnet50 --opt sgd --sched step --warmup-epochs 0';

  test("have the same tricks as timm's files of arguments", () => {
    expect(clicked(['a.sh', `${script}\n`], 'lamb')).toBe(`${script.replace('--opt sgd', '--opt lamb')}\n`);
    expect(clicked(['a.sh', `${script}\n`], 'zero_gamma')).toBe(
      `${script} --model-kwargs zero_init_last=False\n`,
    );
    expect(clicked(['a.sh', `${script} --lr 0.4\n`], 'linear_scaling')).toBe(
      `${script} --lr-base 0.4 --lr-base-size 256\n`,
    );
    expect(clicked(['a.sh', `${script} --lr-base 0.4 --lr-base-size 256\n`], 'linear_scaling')).toBe(
      `${script} --lr 0.4\n`,
    );
    expect(state(`${script.replace('resnet50', 'vgg16')}\n`, 'zero_gamma')).toBe('none');
  });

  test('keep other arguments of the model next to the inserted ones', () => {
    const more = `${script} --model-kwargs stem_width=32 zero_init_last=False\n`;
    expect(clicked(['a.sh', more], 'zero_gamma')).toBe(
      `${script} --model-kwargs stem_width=32 zero_init_last=True\n`,
    );
    expect(clicked(['a.sh', `${script} --model-kwargs layers='(1,2)'\n`], 'zero_gamma')).toBe(
      'The script computes --model-kwargs.',
    );
  });
});
