import { execFileSync } from 'node:child_process';
import { lstat, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { version } from '../../../package.json';
import { lastCheckpointPath, readCheckpoint } from '../../../src/runs/checkpoint';
import { decodeSafetensors } from '../../../src/shared/safetensors';
import { experimentText } from '../../support/smallTraining';
import { readOnnx } from '../interop/onnxReader';
import { type Outcome, tricksTests } from './tricks';

const work = tricksTests();
const FILE = 'small.experiment.yaml';
const RESNET = experimentText({
  data: '{ dataset: synthetic, train_images: 32, validation_images: 16, height: 40, width: 32, channels: 3, classes: 4, batch_size: 16 }',
  model: '{ name: resnet18, width: 4, variant: D }',
  schedule: '{ epochs: 1 }',
});

type Place = Awaited<ReturnType<typeof work>>;

/** A folder in which an experiment was trained. */
async function trained(experiment = RESNET): Promise<Place & { id: string; checkpoints: string }> {
  const place = await work();
  await place.write(FILE, experiment);
  expect((await place.tricks(['run', FILE])).code).toBe(0);
  const { id } = await place.manifest();
  const checkpoints = dirname(lastCheckpointPath(join(place.folder, '.bag-of-tricks/runs', id)));
  return { ...place, id, checkpoints };
}

const badInput = (...lines: string[]): Outcome => ({ code: 2, stdout: '', stderr: `${lines.join('\n')}\n` });

/** Returns a norm's scales in a checkpoint. No layout changes them. */
async function scalesIn(checkpoint: string, name: string): Promise<number[]> {
  const { tensors } = await readCheckpoint(checkpoint);
  return [...(tensors.find((tensor) => tensor.name === name)?.values ?? [])];
}

describe('tricks export --onnx', () => {
  it('writes the best weights to a file, with class names and preprocessing, and prints how to load it', async () => {
    const { folder, tricks, id, checkpoints } = await trained();
    // Only the best checkpoint remains.
    await rm(join(checkpoints, 'last.safetensors'));
    const { code, stdout, stderr } = await tricks(['export', 'last', '--onnx', 'out/new/model.onnx']);
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout.split('\n')).toEqual([
      'Wrote out/new/model.onnx: resnet18-D, width 4, after 2 steps.',
      'It takes normalized images [batch, 3, 40, 32] and returns logits [batch, 4].',
      'Load it in Python: onnxruntime.InferenceSession("out/new/model.onnx")',
      '',
    ]);
    expect(await readdir(join(folder, 'out/new'))).toEqual(['model.onnx']);
    const file = readOnnx(await readFile(join(folder, 'out/new/model.onnx')));
    expect(file.producer).toBe(`bag-of-tricks ${version}`);
    expect(file.graph).toBe('small');
    expect(file.metadata).toMatchObject({
      class_names: '["class 0","class 1","class 2","class 3"]',
      mean: '[0.5,0.5,0.5]',
      image_size: '[40,32]',
      channels: '3',
      interpolation: 'bilinear',
      crop_pct: '1',
      model: 'resnet18-D, width 4',
      run_id: id,
    });
    const scales = file.initializers.find(({ name }) => name === 'bn1.weight')?.values;
    expect(scales).toEqual(await scalesIn(join(checkpoints, 'best.safetensors'), 'bn1.weight'));
    const last = await tricks(['export', 'last', '--onnx', 'last.onnx', '--checkpoint', 'last']);
    expect(last).toEqual(
      badInput(
        `error: The run ${id} has no checkpoint yet.`,
        'The first checkpoint is saved at the end of the first epoch.',
      ),
    );
  });

  it('replaces a file only if told to, and never anything else', async () => {
    const { folder, tricks, write } = await trained();
    await write('model.onnx', 'mine');
    const args = ['export', 'last', '--onnx', 'model.onnx'];
    expect(await tricks(args)).toEqual(
      badInput('error: model.onnx already exists.', 'Choose another name, or overwrite it with --force.'),
    );
    expect(await readFile(join(folder, 'model.onnx'), 'utf8')).toBe('mine');
    expect((await tricks([...args, '--force'])).code).toBe(0);
    expect(readOnnx(await readFile(join(folder, 'model.onnx'))).graph).toBe('small');
    await mkdir(join(folder, 'folder.onnx'));
    expect(await tricks(['export', 'last', '--onnx', 'folder.onnx', '--force'])).toEqual(
      badInput('error: folder.onnx is a folder.', 'Specify a file in it.'),
    );
    expect(await tricks(['export', 'last', '--onnx', 'model.onnx/model.onnx'])).toEqual(
      badInput('error: model.onnx is not a folder.', 'Write to another folder.'),
    );
  });

  it.skipIf(process.platform === 'win32')('leaves a pipe alone, like a device', async () => {
    const { folder, tricks } = await trained();
    const pipe = join(folder, 'pipe');
    execFileSync('mkfifo', [pipe]);
    expect(await tricks(['export', 'last', '--onnx', 'pipe', '--force'])).toEqual(
      badInput('error: pipe is a device or a pipe, not a file.', 'Specify a file.'),
    );
    expect((await lstat(pipe)).isFIFO()).toBe(true);
  });

  it('with --average writes the moving average of the last checkpoint', async () => {
    const { folder, tricks, checkpoints } = await trained(
      RESNET.replace('tricks: { zero_gamma: true }', 'tricks: { ema: true }'),
    );
    expect((await tricks(['export', 'last', '--onnx', 'a.onnx', '--average'])).code).toBe(0);
    const { initializers } = readOnnx(await readFile(join(folder, 'a.onnx')));
    const scales = initializers.find(({ name }) => name === 'bn1.weight')?.values;
    const last = join(checkpoints, 'last.safetensors');
    expect(scales).toEqual(await scalesIn(last, 'average.bn1.weight'));
    expect(scales).not.toEqual(await scalesIn(last, 'bn1.weight'));
  });
});

describe('tricks export --timm-folder', () => {
  it('writes a folder that tells timm what to build, and prints how to load it', async () => {
    const { folder, tricks, id } = await trained();
    const { code, stdout, stderr } = await tricks(['export', 'last', '--timm-folder', 'my flowers']);
    expect([code, stderr]).toEqual([0, '']);
    const [weights, config] = ['model.safetensors', 'config.json'].map((name) => join('my flowers', name));
    expect(stdout.split('\n')).toEqual([
      `Wrote ${weights} and ${config}: resnet18d for timm, after 2 steps.`,
      'Load it in Python: timm.create_model("local-dir:my flowers", pretrained=True)',
      '',
    ]);
    expect((await readdir(join(folder, 'my flowers'))).toSorted()).toEqual([
      'config.json',
      'model.safetensors',
    ]);
    expect(JSON.parse(await readFile(join(folder, config as string), 'utf8'))).toMatchObject({
      architecture: 'resnet18d',
      label_names: ['class 0', 'class 1', 'class 2', 'class 3'],
      model_args: { in_chans: 3, stem_width: 2, channels: [4, 8, 16, 32] },
      pretrained_cfg: { input_size: [3, 40, 32], notes: [`Bag of Tricks, run ${id}`] },
    });
    const { tensors } = decodeSafetensors(await readFile(join(folder, weights as string)));
    expect(tensors.find(({ name }) => name === 'bn1.num_batches_tracked')?.values).toEqual(
      Float32Array.of(2),
    );
    expect(tensors.find(({ name }) => name === 'conv1.0.weight')?.shape).toEqual([2, 3, 3, 3]);
  });

  it('replaces only its own files, and only if told to', async () => {
    const { folder, tricks } = await trained();
    const model = join(folder, 'model');
    await mkdir(model);
    await writeFile(join(model, 'README.md'), 'mine');
    await writeFile(join(model, 'config.json'), 'mine');
    const args = ['export', 'last', '--timm-folder', 'model'];
    expect(await tricks(args)).toEqual(
      badInput(
        `error: ${join('model', 'config.json')} already exists.`,
        'Choose another name, or overwrite it with --force.',
      ),
    );
    expect((await readdir(model)).toSorted()).toEqual(['README.md', 'config.json']);
    expect((await tricks([...args, '--force'])).code).toBe(0);
    expect((await readdir(model)).toSorted()).toEqual(['README.md', 'config.json', 'model.safetensors']);
    expect(JSON.parse(await readFile(join(model, 'config.json'), 'utf8')).num_classes).toBe(4);
    await writeFile(join(folder, 'file'), 'mine');
    expect(await tricks(['export', 'last', '--timm-folder', 'file', '--force'])).toEqual(
      badInput('error: file is not a folder.', 'Write to another folder.'),
    );
  });

  it('refuses a model that timm does not have, and writes nothing', async () => {
    const { folder, tricks } = await trained(experimentText());
    expect(await tricks(['export', 'last', '--timm-folder', 'model'])).toEqual(
      badInput('error: timm has no resnet8.', 'Export it as ONNX: --onnx FILE.onnx'),
    );
    expect(await readdir(folder)).not.toContain('model');
    const both = await tricks(['export', 'last', '--onnx', 'm.onnx', '--recipe', 'timm']);
    expect(both.code).toBe(0);
    expect(both.stdout).toMatch(/^# small, as timm's train\.py trains it\n/);
    expect(both.stderr).toContain('Wrote m.onnx: ');
  });
});
