import { spawnSync } from 'node:child_process';
import { chmod, mkdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { RunEvent } from '../../../src/protocol/events';
import { TRAINER_EXIT } from '../../../src/protocol/trainer';
import { isOwnRun, takeOn } from '../../../src/runs/origin';
import { readManifest, trainerLogPath, writeManifest } from '../../../src/runs/store';
import { startRun } from '../../../src/runs/supervisor';
import { allowFolder, revokeFolder } from '../../../src/system/allowedFolders';
import { temporaryFolder } from '../runs/support';
import type { TrainerProcess } from '../trainer/trainerProcess';
import { commandTests } from './commandRuns';

const tests = commandTests();
const { start } = tests;

/** Python's tests are skipped where there is none. The trainer itself needs none. */
const hasPython = spawnSync('python3', ['--version']).status === 0;

const finalOf = async (trainer: TrainerProcess) => (await trainer.events()).at(-1);

/** Waits for a training that fails. Returns its failure. */
async function failureOf(trainer: TrainerProcess) {
  expect(await trainer.exited).toEqual({ code: TRAINER_EXIT.failed, signal: null });
  const final = await finalOf(trainer);
  if (final?.type !== 'failed') throw new Error(`The run ended as ${final?.type}: ${trainer.output}`);
  return final.failure;
}

const ofType = <Type extends RunEvent['type']>(events: readonly RunEvent[], type: Type) =>
  events.filter((event): event is Extract<RunEvent, { type: Type }> => event.type === type);

const EPOCHS = `
  say({ total_epochs: 2, total_steps: 4 });
  for (let step = 0; step < 4; step++) {
    say({ step, epoch: step >> 1, loss: 1 / (step + 1), learning_rate: 0.1 });
    if (step % 2) say({ step, epoch: step >> 1, validation_accuracy: 0.5 + step / 10, validation_loss: 2 });
  }
`;

describe('a command that trains to its end', () => {
  test('has its metrics, its result and its output kept', async () => {
    const trainer = start(await tests.script(`${EPOCHS} console.error('to stderr');`, { epochs: 2 }));
    expect(await trainer.exited).toEqual({ code: TRAINER_EXIT.done, signal: null });
    const events = await trainer.events();
    expect(ofType(events, 'started')).toMatchObject([
      { engine: null, epochs: 2, stepsPerEpoch: 2, totalSteps: 4, parameters: null },
    ]);
    expect(ofType(events, 'epoch')).toMatchObject([
      { epoch: 0, step: 2, validationAccuracy: 0.6, validationLoss: 2 },
      { epoch: 1, step: 4, validationAccuracy: 0.8, validationLoss: 2 },
    ]);
    expect(ofType(events, 'step').at(-1)).toMatchObject({ step: 3, epoch: 1, loss: 0.25 });
    const final = events.at(-1);
    expect(final).toMatchObject({
      type: 'done',
      result: { epochs: 2, validationAccuracy: 0.8, bestValidationAccuracy: 0.8, validationLoss: 2 },
    });
    expect(final).not.toHaveProperty('result.notes');
    expect(await trainer.manifest()).toMatchObject({ engine: null, state: { status: 'done' } });
    expect(trainer.output).toContain('to stderr\n');
    expect(trainer.messages[0]).toMatchObject({ type: 'hello', pid: trainer.child.pid });
    expect(trainer.messages.at(-1)).toMatchObject({ type: 'appended' });
  });

  test('writes metrics into a file, and each is taken once', async () => {
    const trainer = start(
      await tests.script(
        `
          fs.mkdirSync(join(folder, 'out'));
          const file = join(folder, 'out/metrics.csv');
          let text = 'epoch,acc,loss\\n';
          let epoch = 0;
          const next = () => {
            text += epoch + ',' + (50 + epoch) + ',1\\n';
            fs.writeFileSync(file, text);
            say({ step: epoch, epoch });
            if (++epoch < 4) setTimeout(next, 30);
          };
          next();
        `,
        {
          metrics: {
            ...{ kind: 'csv', path: 'out/metrics.csv', percent: true, firstEpoch: 0 },
            names: { epoch: 'epoch', validation_accuracy: 'acc', loss: 'loss' },
          },
        },
      ),
    );
    await trainer.exited;
    const events = await trainer.events();
    expect(
      ofType(events, 'epoch').map(({ epoch, validationAccuracy }) => [epoch, validationAccuracy]),
    ).toEqual([
      [0, 0.5],
      [1, 0.51],
      [2, 0.52],
      [3, 0.53],
    ]);
    expect(events.at(-1)).toMatchObject({ type: 'done', result: { epochs: 4, validationAccuracy: 0.53 } });
  });

  test('is done without metrics if its output is not understood, and says so', async () => {
    const trainer = start(await tests.script(`say('a picture of a cat'); say('{"broken');`));
    expect(await trainer.exited).toEqual({ code: TRAINER_EXIT.done, signal: null });
    expect(await finalOf(trainer)).toMatchObject({
      type: 'done',
      result: {
        epochs: 0,
        validationAccuracy: null,
        notes: [
          'No metrics were found in the output, which is in trainer.log as it is.',
          'Describe the metrics under trainer.metrics in the experiment file, or let the command print JSON lines.',
        ],
        output: 'a picture of a cat\n{"broken',
      },
    });
    expect(trainer.output).toContain('a picture of a cat');
  });

  test('is done although its file of metrics is broken', async () => {
    const trainer = start(
      await tests.script(`fs.writeFileSync(join(folder, 'm.csv'), 'epoch,"acc\\n1,2,3\\0\\xff\\n"""');`, {
        metrics: {
          ...{ kind: 'csv', path: 'm.csv', percent: true, firstEpoch: 0 },
          names: { epoch: 'epoch', validation_accuracy: 'acc' },
        },
      }),
    );
    expect(await trainer.exited).toEqual({ code: TRAINER_EXIT.done, signal: null });
  });

  test('has no metrics from a file that a link leads to', async () => {
    const elsewhere = join(await temporaryFolder(), 'm.jsonl');
    await writeFile(elsewhere, '{"epoch": 0, "validation_accuracy": 0.5}\n');
    const folder = await tests.script('', { metrics: { kind: 'json_lines', path: 'm.jsonl' } });
    await symlink(elsewhere, join(folder, 'm.jsonl'));
    const trainer = start(folder);
    await trainer.exited;
    expect(ofType(await trainer.events(), 'epoch')).toEqual([]);
  });

  test('gets its folder, its environment and nothing of ours', async () => {
    const folder = await tests.script(
      `say(JSON.stringify({ args: process.argv.slice(2), cwd: process.cwd(), env: process.env }));`,
      { environment: { SEED: '7' } },
    );
    const reading = await readManifest(folder);
    if (!reading.ok || !('command' in reading.manifest.recipe)) throw new Error('It is no run of a command.');
    const { recipe } = reading.manifest;
    const changed = {
      ...reading.manifest,
      recipe: { ...recipe, command: [...recipe.command, '--out', `\${run.folder}/out`, '; exit 3', '*'] },
    };
    await writeManifest(folder, changed);
    await takeOn({ folder, manifest: changed });
    const trainer = start(folder, { CUDA_VISIBLE_DEVICES: '1', HIP_VISIBLE_DEVICES: '0' });
    await trainer.exited;
    const line = trainer.output.split('\n').find((each) => each.startsWith('{'));
    const { args, cwd, env } = JSON.parse(line ?? '');
    expect(args).toEqual(['--out', `${folder}/out`, '; exit 3', '*']);
    expect(cwd).toBe(tests.store);
    expect(env).toMatchObject({ SEED: '7', CUDA_VISIBLE_DEVICES: '1', HIP_VISIBLE_DEVICES: '0' });
    expect(env).toMatchObject({ PYTHONUNBUFFERED: '1' });
    expect(env).not.toHaveProperty('NODE_CHANNEL_FD');
  });
});

describe('a loss that is not a number', () => {
  test('for the whole last epoch fails the run as diverged, after the command has gone on to its end', async () => {
    const trainer = start(
      await tests.script(`
        say({ step: 0, epoch: 0, loss: 1 });
        for (let step = 1; step < 5; step++) say('{"step": ' + step + ', "epoch": 1, "loss": NaN, "lr": 0.1}');
        say('the end');
      `),
    );
    expect(await failureOf(trainer)).toMatchObject({
      kind: 'diverged',
      what: expect.stringContaining('NaN'),
    });
    expect(trainer.output).toContain('the end');
    const steps = ofType(await trainer.events(), 'step');
    expect(steps.at(-1)).toMatchObject({ step: 4, learningRate: 0.1 });
    expect(steps.at(-1)).not.toHaveProperty('loss');
  });

  test('in one step does not', async () => {
    const trainer = start(
      await tests.script(`say('{"step": 0, "epoch": 0, "loss": NaN}'); say({ step: 1, epoch: 0, loss: 1 });`),
    );
    expect(await trainer.exited).toEqual({ code: TRAINER_EXIT.done, signal: null });
  });
});

describe('a command that prints 200 MB', () => {
  test('leaves a log of bounded size, with its start and its end, and all its epochs', async () => {
    const folder = await tests.script(`
      const filler = ('x'.repeat(99) + '\\n').repeat(10_000);
      say('the start');
      for (let part = 0; part < 200; part++) {
        fs.writeSync(1, filler);
        say({ step: part, epoch: part, validation_accuracy: part / 200 });
      }
      say('the end');
    `);
    const trainerPath = join(dirname(tests.trainerPath), 'trainer.js');
    const handle = startRun(folder, { nodePath: process.execPath, trainerPath });
    tests.endWith(() => handle.kill());
    expect(await handle.exited).toMatchObject({
      status: 'done',
      result: { epochs: 200, validationAccuracy: 0.995 },
    });
    const log = trainerLogPath(folder);
    const { size } = await stat(log);
    expect(size).toBeGreaterThan(15 << 20);
    expect(size).toBeLessThan((16 << 20) + 1000);
    const text = await readFile(log, 'utf8');
    expect(text).toMatch(/^(?:Python: .*\n)?Running .*\nthe start\n/);
    expect(text).toMatch(/\n\.\.\. \d+ MiB of the output are left out here \.\.\.\n/);
    expect(text.endsWith('the end\n')).toBe(true);
  });
});

describe('a command that fails', () => {
  test('at once, says how it ended, and keeps its last lines', async () => {
    const trainer = start(await tests.script(`console.error('no images'); process.exitCode = 3;`));
    const failure = await failureOf(trainer);
    expect(failure.what).toBe('The command exited with code 3.');
    expect(failure.log).toContain('no images');
  });

  test('by a signal, says which', async () => {
    const trainer = start(await tests.script(`process.kill(process.pid, 'SIGSEGV'); stay();`));
    expect((await failureOf(trainer)).what).toBe('The command was killed by SIGSEGV.');
  });

  test('by SIGKILL, asks who killed it, or for less memory', async () => {
    const trainer = start(
      await tests.script(`process.kill(process.pid, 'SIGKILL'); stay();`, {
        ...{ system: 'timm', metrics: { kind: 'auto' } },
        command: [process.execPath, 'train.cjs', '-b', '256'],
      }),
    );
    const failure = await failureOf(trainer);
    // Another program on this machine may lack memory meanwhile.
    expect(`${failure.what} ${failure.remedy}`).toMatch(
      /killed by SIGKILL\. Look for|ran out of memory\. .*\(-b\)/,
    );
  });

  test('because its program does not exist, says so', async () => {
    const trainer = start(await tests.queue({ command: ['no-such-trainer', '--epochs', '1'] }));
    const failure = await failureOf(trainer);
    expect(failure.what).toBe('Cannot find no-such-trainer.');
  });

  test('because Python does not exist, says what to do', async () => {
    const trainer = start(await tests.queue({ command: ['python', 'train.py'] }), {
      BAG_OF_TRICKS_PYTHON: '/no/such/python',
    });
    const failure = await failureOf(trainer);
    expect(failure.what).toBe('The variable BAG_OF_TRICKS_PYTHON is /no/such/python, which does not exist.');
    expect(failure.remedy).toContain('BAG_OF_TRICKS_PYTHON');
  });

  test('because its program is not executable, says so', async () => {
    await writeFile(join(tests.store, 'train.sh'), '#!/bin/sh\n');
    await chmod(join(tests.store, 'train.sh'), 0o644);
    const trainer = start(await tests.queue({ command: ['./train.sh'] }));
    expect((await failureOf(trainer)).what).toContain('is not executable');
  });

  test('because its program is a folder, says so', async () => {
    const trainer = start(await tests.queue({ command: ['./'] }));
    expect((await failureOf(trainer)).what).toMatch(/ is a folder, not a program\.$/);
  });

  test('because its working directory does not exist, says so', async () => {
    const trainer = start(await tests.script('', { workingDirectory: 'code' }));
    expect((await failureOf(trainer)).what).toContain('code of the command does not exist');
  });

  test.skipIf(!hasPython)('with a Python traceback, has its last line as the reason', async () => {
    await writeFile(join(tests.store, 'train.py'), 'print("epoch")\nraise ValueError("too many classes")\n');
    const trainer = start(await tests.queue({ command: ['python3', 'train.py'] }));
    const failure = await failureOf(trainer);
    expect(failure.what).toBe('ValueError: too many classes');
    expect(failure.log).toContain('Traceback');
  });

  test.skipIf(!hasPython)('because of a missing module, names it and the interpreter', async () => {
    await writeFile(join(tests.store, 'train.py'), 'import no_such_module\n');
    const python = spawnSync('python3', ['-c', 'import sys; print(sys.executable)'], { encoding: 'utf8' });
    const interpreter = python.stdout.trim();
    const trainer = start(await tests.queue({ command: ['python', 'train.py'] }), {
      BAG_OF_TRICKS_PYTHON: interpreter,
    });
    const { what, remedy } = await failureOf(trainer);
    expect(what).toBe("ModuleNotFoundError: No module named 'no_such_module'");
    expect(remedy).toContain(interpreter);
    expect(remedy).toContain('no_such_module');
  });
});

describe('a command that is silent', () => {
  test('shows that, until it prints again', async () => {
    const trainer = start(
      await tests.script(`
        const wait = () => (fs.existsSync(join(folder, 'go')) ? say({ step: 0, epoch: 0, loss: 1 }) : setTimeout(wait, 10));
        wait();
      `),
      { BAG_OF_TRICKS_SILENCE_MS: '50' },
    );
    await expect
      .poll(async () => ofType(await trainer.events(), 'preparing').map(({ what }) => what))
      .toContainEqual(expect.stringContaining('No output for'));
    await writeFile(join(trainer.folder, 'go'), '');
    await trainer.exited;
    const notes = ofType(await trainer.events(), 'preparing').map(({ what }) => what);
    // It may be silent again while it ends.
    const silent = notes.findIndex((what) => what.startsWith('No output'));
    expect(notes.slice(silent)).toContainEqual(expect.stringMatching(/^Running /));
  });
});

describe('consent', () => {
  test('is needed for a working directory outside the folder with the runs', async () => {
    const outside = await temporaryFolder();
    await writeFile(join(outside, 'train.cjs'), '');
    const trainer = start(await tests.script('', { workingDirectory: outside }));
    const failure = await failureOf(trainer);
    expect(failure.what).toContain(outside);
    expect(failure.remedy).toContain('tricks allow');
    await allowFolder(outside);
    onTestFinished(async () => void (await revokeFolder(outside)));
    const second = start(await tests.script('', { workingDirectory: outside }));
    expect(await second.exited).toEqual({ code: TRAINER_EXIT.done, signal: null });
  });

  test('is needed for one that a link leads to', async () => {
    await symlink(await temporaryFolder(), join(tests.store, 'code'));
    const trainer = start(await tests.script('', { workingDirectory: 'code' }));
    expect((await failureOf(trainer)).remedy).toContain('tricks allow');
  });

  test('is needed for a command that came with its folder, or was changed there', async () => {
    const folder = await tests.script(`fs.writeFileSync(join(folder, 'ran'), '');`);
    const reading = await readManifest(folder);
    if (!reading.ok) throw new Error(reading.reason);
    const { manifest } = reading;
    expect(await isOwnRun({ folder, manifest })).toBe(true);
    const environment = { NODE_OPTIONS: '--require ./evil.js' };
    const changed = { ...manifest, recipe: { ...manifest.recipe, environment } as typeof manifest.recipe };
    await writeManifest(folder, changed);
    const trainer = start(folder);
    expect((await failureOf(trainer)).what).toContain('You did not create these runs here');
    await expect(stat(join(folder, 'ran'))).rejects.toThrow('ENOENT');
  });
});

test('the supervisor starts this trainer on a run of a command, next to the other', async () => {
  await mkdir(join(tests.store, 'sub'));
  const folder = await tests.script(EPOCHS);
  const trainerPath = join(dirname(tests.trainerPath), 'trainer.js');
  const handle = startRun(folder, { nodePath: process.execPath, trainerPath });
  tests.endWith(() => handle.kill());
  const types: string[] = [];
  handle.on('events', ({ events }) => types.push(...events.map(({ type }) => type)));
  onTestFinished(() => void handle.removeAllListeners());
  expect(await handle.exited).toMatchObject({ status: 'done', result: { validationAccuracy: 0.8 } });
  expect(types).toContain('epoch');
});
