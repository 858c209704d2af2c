import { dirname } from 'node:path';
import { describe, expect, test } from 'vitest';
import { ATTEMPT, filled, RUN, readyCommand } from '../../../src/commandTrainer/commandLine';
import { commandRecipe } from './commandRuns';

const places = { runFolder: '/w/runs/1', attempt: 2, checkpoint: '/w/runs/1/last.pt' };

/** Prepares a command on Linux. */
const ready = (
  changes: Parameters<typeof commandRecipe>[0],
  env: NodeJS.ProcessEnv = {},
  resume: string[] = [],
) =>
  readyCommand(commandRecipe(changes), resume, places, {
    ...{ workingDirectory: '/w/code', platform: 'linux' as const },
    env: { PATH: '/nowhere/bin', ...env },
  });

describe('placeholders', () => {
  test('are filled in in every word, once', () => {
    const { args } = ready({ command: ['/x', `--out=\${run.folder}/out`, '$HOME', `\${other}`, '*'] }, {}, [
      '--resume',
      `\${checkpoint}`,
    ]);
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
  test.each(['python', 'python3', 'python3.12'])('%s is the Python that the person selected', (word) => {
    const { program, env } = ready(
      { command: [word, 'train.py'] },
      { BAG_OF_TRICKS_PYTHON: '/venv/bin/python' },
    );
    expect(program).toBe('/venv/bin/python');
    expect(env.PATH).toBe('/venv/bin:/nowhere/bin');
  });

  test('of another name is looked for in its folder first, and never in the working directory', () => {
    const { program } = ready(
      { command: ['torchrun', 'train.py'] },
      { BAG_OF_TRICKS_PYTHON: '/venv/bin/python' },
    );
    expect(program).toBe('/nowhere/torchrun');
    expect(ready({ command: [process.execPath] }).program).toBe(process.execPath);
    expect(ready({ command: ['node'] }, { PATH: `.:${dirname(process.execPath)}` }).program).toBe(
      process.execPath,
    );
  });

  test('with a folder is relative to the working directory', () => {
    expect(ready({ command: ['./train.sh'] }).program).toBe('/w/code/train.sh');
  });

  test('finds the PATH of Windows under its name', () => {
    const { env } = readyCommand(commandRecipe({ command: ['python'] }), [], places, {
      ...{ workingDirectory: 'C:\\w', platform: 'win32' },
      env: { Path: 'C:\\bin', BAG_OF_TRICKS_PYTHON: '/venv/python.exe' },
    });
    expect(env.Path).toBe('/venv;C:\\bin');
    expect(env).not.toHaveProperty('PATH');
  });
});

describe('on Windows', () => {
  const on = (
    changes: Parameters<typeof commandRecipe>[0],
    files: readonly string[],
    env: NodeJS.ProcessEnv = {},
  ) =>
    readyCommand(commandRecipe(changes), [], places, {
      ...{ workingDirectory: 'C:\\w', platform: 'win32' as const },
      env: { Path: 'C:\\bin', ...env },
      exists: (file) => files.includes(file),
    });

  test.each([
    ['python3', ['C:\\bin\\python3.exe', 'C:\\bin\\python.exe'], 'C:\\bin\\python3.exe'],
    ['python3', ['C:\\bin\\python.exe', 'C:\\bin\\py.exe'], 'C:\\bin\\python.exe'],
    ['python3', ['C:\\bin\\py.exe'], 'C:\\bin\\py.exe'],
    ['python.exe', ['C:\\bin\\py.exe'], 'C:\\bin\\py.exe'],
    ['python3.12', ['C:\\bin\\py.exe'], 'C:\\nowhere\\python3.12.exe'],
    ['torchrun', ['C:\\bin\\py.exe'], 'C:\\nowhere\\torchrun.exe'],
  ])('%s is found as one of %j', (word, files, program) => {
    expect(on({ command: [word, 'train.py'] }, files).program).toBe(program);
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

test('python is python3 where there is only that', () => {
  const find = (files: readonly string[]) =>
    readyCommand(commandRecipe({ command: ['python', 'train.py'] }), [], places, {
      ...{ workingDirectory: '/w', platform: 'linux', env: { PATH: '/bin' } },
      exists: (file) => files.includes(file),
    }).program;
  expect(find(['/bin/python', '/bin/python3'])).toBe('/bin/python');
  expect(find(['/bin/python3'])).toBe('/bin/python3');
  expect(find([])).toBe('/nowhere/python');
});
