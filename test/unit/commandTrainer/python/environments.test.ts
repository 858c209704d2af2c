/** Runs of commands in real Python environments. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { inspectPython } from '../../../../src/commandTrainer/python/finding';
import { pythonText } from '../../../../src/protocol/manifest';
import { TRAINER_EXIT } from '../../../../src/protocol/trainer';
import { readManifest } from '../../../../src/runs/store';
import { commandTests } from '../commandRuns';

const tests = commandTests();
const { PATH = '' } = process.env;
let venv = '';
let folder = '';

/** Makes an environment without pip, which is fast and needs no network. */
function makeVenv(path: string): boolean {
  return spawnSync('python3', ['-m', 'venv', '--without-pip', path]).status === 0;
}

const probe = join(tmpdir(), `bag-of-tricks-venv-${process.pid}`);
const hasVenv = makeVenv(probe);

beforeAll(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), 'python-')));
  venv = join(folder, 'env');
  if (hasVenv) makeVenv(venv);
});
afterAll(async () => {
  await rm(folder, { recursive: true });
  await rm(probe, { recursive: true, force: true });
});

/** A command that prints where it runs. */
const TELL = `import json, os, sys
print(json.dumps({'prefix': sys.prefix, 'python': sys.executable,
  **{name: os.environ.get(name) for name in ('VIRTUAL_ENV', 'CONDA_PREFIX', 'CONDA_DEFAULT_ENV', 'PYTHONHOME', 'PATH')}}))
`;

interface Told {
  readonly prefix: string;
  readonly python: string;
  readonly VIRTUAL_ENV: string | null;
  readonly CONDA_PREFIX: string | null;
  readonly CONDA_DEFAULT_ENV: string | null;
  readonly PATH: string;
}

/** The variables of a shell without any environment. */
const PLAIN = {
  ...{ VIRTUAL_ENV: '', CONDA_PREFIX: '', CONDA_DEFAULT_ENV: '', BAG_OF_TRICKS_PYTHON: '' },
  PATH,
};

/** Runs a command, and returns what it printed and what the run says about its Python. */
async function run(
  command: string[],
  env: Record<string, string> = {},
): Promise<{ told: Told; python: string; log: string }> {
  await writeFile(join(tests.store, 'tell.py'), TELL);
  const trainer = tests.start(await tests.queue({ command }), { ...PLAIN, ...env });
  expect(await trainer.exited).toEqual({ code: TRAINER_EXIT.done, signal: null });
  const reading = await readManifest(trainer.folder);
  const report = reading.ok ? reading.manifest.python : undefined;
  const line = trainer.output.split('\n').find((each) => each.startsWith('{"prefix"'));
  return {
    told: JSON.parse(line ?? 'null'),
    python: report ? pythonText(report) : '',
    log: trainer.output,
  };
}

/** Writes a program for a shell. */
async function program(path: string, text: string): Promise<void> {
  await writeFile(path, `#!/bin/sh\n${text}\n`);
  await chmod(path, 0o755);
}

describe.skipIf(!hasVenv)('a virtual environment', () => {
  test('in the working directory is used, activated, and the run says so', async () => {
    const own = join(tests.store, '.venv');
    makeVenv(own);
    const { told, python, log } = await run(['python', 'tell.py'], { PYTHONHOME: '' });
    expect(told).toMatchObject({ VIRTUAL_ENV: own, PYTHONHOME: null });
    expect(await realpath(told.prefix)).toBe(await realpath(own));
    expect(told.PATH.split(delimiter)[0]).toBe(join(own, 'bin'));
    expect(python).toBe(`${join(own, 'bin/python')} (virtual environment in the working directory)`);
    expect(log).toContain(`Python: ${python}`);
  });

  test.each([
    ['its folder', () => venv],
    ['its Python', () => join(venv, 'bin/python')],
    ['the folder of its programs', () => join(venv, 'bin')],
  ])('is used by the setting, named by %s', async (_, path) => {
    const { told, python } = await run(['python3', 'tell.py'], { BAG_OF_TRICKS_PYTHON_SETTING: path() });
    expect(told).toMatchObject({ prefix: venv, VIRTUAL_ENV: venv });
    expect(python).toBe(`${join(venv, 'bin/python')} (from the setting bagOfTricks.python)`);
  });

  test('named relative to the folder of the runs is found there', async () => {
    makeVenv(join(tests.store, 'mine'));
    const { told } = await run(['python', 'tell.py'], { BAG_OF_TRICKS_PYTHON_SETTING: 'mine' });
    expect(told.VIRTUAL_ENV).toBe(join(tests.store, 'mine'));
  });

  test('that the shell has activated is used, with the programs in it', async () => {
    await program(join(venv, 'bin/torchrun'), 'exec "$(dirname "$0")/python" "$@"');
    const { told, python } = await run(['torchrun', 'tell.py'], { VIRTUAL_ENV: venv });
    expect(told.prefix).toBe(venv);
    expect(python).toBe(`${join(venv, 'bin/python')} (activated virtual environment)`);
    await rm(join(venv, 'bin/torchrun'));
  });

  test('counts if the Python extension selected it, and the setting counts more', async () => {
    const selected = { BAG_OF_TRICKS_PYTHON_SELECTED: join(venv, 'bin/python') };
    expect((await run(['python', 'tell.py'], selected)).python).toContain(
      '(selected in the Python extension)',
    );
    const other = join(tests.store, 'other');
    makeVenv(other);
    const { told } = await run(['python', 'tell.py'], { ...selected, BAG_OF_TRICKS_PYTHON_SETTING: other });
    expect(told.prefix).toBe(other);
  });

  test('without its Python is skipped, and the run says so', async () => {
    await mkdir(join(tests.store, '.venv/bin'), { recursive: true });
    await writeFile(join(tests.store, '.venv/pyvenv.cfg'), '');
    await symlink('/no/such/python', join(tests.store, '.venv/bin/python'));
    const { python } = await run(['python3', 'tell.py']);
    expect(python).toMatch(/ \(first on PATH; .*\.venv is no working Python environment\)$/);
  });

  test('reaches the scripts that a shell runs', async () => {
    await writeFile(join(tests.store, 'train.sh'), 'python tell.py\n');
    const { told } = await run(['sh', 'train.sh'], { BAG_OF_TRICKS_PYTHON: venv });
    expect(told.prefix).toBe(venv);
  });

  test('of conda gets the variables of conda', async () => {
    const prefix = join(folder, 'envs/torch');
    makeVenv(prefix);
    await rm(join(prefix, 'pyvenv.cfg'));
    await mkdir(join(prefix, 'conda-meta'));
    expect(inspectPython(prefix)).toMatchObject({ environment: { kind: 'conda', name: 'torch' } });
    await writeFile(join(tests.store, 'train.sh'), `PYTHONHOME= exec python3 tell.py\n`);
    const { told } = await run(['sh', 'train.sh'], { BAG_OF_TRICKS_PYTHON: prefix });
    expect(told).toMatchObject({ CONDA_PREFIX: prefix, CONDA_DEFAULT_ENV: 'torch', VIRTUAL_ENV: null });
  });
});

describe('a command that chooses its Python itself', () => {
  test.each(['uv', 'conda', 'poetry', 'pixi'])('gets the environment as it is: %s run', async (name) => {
    const bin = join(folder, `bin-${name}`);
    await mkdir(bin);
    await program(
      join(bin, name),
      'shift; echo "{\\"prefix\\": \\"$VIRTUAL_ENV\\", \\"PATH\\": \\"$PATH\\"}"; echo "$@"',
    );
    const path = [bin, PATH].join(delimiter);
    const { told, python, log } = await run([name, 'run', 'python', 'tell.py'], {
      ...{ PATH: path, BAG_OF_TRICKS_PYTHON: '/no/such/python', VIRTUAL_ENV: '/mine' },
    });
    expect(told).toEqual({ prefix: '/mine', PATH: path });
    expect(python).toBe(`chosen by ${name} run`);
    expect(log).toContain('\npython tell.py\n');
  });
});

/** A real uv, if this machine has one. */
const uv = PATH.split(delimiter)
  .map((each) => join(each, 'uv'))
  .find((each) => existsSync(each));

test.skipIf(!uv || !hasVenv)('uv run uses the environment that uv finds', async () => {
  makeVenv(join(tests.store, '.venv'));
  const { told, python } = await run(['uv', 'run', '--no-project', '--offline', 'python', 'tell.py']);
  expect(await realpath(told.prefix)).toBe(await realpath(join(tests.store, '.venv')));
  expect(python).toBe('chosen by uv run');
});

describe('a Python that a person named', () => {
  test.each([
    [
      'BAG_OF_TRICKS_PYTHON_SETTING',
      'no-such',
      'The setting bagOfTricks.python is no-such, which does not exist.',
    ],
    [
      'BAG_OF_TRICKS_PYTHON',
      '/no/such',
      'The variable BAG_OF_TRICKS_PYTHON is /no/such, which does not exist.',
    ],
    [
      'BAG_OF_TRICKS_PYTHON',
      'no/such',
      'The variable BAG_OF_TRICKS_PYTHON is no/such, which is a relative path.',
    ],
    ['BAG_OF_TRICKS_PYTHON', tmpdir(), `${tmpdir()}, but that folder has no Python.`],
  ])('must exist: %s=%s', async (name, value, what) => {
    const trainer = tests.start(await tests.queue({ command: ['bash', 'train.sh'] }), {
      ...PLAIN,
      [name]: value,
    });
    await trainer.exited;
    const reading = await readManifest(trainer.folder);
    const state = reading.ok ? reading.manifest.state : null;
    expect(state).toMatchObject({ status: 'failed', failure: { what: expect.stringContaining(what) } });
  });
});

test('a run without a Python says nothing about it', async () => {
  const { log, python } = await run([process.execPath, '-e', '0'], { PATH: '/nowhere' });
  expect(python).toBe('');
  expect(log).not.toContain('Python:');
});
