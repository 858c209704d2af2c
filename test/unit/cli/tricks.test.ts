import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { version } from '../../../package.json';
import { type RunEvent, runEventSchema } from '../../../src/protocol/events';
import { lastCheckpointPath, readCheckpoint } from '../../../src/runs/checkpoint';
import { readLease } from '../../../src/runs/lease/lease';
import { decodeSafetensors } from '../../../src/shared/safetensors';
import { experimentText } from '../../support/smallTraining';
import { until } from '../runs/support';
import { canMount, type Outcome, type RunningTricks, tricksTests, withSmallDisk } from './tricks';

const work = tricksTests();
const FILE = 'small.experiment.yaml';
/** More epochs than a test waits for. */
const ENDLESS = experimentText({ schedule: '{ epochs: 100000 }' });

const eventsIn = (stdout: string): RunEvent[] =>
  stdout
    .split('\n')
    .slice(0, -1)
    .map((line) => runEventSchema.parse(JSON.parse(line)));

const untilTraining = ({ stdout, process }: RunningTricks) =>
  until(() => stdout().includes('"type":"step"') || process.exitCode !== null);

/** The outcome of bad input: nothing on standard output, exit code 2, and these lines on standard error. */
const badInput = (...lines: string[]): Outcome => ({ code: 2, stdout: '', stderr: `${lines.join('\n')}\n` });

describe('tricks run', () => {
  it('trains an experiment and prints its result, its folder and where to look at it', async () => {
    const { folder, tricks, write, manifest } = await work();
    await write(FILE, experimentText());
    const { code, stdout, stderr } = await tricks(['run', FILE]);
    expect(stderr).toBe('');
    expect(code).toBe(0);
    const lines = stdout.trimEnd().split('\n');
    expect(lines.filter((line) => line.startsWith('Epoch '))).toHaveLength(2);
    const { id, state } = await manifest();
    expect(state.status).toBe('done');
    // Out of 32 images.
    const accuracy = (100 * state.result.validationAccuracy).toFixed(1);
    expect(lines.at(-6)).toContain(`Done: validation accuracy ${accuracy}%`);
    expect(lines.at(-5)).toBe(`Run: ${join(folder, '.bag-of-tricks/runs', id)}`);
    expect(lines.at(-4)).toContain(`open ${folder} in VS Code`);
    expect(lines.slice(-3)).toEqual([
      `Show its epochs and worst classes: tricks show ${id}`,
      `Classify images with it: tricks predict ${id} IMAGE...`,
      `Export the model: tricks export ${id} --onnx model.onnx`,
    ]);
  });

  it('with --json prints every event of the log as one line of JSON, and nothing else', async () => {
    const { folder, tricks, write, manifest } = await work();
    await write(FILE, experimentText());
    const { code, stdout, stderr } = await tricks(['run', FILE, '--json']);
    expect(code).toBe(0);
    const { id } = await manifest();
    const log = await readFile(join(folder, '.bag-of-tricks/runs', id, 'metrics.ndjson'), 'utf8');
    expect(eventsIn(stdout)).toEqual(eventsIn(log));
    const types = eventsIn(stdout).map(({ type }) => type);
    expect(types[0]).toBe('started');
    expect(types.filter((type) => type === 'step')).toHaveLength(8);
    expect(types.filter((type) => type === 'epoch')).toHaveLength(2);
    expect(types.at(-1)).toBe('done');
    expect(stderr).toContain('Done: validation accuracy');
  });

  it('takes engine, seed and values from the command line, and keeps the file as written', async () => {
    const { tricks, write, manifest } = await work();
    const text = experimentText();
    await write(FILE, text);
    const args = [
      '--engine',
      'cpu',
      '--seed',
      '7',
      '--set',
      'schedule.epochs=1',
      '--set',
      'optimizer.base_lr=0.2',
    ];
    expect((await tricks(['run', FILE, ...args])).code).toBe(0);
    const { recipe, engine, experiment } = await manifest();
    expect(recipe).toMatchObject({ seed: 7, epochs: 1, schedule: { peakLearningRate: 0.2 } });
    expect(engine.name).toBe('cpu');
    const settings = ['schedule.epochs=1', 'optimizer.base_lr=0.2', 'engine=cpu', 'seed=7'];
    expect(experiment).toEqual({ file: FILE, text, settings });
  });

  it('says why auto chose its engine, and records that', async () => {
    const { folder, tricks, write, manifest } = await work();
    await write(FILE, experimentText({ engine: 'auto', schedule: '{ epochs: 1 }' }));
    const { code, stdout } = await tricks(['run', FILE], {
      env: { BAG_OF_TRICKS_ENGINES: join(folder, 'none') },
    });
    expect(code).toBe(0);
    expect(stdout).toContain(
      'tensorflow would be faster. It is not installed. Install tensorflow with "tricks engine install tensorflow". wasm works.',
    );
    const { id, engine } = await manifest();
    expect(engine).toMatchObject({ name: 'wasm', because: expect.arrayContaining([expect.any(String)]) });
    expect((await tricks(['show', id])).stdout).toMatch(/Chosen because +\S.*wasm works/);
    await tricks(['run', FILE, '--engine', 'wasm']);
    expect((await tricks(['show', 'last'])).stdout).not.toContain('Chosen because');
  });

  it('shows how half precision was computed, if its engine left that open', async () => {
    const { folder, tricks, write } = await work();
    await write(FILE, experimentText({ engine: 'auto', schedule: '{ epochs: 1 }' }));
    const env = { BAG_OF_TRICKS_ENGINES: join(folder, 'none') };
    await tricks(['run', FILE, '--set', 'tricks.mixed_precision=true'], { env });
    expect((await tricks(['show', 'last'])).stdout).toMatch(/^Precision +float16, emulated$/m);
  });

  it('keeps the run in the given folder, or in the nearest store above', async () => {
    const { folder, tricks, write } = await work();
    await write(FILE, experimentText({ schedule: '{ epochs: 1 }' }));
    const inner = join(folder, 'inner');
    await mkdir(inner);
    expect((await tricks(['run', FILE, '--folder', inner])).code).toBe(0);
    expect(await readdir(join(inner, '.bag-of-tricks/runs'))).toHaveLength(1);
    await mkdir(join(inner, 'deeper'));
    expect((await tricks(['run', '../../small.experiment.yaml'], { cwd: join(inner, 'deeper') })).code).toBe(
      0,
    );
    expect(await readdir(join(inner, '.bag-of-tricks/runs'))).toHaveLength(2);
    const listed = await tricks(['runs', '--json'], { cwd: join(inner, 'deeper') });
    expect(JSON.parse(listed.stdout)).toHaveLength(2);
  });

  it.runIf(process.platform === 'linux')(
    'draws a bar on a terminal, with the lines of the epochs above it',
    async () => {
      const { terminal, write } = await work();
      await write(FILE, experimentText({ schedule: '{ epochs: 3 }' }));
      // Wide enough for all of a step, whatever its numbers.
      const line = `stty cols 200; $TRICKS run ${FILE}`;
      // Like a person's own environment: Node treats a CI terminal as one without colors.
      const env = { NO_COLOR: undefined, CI: undefined, TERM: 'xterm-256color' };
      const { code, stdout } = await terminal(line, { env });
      expect(code).toBe(0);
      // Updates between two redraws are not drawn, but the last step always is.
      for (const part of ['█', 'epoch 3/3', 'step ', 'loss ', 'lr ', 'acc ', 'images/s', ' left']) {
        expect(stdout).toContain(part);
      }
      for (const epoch of [1, 2, 3]) expect(stdout.split(`Epoch ${epoch}/3: loss`)).toHaveLength(2);
      expect(stdout).toContain('\u001b[32mDone: validation accuracy');
      expect(stdout).toContain('To see its curves, open');
      const plain = await terminal(line, { env: { ...env, NO_COLOR: '1' } });
      expect(plain.stdout).toContain('Done: validation accuracy');
      expect(plain.stdout).not.toContain('\u001b[32m');
    },
  );

  it.runIf(process.platform === 'linux')(
    'shows all of a line that is longer than the terminal is wide',
    async () => {
      const { terminal, write } = await work();
      await write(FILE, experimentText({ schedule: '{ epochs: 2 }' }));
      const { stdout } = await terminal(`stty cols 50; $TRICKS run ${FILE}`);
      const lines = stdout.replaceAll('\r\u001b[K', '\n').split(/\r?\n/);
      const epoch =
        /^Epoch 1\/2: loss \S+ accuracy \S+ validation loss \S+ accuracy [\d.]+%; .* s(; top-5 [\d.]+%)?$/;
      expect(lines.filter((line) => epoch.test(line))).toHaveLength(1);
      // A terminal that does not wrap would draw the end of a long line over its last column.
      expect(stdout).not.toContain('\u001b[?7l');
      const drawn = lines.filter((line) => line.includes('acc '));
      expect(drawn).not.toEqual([]);
      expect(drawn.filter((line) => line.length >= 50)).toEqual([]);
    },
  );
});

describe('stopping', () => {
  it('an interrupt ends the training after the current step, with exit code 130', async () => {
    const { start, write, manifest } = await work();
    await write(FILE, ENDLESS);
    const running = start(['run', FILE, '--json']);
    await untilTraining(running);
    running.process.kill('SIGINT');
    const { code, stdout, stderr } = await running.outcome;
    expect(code).toBe(130);
    expect(eventsIn(stdout).at(-1)?.type).toBe('stopped');
    expect(stderr).toContain('Stopping after this step.');
    expect((await manifest()).state.status).toBe('stopped');
  });

  it('a second interrupt kills a trainer that does not stop', async () => {
    const { start, write, replaceTrainer, manifest } = await work();
    await write(FILE, experimentText());
    await replaceTrainer(`
      process.on('SIGTERM', () => {});
      process.on('message', () => {});
      const step = { type: 'step', time: 0, step: 4, epoch: 0, learningRate: 0, loss: 0, accuracy: 0, imagesPerSecond: 0 };
      require('node:fs').appendFileSync(process.argv[2] + '/metrics.ndjson', JSON.stringify(step) + '\\n');
      setInterval(() => {}, 1000);
    `);
    const running = start(['run', FILE, '--json']);
    await untilTraining(running);
    running.process.kill('SIGINT');
    await until(() => running.stderr().includes('Interrupt again'));
    running.process.kill('SIGINT');
    const { code, stdout } = await running.outcome;
    expect(code).toBe(130);
    expect(eventsIn(stdout).at(-1)).toMatchObject({ type: 'stopped', step: 5 });
    expect((await manifest()).state).toEqual({ status: 'stopped', step: 5 });
  });

  it('tricks stop ends a run that another process shows', async () => {
    const { tricks, start, write } = await work();
    await write(FILE, ENDLESS);
    const running = start(['run', FILE, '--json']);
    await untilTraining(running);
    const listed = await tricks(['runs']);
    expect(listed.stdout).toMatch(/small +small +running/);
    expect(await tricks(['stop', 'last'])).toMatchObject({ code: 0, stderr: '' });
    expect((await running.outcome).code).toBe(130);
    const again = await tricks(['stop', 'last']);
    expect(again).toMatchObject({ code: 1, stderr: expect.stringContaining('The run is not running.') });
  });

  it('ends the training when its output is closed', async () => {
    const { shell, write, manifest } = await work();
    await write(FILE, ENDLESS);
    await shell(`$TRICKS run ${FILE} --json | head -n 5`);
    await until(async () => (await manifest()).state.status === 'stopped');
  });
});

describe('tricks resolve', () => {
  it('prints the recipe as JSON', async () => {
    const { tricks, write } = await work();
    await write(
      FILE,
      experimentText({ tricks: '{ linear_scaling: { base_batch_size: 4 }, no_bias_decay: true }' }),
    );
    const { code, stdout } = await tricks(['resolve', FILE, '--set', 'tricks.warmup.epochs=1']);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      version: 2,
      tricks: ['linear_scaling', 'no_bias_decay', 'warmup'],
      schedule: { peakLearningRate: 0.4, warmup: { steps: 4 }, totalSteps: 8 },
      parameterGroups: [{ weightDecay: 0.0001 }, { weightDecay: 0 }],
    });
  });
});

describe('tricks inspect', () => {
  const BARE = 'name: a\nmodel: { name: resnet50 }\n';

  it('prints layers, counts and groups of an experiment with only a name and a model', async () => {
    const { tricks, write } = await work();
    await write(FILE, BARE);
    const { code, stdout, stderr } = await tricks(['inspect', FILE]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const lines = stdout.split('\n');
    expect(lines.slice(0, 4)).toEqual([
      'resnet50-A, width 64',
      'For images of 224 x 224 x 3 and 1,000 classes.',
      '',
      'LAYER                  KIND                 OUTPUT          PARAMETERS  MULTIPLY-ADDS',
    ]);
    expect(lines).toContain(
      'conv1                  convolution 7x7 / 2  112 x 112 x 64       9,408    118,013,952',
    );
    expect(lines).toContain(
      'fc                     fully connected      1000             2,049,000      2,048,000',
    );
    expect(lines.slice(-7)).toEqual([
      'Parameters                      25,557,032',
      'Multiply-adds per image      3,857,973,248',
      'Norms that start at gamma 0              0',
      '',
      'PARAMETER GROUP  LEARNING RATE  WEIGHT DECAY  TENSORS    ELEMENTS',
      'all                         1x        0.0001      161  25,557,032',
      '',
    ]);
  });

  it('with --json prints one object whose layers add up to its counts', async () => {
    const { tricks, write } = await work();
    await write(FILE, BARE);
    const { code, stdout } = await tricks(['inspect', FILE, '--json', '--set', 'model.variant=D']);
    expect(code).toBe(0);
    const inspection = JSON.parse(stdout);
    const { parameters, multiplyAdds, layers } = inspection;
    expect(inspection).toMatchObject({
      parameters: 25_576_264,
      multiplyAdds: 4_328_824_832,
      zeroGammaNorms: 0,
      parameterGroups: [{ name: 'all', weightDecay: 0.0001, tensors: 167, elements: 25_576_264 }],
    });
    const total = (key: string) =>
      layers.reduce((sum: number, layer: Record<string, number>) => sum + (layer[key] ?? Number.NaN), 0);
    expect(total('parameters')).toBe(parameters);
    expect(total('multiplyAdds')).toBe(multiplyAdds);
    expect(layers.at(-1)).toMatchObject({ name: 'fc', kind: 'dense', shape: [1000] });
  });

  it('prints frozen parts, and the learning rates along the network', async () => {
    const { tricks, write } = await work();
    const init = '{ weights: torchvision:resnet50, freeze: [stem, layer1] }';
    const optimizer = '{ head_learning_rate: 10x, layer_decay: 0.5 }';
    await write(FILE, `${BARE}init: ${init}\noptimizer: ${optimizer}\n`);
    const args = ['inspect', FILE, '--set', 'model.variant=B'];
    const lines = (await tricks(args)).stdout.split('\n');
    expect(lines.slice(-7)).toEqual([
      'PARAMETER GROUP  LEARNING RATE  WEIGHT DECAY  TENSORS    ELEMENTS',
      'frozen                  frozen             0       33     225,344',
      'layer2                  0.125x        0.0001       39   1,219,584',
      'layer3                   0.25x        0.0001       57   7,098,368',
      'layer4                    0.5x        0.0001       30  14,964,736',
      'head                       10x        0.0001        2   2,049,000',
      '',
    ]);
    const { parameterGroups } = JSON.parse((await tricks([...args, '--json'])).stdout);
    expect(parameterGroups.map((group: Record<string, unknown>) => group.learningRateFactor)).toEqual([
      ...[0, 0.125, 0.25, 0.5, 10],
    ]);
    const { code, stderr } = await tricks(['inspect', FILE]);
    expect(code).not.toBe(0);
    expect(stderr).toContain('are the weights of variant B. Use model.variant: B.');
  });

  it('counts the effects of tricks, even without data', async () => {
    const { tricks, write } = await work();
    await write(FILE, `${BARE}tricks: { zero_gamma: true, no_bias_decay: true, warmup: true }\n`);
    const inspect = async (...settings: string[]) => {
      const args = settings.flatMap((setting) => ['--set', setting]);
      return JSON.parse((await tricks(['inspect', FILE, '--json', ...args])).stdout);
    };
    expect(await inspect('model.variant=D')).toMatchObject({
      zeroGammaNorms: 16,
      parameterGroups: [
        { name: 'decay', weightDecay: 0.0001, tensors: 56 },
        { name: 'no_decay', weightDecay: 0, tensors: 111, elements: 54_248 },
      ],
    });
    expect(await inspect('model.name=resnet18')).toMatchObject({
      zeroGammaNorms: 8,
      parameterGroups: [{ tensors: 21 }, { tensors: 41, elements: 10_600 }],
    });
  });

  it('prints the weight of each class if the recipe makes them unequal', async () => {
    const { tricks, write } = await work();
    const text = experimentText({ loss: '{ class_weights: balanced }' });
    await write(FILE, text);
    const settings = ['--set', 'data.classes=3', '--set', 'data.sampling=balanced'];
    const { stdout, stderr } = await tricks(['inspect', FILE, ...settings]);
    expect(stdout.split('\n').slice(-5)).toEqual([
      'CLASS    IMAGES  WEIGHT  IMAGES PER EPOCH',
      'class 0      22  0.9697                21',
      'class 1      21   1.016                21',
      'class 2      21   1.016                21',
      '',
    ]);
    expect(stderr).toContain('Class weights and balanced sampling correct the same imbalance twice');
    const { classBalance } = JSON.parse((await tricks(['inspect', FILE, '--json', ...settings])).stdout);
    expect(classBalance[0]).toEqual({
      ...{ name: 'class 0', images: 22, weight: 64 / 66, imagesPerEpoch: 64 / 3 },
    });
  });

  it("takes images and classes from the model, else from the data, else from the model's original task", async () => {
    const { tricks, write } = await work();
    await write(FILE, experimentText({ data: '{ dataset: fashion-mnist }' }));
    const taskOf = async (...settings: string[]) => {
      const args = settings.flatMap((setting) => ['--set', setting]);
      const { stdout } = await tricks(['inspect', FILE, '--json', ...args]);
      const { input, classes } = JSON.parse(stdout);
      return [...input, classes];
    };
    expect(await taskOf()).toEqual([28, 28, 1, 10]);
    expect(await taskOf('model.input_size=64')).toEqual([64, 64, 1, 10]);
    expect(await taskOf('model.classes=7')).toEqual([28, 28, 1, 7]);
    await write(FILE, BARE);
    expect(await taskOf()).toEqual([224, 224, 3, 1000]);
    expect(await taskOf('model={ name: inception_v3 }')).toEqual([299, 299, 3, 1000]);
    expect(await taskOf('model={ name: resnet20 }')).toEqual([32, 32, 3, 10]);
    expect(await taskOf('model={ name: mlp, input_size: 40, classes: 5 }')).toEqual([40, 40, 3, 5]);
  });

  it('refuses a model that cannot take the images, and settings that no experiment may have', async () => {
    const { tricks, write } = await work();
    await write(FILE, BARE);
    expect(await tricks(['inspect', FILE, '--set', 'model={ name: inception_v3, input_size: 74 }'])).toEqual(
      badInput(
        '--set model={ name: inception_v3, input_size: 74 }: error: inception_v3 cannot take images of 74 x 74. Use larger images or a CIFAR-form model such as resnet20.',
      ),
    );
    expect(await tricks(['inspect', FILE, '--set', 'model.input_size=0'])).toEqual(
      badInput(
        '--set model.input_size=0: error: model.input_size must be greater than 0, not 0. Use a positive number such as 224.',
      ),
    );
    expect(await tricks(['run', FILE])).toEqual(
      badInput(
        `${FILE}:1:1: error: data is missing. Add it, such as data: { dataset: fashion-mnist-sample }.`,
      ),
    );
  });
});

describe('tricks schedule', () => {
  const paper = experimentText({
    data: '{ dataset: synthetic, train_images: 1281167, height: 224, width: 224, channels: 3, classes: 1000, batch_size: 1024 }',
    model: '{ name: resnet50 }',
    schedule: '{ epochs: 120, decay: cosine }',
    tricks: '{ linear_scaling: true, warmup: true }',
  });

  it('prints the learning rate of each of 150,120 steps', async () => {
    const { tricks, write } = await work();
    await write(FILE, paper);
    const { code, stdout } = await tricks(['schedule', FILE]);
    expect(code).toBe(0);
    const lines = stdout.split('\n');
    expect(lines).toHaveLength(1 + 150_120 + 1);
    expect(lines[0]).toBe('step,epoch,lr');
    expect(lines.at(-1)).toBe('');
    const row = (step: number) => lines[step + 1]?.split(',').map(Number) ?? [];
    expect(row(0)).toEqual([0, 0, 0]);
    expect(row(1250)).toEqual([1250, 0, expect.closeTo((0.4 * 1250) / 6255, 12)]);
    expect(row(1251).slice(0, 2)).toEqual([1251, 1]);
    expect(row(6255)).toEqual([6255, 5, expect.closeTo(0.4, 12)]);
    // Halfway from the end of warmup to the end, rounded down to a step.
    const share = (78_187 - 6255) / (150_120 - 6255);
    expect(row(78_187)[2]).toBeCloseTo(0.2 * (1 + Math.cos(Math.PI * share)), 12);
    expect(row(150_119).slice(0, 2)).toEqual([150_119, 119]);
  });

  it('exits cleanly if only its beginning is read', async () => {
    const { shell, write } = await work();
    await write(FILE, paper);
    const read = await shell(`set -o pipefail; $TRICKS schedule ${FILE} | head -n 1`);
    expect(read).toEqual({ code: 0, stdout: 'step,epoch,lr\n', stderr: '' });
  });
});

describe('tricks runs and tricks show', () => {
  it('list the runs and show one, by a prefix of its id or as the last', async () => {
    const { folder, tricks, write } = await work();
    await write(FILE, experimentText());
    await tricks(['run', FILE]);
    await tricks(['run', FILE, '--set', 'name=other', '--seed', '2']);
    await mkdir(join(folder, '.bag-of-tricks/runs/torn'));

    const listed = await tricks(['runs']);
    expect(listed.code).toBe(0);
    const lines = listed.stdout.trimEnd().split('\n');
    expect(lines[0]).toMatch(/^RUN +NAME +STATE +ACCURACY +EPOCHS +ENGINE +AGE$/);
    expect(lines.slice(1).map((line) => line.replace(/^\d{8}-\d{6}-/, '').split(/ +/)[0])).toEqual(
      expect.arrayContaining(['torn', 'other', 'small']),
    );
    expect(lines.find((line) => line.includes('other'))).toMatch(
      / other +done +\d+\.\d% +2\/2 +(wasm|tensorflow) +(now|\d+ min)$/,
    );
    expect(lines.find((line) => line.startsWith('torn'))).toContain('broken');

    const plain = JSON.parse((await tricks(['runs', '--json'])).stdout);
    expect(plain).toHaveLength(3);
    const other = plain.find(({ name }: { name: string }) => name === 'other');
    const small = plain.find(({ name }: { name: string }) => name === 'small');

    const shown = await tricks(['show', other.id]);
    expect(shown.code).toBe(0);
    expect(shown.stdout).toMatch(
      /State +done\nValidation accuracy +\d+\.\d%\nBest validation accuracy +\d+\.\d% in epoch [12]\n/,
    );
    // It was trained immediately.
    expect(shown.stdout).toMatch(/\nStarted +\S.*\nDuration +\S.* s\n/);
    expect(shown.stdout).not.toContain('Queued');
    expect(shown.stdout).toMatch(/Seed +2/);
    expect(shown.stdout).toMatch(/EPOCH +LOSS +ACCURACY +VALIDATION LOSS +VALIDATION ACCURACY +TIME/);
    expect(shown.stdout.split('\n').filter((line) => /^ +[12] +\d\.\d{4} /.test(line))).toHaveLength(2);

    // With four classes there is no top-5. A class without correct predictions, if any, comes first.
    expect(shown.stdout).not.toContain('Top-5');
    expect(shown.stdout).toMatch(/\nMacro F1 +\d+\.\d%\nBalanced accuracy +\d+\.\d%\n/);
    const worst = /WORST CLASSES +F1 +PRECISION +RECALL +IMAGES\n((?:class .*\n)+)/.exec(shown.stdout);
    const f1 = (worst?.[1] ?? '')
      .trim()
      .split('\n')
      .map((line) => Number.parseFloat(line.split(/ {2,}/)[1] ?? ''));
    expect(f1).toHaveLength(4);
    expect(f1).toEqual([...f1].sort((a, b) => a - b));

    const byPrefix = JSON.parse((await tricks(['show', small.id.slice(0, -2), '--json'])).stdout);
    expect(byPrefix).toMatchObject({ id: small.id, state: small.state, skippedLines: 0 });
    expect(byPrefix.epochs.map(({ epoch }: { epoch: number }) => epoch)).toEqual([0, 1]);
    expect(byPrefix.evaluation).toMatchObject({
      last: { epoch: 1, images: 32, macroF1: byPrefix.epochs[1].macroF1 },
      best: { classes: 4 },
    });
    expect(byPrefix.evaluation.last.byClass[0]).toMatchObject({ name: 'class 0', support: 8 });

    const torn = await tricks(['show', 'torn']);
    expect(torn).toMatchObject({ code: 1, stderr: expect.stringContaining('It has no run.json.') });
    const ambiguous = await tricks(['show', '20']);
    expect(ambiguous).toMatchObject({ code: 2, stderr: expect.stringContaining('2 runs begin with 20') });
  });

  it('show top-5 from six classes on', async () => {
    const { tricks, write } = await work();
    await write(FILE, experimentText({ schedule: '{ epochs: 1 }' }));
    const run = await tricks(['run', FILE, '--set', 'data.classes=7']);
    expect(run.stdout).toMatch(/Epoch 1\/1: .*; top-5 \d+\.\d%\n/);
    const { stdout } = await tricks(['show', 'last']);
    expect(stdout).toMatch(/VALIDATION ACCURACY +TOP-5 +TIME\n/);
    expect(stdout).toMatch(/\nTop-5 accuracy +\d+\.\d%\n/);
    expect(stdout.match(/^class \d/gm)).toHaveLength(5);
  });

  it('distinguish runs of one file, and show what each recorded', async () => {
    const { folder, tricks, write } = await work();
    await write(FILE, experimentText({ schedule: '{ epochs: 1 }', tricks: '{ ema: true }' }));
    await tricks(['run', FILE]);
    await tricks(['run', FILE, '--set', 'optimizer.base_lr=0.05']);
    await tricks(['queue', 'add', FILE, '--set', 'seed=3']);
    const queued = await tricks(['queue']);
    expect(queued.stdout).toMatch(/^ +1 +\S+ +small \(seed 3\) +(now|\d+ min)$/m);
    const [waiting = ''] = /\d{8}-\d{6}-\S+/.exec(queued.stdout) ?? [];
    await tricks(['queue', 'cancel', waiting]);
    const stopped = await tricks(['run', FILE, '--set', 'schedule.epochs=2', '--set', 'name=stopped']);
    expect(stopped.code).toBe(0);
    // A recorded run that was stopped after its first epoch.
    const runs = join(folder, '.bag-of-tricks/runs');
    const id = (await readdir(runs)).find((name) => name.endsWith('stopped')) ?? '';
    const [log, file] = [join(runs, id, 'metrics.ndjson'), join(runs, id, 'run.json')];
    const lines = (await readFile(log, 'utf8')).trimEnd().split('\n');
    const first = lines.findIndex((line) => line.includes('"type":"epoch"'));
    await writeFile(log, `${lines.slice(0, first + 1).join('\n')}\n`);
    const accuracy = JSON.parse(lines[first] ?? '').validationAccuracy;
    const manifest = JSON.parse(await readFile(file, 'utf8'));
    const attempt = manifest.attempt + 1;
    await writeFile(file, JSON.stringify({ ...manifest, attempt, state: { status: 'stopped', step: 5 } }));

    const listed = await tricks(['runs']);
    expect(listed.stdout).toMatch(/ small \(base_lr 0\.05\) +done /);
    expect(listed.stdout).toMatch(/ small \(seed 3\) +removed from the queue +- +0\/1 /);
    const percent = (100 * accuracy).toFixed(1);
    expect(listed.stdout).toContain(`${percent}%`);
    expect(listed.stdout).toMatch(/ stopped +stopped +\d+\.\d% +1\/2 /);

    const shown = await tricks(['show', waiting]);
    expect(shown.stdout).toMatch(/\nQueued +\S.*\nStarted +-\nDuration +-\n/);
    const averaged = await tricks(['show', 'last']);
    expect(averaged.stdout).toMatch(/\nValidation accuracy \(EMA\) +\d+\.\d%\n/);
    expect(averaged.stdout).toMatch(/ EMA +TIME\n/);
    expect(averaged.stdout).toMatch(/\nSchedule +2 epochs of \d+ steps, /);
    expect(stopped.stdout).toMatch(/, 2 epochs of \d+ steps, on /);
  });

  it('say so if nothing has run', async () => {
    const { folder, tricks } = await work();
    expect(await tricks(['runs'])).toMatchObject({
      code: 0,
      stdout: '',
      stderr: expect.stringContaining(folder),
    });
    expect(await tricks(['runs', '--json'])).toEqual({ code: 0, stdout: '[]\n', stderr: '' });
    expect(await tricks(['show', 'last'])).toMatchObject({ code: 2, stdout: '' });
    expect(await tricks(['stop', 'last'])).toMatchObject({ code: 2, stdout: '' });
  });
});

describe('the command line itself', () => {
  it('prints its version and its usage', async () => {
    const { tricks } = await work();
    expect(await tricks(['--version'])).toEqual({ code: 0, stdout: `${version}\n`, stderr: '' });
    const help = await tricks(['--help']);
    expect(help).toMatchObject({ code: 0, stdout: expect.stringContaining('Examples:') });
    expect((await tricks(['run', '--help'])).stdout).toContain('--set <key=value>');
  });

  it('rejects unknown commands and options with exit code 2', async () => {
    const { tricks, write } = await work();
    await write(FILE, experimentText());
    for (const args of [['run', FILE, '--sed', '1'], ['rum', FILE], ['run'], ['run', FILE, '--seed'], []]) {
      expect(await tricks(args)).toMatchObject({ code: 2, stdout: '' });
    }
    expect((await tricks(['run', FILE, '--sed', '1'])).stderr).toContain("unknown option '--sed'");
  });

  it('rejects a missing file, and something that is not a file', async () => {
    const { folder, tricks } = await work();
    for (const command of ['run', 'resolve', 'inspect', 'schedule']) {
      expect(await tricks([command, 'none.yaml'])).toEqual(
        badInput('error: none.yaml does not exist.', `Check the path. It is relative to ${folder}.`),
      );
    }
    expect(await tricks(['run', '.'])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('. is a folder.'),
    });
  });
});

describe('tricks engine', () => {
  it('rejects an unknown engine with exit code 2', async () => {
    const { tricks } = await work();
    for (const command of ['install', 'remove']) {
      expect(await tricks(['engine', command, 'abacus'])).toEqual(
        badInput('error: abacus is not an installable engine.', 'Choose one of tensorflow-gpu, tensorflow.'),
      );
    }
  });

  it('exits with code 1 if an installation fails, with --json by an event', async () => {
    const { folder, tricks } = await work();
    const nowhere = 'http://127.0.0.1:9/';
    const env = {
      BAG_OF_TRICKS_ENGINES: join(folder, 'engines'),
      PIP_INDEX_URL: nowhere,
      npm_config_registry: nowhere,
    };
    const told = await tricks(['engine', 'install', 'tensorflow'], { env });
    expect([told.code, told.stderr]).toEqual([1, expect.stringMatching(/^error: .+\n.+\n$/s)]);
    const { code, stdout } = await tricks(['engine', 'install', 'tensorflow', '--json'], { env });
    const last = JSON.parse(stdout.trimEnd().split('\n').at(-1) as string);
    expect([code, last]).toEqual([
      1,
      { stage: 'failed', what: expect.any(String), remedy: expect.any(String) },
    ]);
    expect(`error: ${last.what}\n${last.remedy}\n`).toBe(told.stderr);
  });
});

describe('bad input', () => {
  it.each([
    [
      'a malformed file',
      experimentText({ model: '{ name: resnet8' }),
      /^small\.experiment\.yaml:\d+:\d+: error: The closing } is missing/,
    ],
    [
      'a negative rate',
      experimentText({ optimizer: '{ base_lr: -0.1 }' }),
      /^small\.experiment\.yaml:4:\d+: error: .*-0\.1/,
    ],
    [
      'a warmup longer than the training',
      experimentText({ tricks: '{ warmup: { epochs: 3 } }' }),
      /^small\.experiment\.yaml:6:\d+: error: Warmup of 3 epochs is longer/,
    ],
    [
      'an unknown key',
      experimentText({ optimiser: '{}' }),
      /^small\.experiment\.yaml:7:1: error: .*optimi[sz]er/,
    ],
    [
      'an unknown data set',
      experimentText({ data: '{ dataset: mnist }' }),
      /^small\.experiment\.yaml:2:\d+: error: .*mnist/,
    ],
    [
      'a batch larger than the data',
      experimentText({ data: '{ dataset: synthetic, train_images: 8 }' }),
      /^small\.experiment\.yaml:2:\d+: error: A batch of 128/,
    ],
    ['an empty file', '', /^small\.experiment\.yaml:1:1: error: /],
  ])('%s is refused at its place, and nothing is run', async (_, text, message) => {
    const { folder, tricks, write } = await work();
    await write(FILE, text);
    const { code, stdout, stderr } = await tricks(['run', FILE]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(message);
    expect(await readdir(folder)).toEqual([FILE]);
  });

  it('is rejected by every command that reads an experiment', async () => {
    const { tricks, write } = await work();
    await write(FILE, experimentText({ optimizer: '{ base_lr: -0.1 }' }));
    const expected = await tricks(['run', FILE]);
    for (const command of ['resolve', 'schedule']) expect(await tricks([command, FILE])).toEqual(expected);
  });

  it('a bad value on the command line is rejected by name', async () => {
    const { tricks, write } = await work();
    await write(FILE, experimentText());
    for (const [args, message] of [
      [['--set', 'optimizer.base_lr=-1'], '--set optimizer.base_lr=-1: error: '],
      [['--set', 'optimizer'], '--set optimizer: error: '],
      [['--engine', 'abacus'], '--set engine=abacus: error: '],
      [['--seed', 'first'], '--set seed=first: error: '],
    ] as const) {
      const { code, stdout, stderr } = await tricks(['run', FILE, ...args]);
      expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
      expect(stderr).toContain(message);
    }
  });
});

describe('a run that fails', () => {
  const fashion = experimentText({ data: '{ dataset: fashion-mnist }' });

  /**
   * Runs the experiment and expects a failure: reported on standard error, saved in the run, and shown by `tricks
   * show`.
   */
  async function expectFailure(
    { tricks, manifest }: Pick<Awaited<ReturnType<typeof work>>, 'tricks' | 'manifest'>,
    run: Promise<Outcome>,
    what: string | RegExp,
  ) {
    const { code, stdout, stderr } = await run;
    expect(code).toBe(1);
    expect(stderr).toMatch(what);
    expect(stdout).not.toContain('Done');
    const { state, endedAt } = await manifest();
    expect(state.status).toBe('failed');
    expect(state.failure.what).toMatch(what);
    expect(endedAt).toBeGreaterThan(0);
    const shown = await tricks(['show', 'last']);
    const { failure } = state;
    expect(shown.stdout).toContain(`Failed: ${failure.what}\n${failure.remedy}\n`);
    for (const line of [...shown.stdout.split('\n'), ...stderr.split('\n')]) {
      const isOfLog = failure.log?.split('\n').includes(line.trim());
      if (isOfLog) expect(line).toMatch(/^ {2}/);
    }
    return failure as { what: string; remedy: string; log?: string };
  }

  it('because its data set is missing says where it looked', async () => {
    const place = await work();
    await place.write(FILE, fashion);
    const data = join(place.folder, 'data');
    await mkdir(data);
    const { what } = await expectFailure(
      place,
      place.tricks(['run', FILE], { env: { BAG_OF_TRICKS_DATA: data } }),
      'has none of the Fashion-MNIST files',
    );
    expect(what).toContain(data);
    const log = join(place.folder, '.bag-of-tricks/runs', (await place.manifest()).id, 'trainer.log');
    const told = (await readFile(log, 'utf8')).split('has none of the Fashion-MNIST files');
    expect(told).toHaveLength(2);
  });

  it('because a data set was truncated or changed says which file', async () => {
    const header = Buffer.from([0, 0, 8, 3, 0, 0, 0xea, 0x60, 0, 0, 0, 28, 0, 0, 0, 28]);
    const zeros = gzipSync(Buffer.concat([header, Buffer.alloc(60_000 * 28 * 28)]), { level: 1 });
    for (const [content, what] of [
      [zeros.subarray(0, zeros.length / 2), 'truncated'],
      [zeros, 'wrong checksum'],
    ] as const) {
      const place = await work();
      await place.write(FILE, fashion);
      const data = join(place.folder, 'data');
      await mkdir(data);
      await writeFile(join(data, 'train-images-idx3-ubyte.gz'), content);
      const failure = await expectFailure(
        place,
        place.tricks(['run', FILE], { env: { BAG_OF_TRICKS_DATA: data } }),
        what,
      );
      expect(failure.what).toContain('train-images-idx3-ubyte.gz');
    }
  });

  it.runIf(canMount())('because the disk is full says so, and leaves no partial checkpoint', async () => {
    const place = await work();
    await place.write(FILE, experimentText({ model: '{ name: resnet8, width: 16 }' }));
    const run = place.shell(withSmallDisk(256, `$TRICKS run ${FILE} --folder disk`));
    await expectFailure(place, run, 'The disk is full');
    const { id } = await place.manifest();
    const files = await readdir(join(place.folder, '.bag-of-tricks/runs', id), { recursive: true });
    expect(files.filter((name) => name.includes('safetensors'))).toEqual([]);
  });

  it.runIf(canMount())('because the disk was full before it started leaves no run', async () => {
    const { folder, shell, write } = await work();
    await write(FILE, experimentText());
    const run = await shell(withSmallDisk(4, `$TRICKS run ${FILE} --folder disk`));
    expect(run).toMatchObject({ code: 1, stdout: '', stderr: expect.stringContaining('The disk is full') });
    expect(await readdir(join(folder, '.bag-of-tricks/runs'))).toEqual([]);
  });

  it.each([
    ['throws', "throw new Error('out of ideas');", 'The trainer exited with code 1.'],
    ['exits', 'process.exit(9);', 'The trainer exited with code 9.'],
    ['is killed', "process.kill(process.pid, 'SIGKILL');", 'The trainer was killed by SIGKILL.'],
  ])('because its trainer %s at once says so', async (_, script, what) => {
    const place = await work();
    await place.write(FILE, experimentText());
    await place.replaceTrainer(script);
    await expectFailure(place, place.tricks(['run', FILE]), what);
  });

  it('because its trainer crashed shows the reason, the remedy, a few lines of its log, and where the rest is', async () => {
    const place = await work();
    await place.write(FILE, experimentText());
    await place.replaceTrainer(`for (let i = 0; i < 9; i++) console.error('line ' + i);
      console.error('line 8');
      process.exit(9);`);
    const { stderr } = await place.tricks(['run', FILE]);
    const log = join(place.folder, '.bag-of-tricks/runs', (await place.manifest()).id, 'trainer.log');
    const told = [
      'The trainer exited with code 9.',
      "See the run's trainer.log for the cause, then run again.",
      ...[5, 6, 7, 8].map((line) => `  line ${line}`),
      `Full log: ${log}`,
    ].join('\n');
    expect(stderr).toContain(`error: ${told}\n`);
    const { stdout } = await place.tricks(['show', 'last']);
    expect(stdout).toContain(`Failed: ${told}\n`);
  });

  it('with --json ends its events with the failure', async () => {
    const { tricks, write, replaceTrainer } = await work();
    await write(FILE, experimentText());
    await replaceTrainer('process.exit(9);');
    const { code, stdout, stderr } = await tricks(['run', FILE, '--json']);
    expect(code).toBe(1);
    expect(eventsIn(stdout).map(({ type }) => type)).toEqual(['failed']);
    expect(stderr).toContain('exited with code 9');
  });

  it('because its trainer was killed during training keeps its metrics', async () => {
    const place = await work();
    await place.write(FILE, ENDLESS);
    const running = place.start(['run', FILE, '--json']);
    await untilTraining(running);
    const { id } = await place.manifest();
    const lease = await readLease(join(place.folder, '.bag-of-tricks/runs', id));
    process.kill(lease?.holder?.pid as number, 'SIGKILL');
    await expectFailure(place, running.outcome, 'The trainer was killed by SIGKILL.');
    const types = eventsIn(running.stdout()).map(({ type }) => type);
    expect(types).toContain('step');
    expect(types.at(-1)).toBe('failed');
  });
});

describe('tricks export', () => {
  const RESNET = experimentText({
    data: '{ dataset: synthetic, train_images: 32, validation_images: 16, height: 32, width: 32, channels: 3, classes: 4, batch_size: 16 }',
    model: '{ name: resnet18, width: 4 }',
    schedule: '{ epochs: 1 }',
  });

  it("writes a run's weights for PyTorch, and replaces a file only if told to", async () => {
    const { folder, tricks, write } = await work();
    await write(FILE, RESNET);
    expect((await tricks(['run', FILE])).code).toBe(0);
    const { code, stdout, stderr } = await tricks(['export', 'last', '--weights', 'w.safetensors']);
    expect([code, stderr]).toEqual([
      0,
      'torchvision has no resnet18-A, width 4.\ntimm has no resnet18-A, width 4. Available widths: 64.\n',
    ]);
    expect(stdout).toMatch(
      /^Wrote w\.safetensors: the weights after 2 steps, 122 tensors with [\d,]+ values, under Bag of Tricks's names\.$/m,
    );
    expect(stdout).toContain('the weights after 2 steps, ');
    const { tensors } = decodeSafetensors(await readFile(join(folder, 'w.safetensors')));
    const found = (name: string) => tensors.find((tensor) => tensor.name === name);
    expect(found('conv1.weight')?.shape).toEqual([4, 3, 7, 7]);
    expect([...(found('bn1.num_batches_tracked')?.values ?? [])]).toEqual([2]);
    expect(await tricks(['export', 'last', '--weights', 'w.safetensors'])).toEqual(
      badInput('error: w.safetensors already exists.', 'Choose another name, or overwrite it with --force.'),
    );
    const again = await tricks([
      'export',
      'last',
      '--weights',
      'w.safetensors',
      '--checkpoint',
      'best',
      '--force',
    ]);
    expect(again.code).toBe(0);
    expect((await tricks(['export', 'last', '--weights', 'new/w.safetensors'])).code).toBe(0);
    expect(await readdir(join(folder, 'new'))).toEqual(['w.safetensors']);
  });

  const checkpoints = async ({
    folder,
    manifest,
  }: Pick<Awaited<ReturnType<typeof work>>, 'folder' | 'manifest'>) =>
    dirname(lastCheckpointPath(join(folder, '.bag-of-tricks/runs', (await manifest()).id)));

  it('exports the checkpoint before a damaged last one, and says so', async () => {
    const place = await work();
    const { folder, tricks, write } = place;
    await write(FILE, RESNET.replace('epochs: 1', 'epochs: 2'));
    expect((await tricks(['run', FILE])).code).toBe(0);
    const path = join(await checkpoints(place), 'last.safetensors');
    const bytes = await readFile(path);
    bytes[bytes.length - 1] = 0xff - (bytes[bytes.length - 1] ?? 0);
    await writeFile(path, bytes);
    const { code, stdout, stderr } = await tricks(['export', 'last', '--weights', 'w.safetensors']);
    expect(code).toBe(0);
    expect(stdout).toContain('the weights after 2 steps, ');
    expect(stderr).toContain(
      `The checkpoint ${path} cannot be read: Its checksum is wrong. Exporting the previous checkpoint instead.\n`,
    );
    const { tensors } = decodeSafetensors(await readFile(join(folder, 'w.safetensors')));
    expect(tensors).toHaveLength(122);
    await rm(path);
    const again = await tricks(['export', 'last', '--weights', 'w.safetensors', '--force']);
    expect(again).toMatchObject({ code: 0, stdout });
  });

  it('with --average exports the moving average of a run that has one', async () => {
    const place = await work();
    const { folder, tricks, write } = place;
    await write(FILE, `${RESNET.replace('tricks: { zero_gamma: true }', 'tricks: { ema: true }')}`);
    expect((await tricks(['run', FILE])).code).toBe(0);
    const { code, stdout } = await tricks(['export', 'last', '--weights', 'w.safetensors', '--average']);
    expect([code, stdout]).toEqual([
      0,
      expect.stringMatching(/^Wrote w\.safetensors: the EMA weights after 2 steps, 122 tensors with .*\.\n$/),
    ]);
    const exported = decodeSafetensors(await readFile(join(folder, 'w.safetensors')));
    const last = await readCheckpoint(join(await checkpoints(place), 'last.safetensors'));
    // One value per axis: no layout changes its order.
    const scale = (file: Pick<typeof last, 'tensors'>, name: string) =>
      [...(file.tensors.find((tensor) => tensor.name === name)?.values ?? [])].map(Number);
    expect(scale(exported, 'bn1.weight')).toEqual(scale(last, 'average.bn1.weight'));
    expect(scale(exported, 'bn1.weight')).not.toEqual(scale(last, 'bn1.weight'));
    expect(
      await tricks(['export', 'last', '--weights', 'v.safetensors', '--average', '--checkpoint', 'best']),
    ).toEqual(
      badInput(
        'error: The best checkpoint has no EMA weights.',
        'Export the EMA weights of the last checkpoint: --average --checkpoint last',
      ),
    );
    await write('plain.yaml', RESNET);
    expect((await tricks(['run', 'plain.yaml'])).code).toBe(0);
    expect(await tricks(['export', 'last', '--weights', 'v.safetensors', '--average'])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('has no EMA weights: it was trained without the trick ema.'),
    });
  });

  it('prints the command of another system, and nothing else on standard output', async () => {
    const { tricks, write } = await work();
    await write(FILE, RESNET);
    expect((await tricks(['run', FILE])).code).toBe(0);
    const { code, stdout, stderr } = await tricks([
      ...['export', 'last', '--recipe', 'timm', '--weights', 'w.safetensors'],
    ]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^# small, as timm's train\.py trains it\npython train\.py \\\n {2}--/);
    expect(stdout).toContain('  --model resnet18 \\\n');
    expect(stdout).not.toContain('Wrote');
    expect(stderr).toContain('Wrote w.safetensors');
  });

  it('refuses what cannot be exported, and says what to do', async () => {
    const { tricks, write, manifest, folder } = await work();
    await write(
      FILE,
      experimentText({
        model: '{ name: resnet50, width: 4 }',
        tricks: '{ resnet_d: true }',
        data: '{ dataset: synthetic, train_images: 16, validation_images: 16, height: 64, width: 64, channels: 3, classes: 4, batch_size: 16 }',
        schedule: '{ epochs: 1 }',
      }),
    );
    expect((await tricks(['run', FILE])).code).toBe(0);
    expect(await tricks(['export', 'last'])).toEqual(
      badInput(
        'error: There is nothing to export.',
        'Add one or more of --onnx FILE.onnx, --timm-folder FOLDER, --weights FILE.safetensors and --recipe timm.',
      ),
    );
    expect(await tricks(['export', 'last', '--weights', 'w.safetensors', '--format', 'torchvision'])).toEqual(
      badInput(
        'error: torchvision has no resnet50-D.',
        'Export it as ONNX (--onnx FILE.onnx), or omit --format to export it under its own names.',
      ),
    );
    expect((await tricks(['export', 'last', '--weights', 'w.safetensors', '--format', 'timm'])).code).toBe(0);
    const { id } = await manifest();
    const checkpoint = lastCheckpointPath(join(folder, '.bag-of-tricks/runs', id));
    await writeFile(checkpoint, 'broken');
    const damaged = await tricks(['export', id, '--weights', 'v.safetensors']);
    expect([damaged.code, damaged.stderr]).toEqual([2, expect.stringContaining('cannot be read: ')]);
    await rm(checkpoint);
    expect(await tricks(['export', id, '--weights', 'v.safetensors'])).toEqual(
      badInput(
        `error: The run ${id} has no checkpoint yet.`,
        'The first checkpoint is saved at the end of the first epoch.',
      ),
    );
  });
});
