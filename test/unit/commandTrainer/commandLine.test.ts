import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { filled, programOutside, readyCommand } from '../../../src/commandTrainer/commandLine';
import type { PythonChoice, PythonEnvironment } from '../../../src/commandTrainer/python/choosing';
import { ATTEMPT, RUN } from '../../../src/runs/lease/commandProcesses';
import { temporaryFolder } from '../runs/support';
import { commandRecipe } from './commandRuns';

const places = { runFolder: '/w/runs/1', attempt: 2, checkpoint: '/w/runs/1/last.pt' };

const NO_PYTHON: PythonChoice = { kind: 'none' };

/** A Python that is chosen by the setting. */
const chosen = (program: string, environment: PythonEnvironment | null = null): PythonChoice => ({
  ...{ kind: 'python', source: 'setting', skipped: [] },
  ...{ program, environment },
});

const VENV = chosen('/venv/bin/python', { kind: 'venv', folder: '/venv', name: '/venv' });

/** Prepares a command on Linux. */
const ready = (
  changes: Parameters<typeof commandRecipe>[0],
  env: NodeJS.ProcessEnv = {},
  { resume = [], python = NO_PYTHON }: { resume?: string[]; python?: PythonChoice } = {},
) =>
  readyCommand(commandRecipe(changes), resume, places, {
    ...{ workingDirectory: '/w/code', platform: 'linux' as const, python },
    env: { PATH: '/nowhere/bin', ...env },
  });

describe('placeholders', () => {
  test('are filled in in every word, once', () => {
    const { args } = ready(
      { command: ['/x', `--out=\${run.folder}/out`, '$HOME', `\${other}`, '*'] },
      {},
      {
        resume: ['--resume', `\${checkpoint}`],
      },
    );
    expect(args).toEqual(['--out=/w/runs/1/out', '$HOME', `\${other}`, '*', '--resume', '/w/runs/1/last.pt']);
  });

  test('are not looked for in what they were filled with', () => {
    expect(filled(`\${run.folder}`, { runFolder: `/w/\${checkpoint}`, checkpoint: '/c' })).toBe(
      `/w/\${checkpoint}`,
    );
    expect(filled(`\${checkpoint}`, { runFolder: '/w', checkpoint: '$&' })).toBe('$&');
  });

  test('stay, if they have no value', () => {
    expect(filled(`\${checkpoint}`, { runFolder: '/w', checkpoint: null })).toBe(`\${checkpoint}`);
  });
});

describe('the environment', () => {
  test("is the person's, with what the recipe adds", () => {
    const { env } = ready(
      { environment: { SEED: '3', OUT: `\${run.folder}` } },
      { HOME: '/h', CUDA_VISIBLE_DEVICES: '1', HIP_VISIBLE_DEVICES: '0', VIRTUAL_ENV: '/v', SEED: '1' },
    );
    expect(env).toEqual({
      ...{ PATH: '/nowhere/bin', HOME: '/h', CUDA_VISIBLE_DEVICES: '1', HIP_VISIBLE_DEVICES: '0' },
      ...{ VIRTUAL_ENV: '/v', SEED: '3', OUT: '/w/runs/1', PYTHONUNBUFFERED: '1' },
      ...{ [RUN]: '/w/runs/1', [ATTEMPT]: '2' },
    });
  });

  test('says where tricks_log.py writes, if its lines are in a file', () => {
    const metrics = { kind: 'json_lines', path: 'out/m.jsonl' } as const;
    expect(ready({ metrics }).env.BAG_OF_TRICKS_METRICS).toBe('/w/runs/1/out/m.jsonl');
    expect(ready({}, { BAG_OF_TRICKS_METRICS: '/m' }).env).not.toHaveProperty('BAG_OF_TRICKS_METRICS');
  });

  test("has nothing of the trainer's own", () => {
    const { env } = ready(
      {},
      {
        ...{ ELECTRON_RUN_AS_NODE: '1', NODE_CHANNEL_FD: '3', BAG_OF_TRICKS_STOP_WITH_PARENT: '1' },
        [RUN]: '/another',
      },
    );
    expect(Object.keys(env).sort()).toEqual([ATTEMPT, RUN, 'PATH', 'PYTHONUNBUFFERED'].sort());
    expect(env[RUN]).toBe('/w/runs/1');
  });
});

describe('the program', () => {
  test.each(['python', 'python3', 'python3.12'])('%s is the Python that was chosen', (word) => {
    const { program, env } = ready({ command: [word, 'train.py'] }, {}, { python: VENV });
    expect(program).toBe('/venv/bin/python');
    expect(env.PATH).toBe('/venv/bin:/nowhere/bin');
    expect(env.VIRTUAL_ENV).toBe('/venv');
  });

  test('of another name is looked for in its folder first, and never in the working directory', async () => {
    const folder = await temporaryFolder();
    await mkdir(join(folder, 'bin'));
    const python = chosen(join(folder, 'bin/python'), { kind: 'venv', folder, name: folder });
    const torchrun = ready({ command: ['torchrun', 'train.py'] }, {}, { python });
    expect(torchrun.program).toBe('/nowhere/torchrun');
    await writeFile(join(folder, 'bin/torchrun'), '');
    const found = ready({ command: ['torchrun', 'train.py'] }, {}, { python });
    expect(found.program).toBe(join(folder, 'bin/torchrun'));
    expect(ready({ command: [process.execPath] }).program).toBe(process.execPath);
    expect(ready({ command: ['node'] }, { PATH: `.:${dirname(process.execPath)}` }).program).toBe(
      process.execPath,
    );
  });

  test('of a Python package is told if it is of another Python', async () => {
    const folder = await temporaryFolder();
    await writeFile(join(folder, 'torchrun'), '');
    const { program, ...rest } = ready({ command: ['torchrun'] }, { PATH: folder }, { python: VENV });
    expect(programOutside({ program, ...rest })).toBe(join(folder, 'torchrun'));
    expect(programOutside(ready({ command: ['bash'] }, {}, { python: VENV }))).toBeNull();
    expect(programOutside(ready({ command: ['python'] }, {}, { python: VENV }))).toBeNull();
  });

  test('with a folder is relative to the working directory', () => {
    expect(ready({ command: ['./train.sh'] }).program).toBe('/w/code/train.sh');
  });

  test('finds the PATH of Windows under its name', () => {
    const { env } = readyCommand(commandRecipe({ command: ['python'] }), [], places, {
      ...{ workingDirectory: 'C:\\w', platform: 'win32' },
      ...{ env: { Path: 'C:\\bin' }, python: chosen('C:\\py\\python.exe') },
    });
    expect(env.Path).toBe('C:\\py;C:\\bin');
    expect(env).not.toHaveProperty('PATH');
  });
});

describe('variables of the recipe', () => {
  test('count more than those of the environment, whose programs still come first', () => {
    const environment = { PATH: '/own/bin', VIRTUAL_ENV: '/other', PYTHONHOME: '/home' };
    const { env } = ready({ environment }, { VIRTUAL_ENV: '/old' }, { python: VENV });
    expect(env).toMatchObject({ PATH: '/venv/bin:/own/bin', VIRTUAL_ENV: '/other', PYTHONHOME: '/home' });
  });
});

describe('on Windows', () => {
  const on = (
    changes: Parameters<typeof commandRecipe>[0],
    files: readonly string[],
    env: NodeJS.ProcessEnv = {},
  ) =>
    readyCommand(commandRecipe(changes), [], places, {
      ...{ workingDirectory: 'C:\\w', platform: 'win32' as const, python: NO_PYTHON },
      env: { Path: 'C:\\bin', ...env },
      exists: (file) => files.includes(file),
    });

  test('a program in a folder may be written without its ending', () => {
    const command = ['venv\\Scripts\\python', 'train.py'];
    const file = 'C:\\w\\venv\\Scripts\\python.exe';
    expect(on({ command }, [file]).program).toBe(file);
    expect(on({ command }, []).program).toBe('C:\\w\\venv\\Scripts\\python');
  });

  test('variables replace those that differ only in case', () => {
    const { env } = on({ environment: { PATH: 'D:\\tools', seed: '3' } }, [], { SEED: '1' });
    expect(env).toMatchObject({ PATH: 'D:\\tools', seed: '3' });
    expect(env).not.toHaveProperty('Path');
    expect(env).not.toHaveProperty('SEED');
  });

  test('Python prints UTF-8, unless the person chose an encoding', () => {
    expect(on({}, []).env.PYTHONIOENCODING).toBe('utf-8');
    expect(on({}, [], { PYTHONIOENCODING: 'cp932' }).env.PYTHONIOENCODING).toBe('cp932');
    expect(ready({}).env).not.toHaveProperty('PYTHONIOENCODING');
  });
});
