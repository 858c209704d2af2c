import { spawnSync } from 'node:child_process';
import { mkdtemp, readdir, readFile, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { until } from '../runs/support';
import { tricksTests } from './tricks';

const work = tricksTests();

/** Whether Python can make virtual environments: Debian's needs a package for that. */
const hasVenv = spawnSync('python3', ['-m', 'venv', '--help']).status === 0;

/** Trains nothing, but logs like a training of two epochs with three steps each. */
const SCRIPT = `const seed = Number(process.argv[process.argv.indexOf('--seed') + 1]);
const log = (line) => console.log(JSON.stringify(line));
console.log('Not a metric: the seed is ' + seed);
for (let step = 0; step < 6; step++) {
  log({ step, epoch: Math.floor(step / 3), loss: 2 - 0.1 * step, lr: 0.5, total_steps: 6 });
  if (step % 3 === 2) log({ epoch: Math.floor(step / 3), validation_loss: 1, validation_accuracy: (40 + step + seed) / 100 });
}
`;

const experiment = (more = '') => `name: other
trainer:
  command: [${JSON.stringify(process.execPath)}, train.mjs, --seed, '\${seed}']
  system: generic
${more}seed: 3
`;

async function training(text = experiment()) {
  const place = await work();
  await place.write('train.mjs', SCRIPT);
  await place.write('other.experiment.yaml', text);
  const runs = join(place.folder, '.bag-of-tricks/runs');
  const runFile = async (name: string) => readFile(join(runs, (await readdir(runs))[0] ?? '', name), 'utf8');
  return { ...place, runs, runFile };
}

describe('tricks run, with an experiment that a command trains', () => {
  it('runs the command, shows its metrics as they come, and keeps them as a run', async () => {
    const { tricks, runFile } = await training();
    const { code, stdout, stderr } = await tricks(['run', 'other.experiment.yaml']);
    expect(stderr).toBe('');
    expect(code).toBe(0);
    const lines = stdout.split('\n');
    expect(lines).toContainEqual(
      expect.stringMatching(/^Epoch 1: .*validation loss 1\.0000, accuracy 45\.00%/),
    );
    expect(lines).toContainEqual(
      expect.stringMatching(/^Done: validation accuracy 48\.00% \(best 48\.00%\) after 2 epochs in /),
    );
    expect(stdout).not.toContain('tricks export');
    const { recipe, state } = JSON.parse(await runFile('run.json'));
    expect(recipe).toMatchObject({
      kind: 'command',
      seed: 3,
      command: [process.execPath, 'train.mjs', '--seed', '3'],
    });
    expect(state).toMatchObject({ status: 'done', result: { epochs: 2, validationAccuracy: 0.48 } });
    expect(await runFile('trainer.log')).toContain('Not a metric: the seed is 3');
    const events = (await runFile('metrics.ndjson'))
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(events.findLast(({ type }) => type === 'step')).toMatchObject({
      step: 5,
      loss: 1.5,
      learningRate: 0.5,
    });

    const shown = await tricks(['show', 'last']);
    expect(shown.stdout).toMatch(/^Command +.* train\.mjs --seed 3$/m);
    expect((await tricks(['runs'])).stdout).toMatch(/ other +done +48\.00% /);
    const refused = await tricks(['export', 'last', '--onnx', 'model.onnx']);
    expect(refused.code).toBe(2);
    expect(refused.stderr).toContain('was trained by a command');
  });

  it('takes settings of the command line, into the command as well', async () => {
    const { tricks, runFile } = await training();
    expect((await tricks(['run', 'other.experiment.yaml', '--set', 'seed=7'])).code).toBe(0);
    expect(await runFile('trainer.log')).toContain('Not a metric: the seed is 7');
  });

  it('says where a value of a placeholder is set', async () => {
    const { tricks } = await training(
      experiment('  values: { lr: 0.1 }\n').replace(`'\${seed}'`, `'\${seed}', '\${lr}'`),
    );
    const { code, stderr } = await tricks(['run', 'other.experiment.yaml', '--set', 'lr=0.2']);
    expect({ code, stderr }).toEqual({
      code: 2,
      stderr: '--set lr=0.2: error: Unknown key lr. Write it as trainer.values.lr instead.\n',
    });
    const set = ['--set', 'trainer.values.lr=0.2'];
    expect((await tricks(['run', 'other.experiment.yaml', ...set])).code).toBe(0);
  });

  it('says that a regular expression may read epochs from 1 as epochs from 0', async () => {
    const { tricks, write } = await training();
    await write(
      'train.mjs',
      "for (const epoch of [1, 2]) console.log('epoch ' + epoch + ' acc 0.' + epoch);",
    );
    const note =
      'The first epoch in the output is 1. If the program counts epochs from 1, add first_epoch: 1';
    const run = async (more: string) => {
      const metrics = `{ stdout: 'epoch (?<epoch>\\d+) acc (?<validation_accuracy>\\S+)'${more} }`;
      await write('other.experiment.yaml', experiment(`  metrics: ${metrics}\n`));
      return (await tricks(['run', 'other.experiment.yaml'])).stdout;
    };
    expect(await run('')).toContain(note);
    const counted = await run(', first_epoch: 1');
    expect(counted).toContain('Epoch 2: ');
    expect(counted).not.toContain(note);
  });

  it('lists the epochs of a run that goes on, and says that a stopped one would start over', async () => {
    const { tricks, start, write } = await training();
    await write(
      'train.mjs',
      'console.log(JSON.stringify({ epoch: 0, validation_accuracy: 0.4 })); setInterval(() => {}, 1000);',
    );
    const run = start(['run', 'other.experiment.yaml']);
    await until(async () => run.stdout().includes('Epoch 1: '));
    expect((await tricks(['runs'])).stdout).toMatch(/ running +40\.00% +1\/- /);
    const pause = await tricks(['pause', 'last']);
    expect(pause).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('Add trainer.checkpoint and trainer.resume'),
    });
    const stop = await tricks(['stop', 'last']);
    expect(stop.stdout).toMatch(/^Stopped .*\. Its command cannot resume\. To start over: tricks resume /);
    const { code, stdout } = await run.outcome;
    expect(code).toBe(130);
    expect(stdout).toContain('Stopped. The command cannot resume. To start over: tricks resume ');
  });

  it('prints the problems of the file in their places, and runs nothing', async () => {
    const { tricks, runs } = await training(experiment('  sistem: timm\n'));
    const { code, stderr } = await tricks(['run', 'other.experiment.yaml']);
    expect(code).toBe(2);
    expect(stderr).toMatch(/^other\.experiment\.yaml:5:3: .*sistem/);
    await expect(readdir(runs)).rejects.toThrow('ENOENT');
  });

  it('runs a command outside of the folder of the runs only where that is allowed', async () => {
    const outside = await realpath(await mkdtemp(join(tmpdir(), 'bag-of-tricks-outside-')));
    onTestFinished(() => rm(outside, { recursive: true }));
    await writeFile(join(outside, 'train.mjs'), SCRIPT);
    const { tricks, folder } = await training(experiment(`  working_directory: ${outside}\n`));
    const refused = await tricks(['run', 'other.experiment.yaml', '--folder', folder]);
    expect(refused.code).toBe(2);
    expect(refused.stderr).toContain(`tricks allow ${outside}`);
    expect(
      (await tricks(['run', 'other.experiment.yaml', '--folder', folder, '--allow', outside])).code,
    ).toBe(0);
  });

  it('fails with the last line of the command, if that fails', async () => {
    const { tricks, write } = await training();
    await write('train.mjs', "throw new Error('There are no images in pets.');");
    const { code, stderr } = await tricks(['run', 'other.experiment.yaml']);
    expect(code).toBe(1);
    expect(stderr).toContain('There are no images in pets.');
  });

  it('prints its recipe, and asks for no working directory', async () => {
    const { tricks, runs } = await training(experiment('  working_directory: /nowhere\n'));
    const { code, stdout, stderr } = await tricks(['resolve', 'other.experiment.yaml', '--set', 'seed=4']);
    expect(stderr).toBe('');
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      kind: 'command',
      command: [process.execPath, 'train.mjs', '--seed', '4'],
      workingDirectory: '/nowhere',
    });
    await expect(readdir(runs)).rejects.toThrow('ENOENT');
  });

  it('is refused a range test of its learning rate, and the remedy is a search', async () => {
    const { tricks, runs } = await training();
    const { code, stderr } = await tricks(['lr-find', 'other.experiment.yaml']);
    expect(code).toBe(2);
    expect(stderr).toBe(
      'error: other.experiment.yaml trains by a command, whose learning rate cannot be raised step by step.\n' +
        `Search for a good one with tricks tune: write \${lr} in the command, values: { lr: 0.1 } under trainer, and search over trainer.values.lr.\n`,
    );
    await expect(readdir(runs)).rejects.toThrow('ENOENT');
  });

  it.each(['schedule', 'inspect', 'data'])('has nothing for tricks %s to show', async (command) => {
    const { tricks } = await training();
    const { code, stderr } = await tricks([command, 'other.experiment.yaml']);
    expect(code).toBe(2);
    expect(stderr).toMatch(/^other\.experiment\.yaml:2:1: error: This experiment trains by a command\./);
  });

  it.each([['test'], ['predict', 'a.png']])('has no network for tricks %s', async (command, ...more) => {
    const { tricks } = await training();
    expect((await tricks(['run', 'other.experiment.yaml'])).code).toBe(0);
    const { code, stderr } = await tricks([command, 'last', ...more]);
    expect(code).not.toBe(0);
    expect(stderr).toContain('was trained by a command');
    const pause = await tricks(['pause', 'last']);
    expect(pause.stderr).toContain('The run is not running.');
  });

  it('trains from the queue', async () => {
    const { tricks, runFile } = await training();
    expect((await tricks(['queue', 'add', 'other.experiment.yaml'])).code).toBe(0);
    expect((await tricks(['queue', 'start'])).stdout).toMatch(/^Done .*: validation accuracy 48\.00%$/m);
    expect(JSON.parse(await runFile('run.json')).state.status).toBe('done');
  });

  it.skipIf(!hasVenv)('shows which Python ran the command and why', async () => {
    const { tricks, folder, write, runFile } = await training(
      experiment().replace(/command: .*/, 'command: [python3, train.py]'),
    );
    await write('train.py', 'import sys; print(sys.executable)');
    spawnSync('python3', ['-m', 'venv', '--without-pip', join(folder, '.venv')]);
    const env = { VIRTUAL_ENV: '', CONDA_PREFIX: '', BAG_OF_TRICKS_PYTHON: '' };
    const { code, stdout } = await tricks(['run', 'other.experiment.yaml'], { env });
    expect(code).toBe(0);
    const python = `${join(folder, '.venv/bin/python')} (virtual environment in the working directory)`;
    expect(stdout).toContain(`Python: ${python}\n`);
    expect((await tricks(['show', 'last'])).stdout).toContain(`\nPython      ${python}\n`);
    expect(JSON.parse((await tricks(['show', 'last', '--json'])).stdout).python).toEqual({
      path: join(folder, '.venv/bin/python'),
      because: 'virtual environment in the working directory',
    });
    expect(await runFile('trainer.log')).toContain(`\n${join(folder, '.venv/bin/python')}\n`);
  });

  it('says that a Python which is named does not exist', async () => {
    const { tricks } = await training();
    const env = { BAG_OF_TRICKS_PYTHON: '/no/such/python' };
    const { code, stderr } = await tricks(['run', 'other.experiment.yaml'], { env });
    expect(code).toBe(1);
    expect(stderr).toContain('The variable BAG_OF_TRICKS_PYTHON is /no/such/python, which does not exist.');
  });

  it('shows output without metrics as it is, what to do about it, and where the log is', async () => {
    const { tricks, write, runs } = await training();
    await write('train.mjs', "console.log('a picture of a cat');");
    for (const args of [
      ['run', 'other.experiment.yaml'],
      ['show', 'last'],
    ]) {
      const { code, stdout } = await tricks(args);
      expect(code).toBe(0);
      expect(stdout).toContain('No metrics were found in the output, which is in trainer.log as it is.\n');
      expect(stdout).toContain('Describe the metrics under trainer.metrics in the experiment file');
      expect(stdout).toContain('\n  a picture of a cat\n');
      expect(stdout).toContain(`Full log: ${runs}`);
    }
  });
});
