import { describe, expect, test } from 'vitest';
import { activatedEnvironment } from '../../../../src/commandTrainer/python/activation';
import {
  choosePython,
  type FoundPython,
  type PythonCandidate,
  type PythonEnvironment,
  type PythonSource,
  pythonReport,
} from '../../../../src/commandTrainer/python/choosing';
import { placesToLook } from '../../../../src/commandTrainer/python/finding';
import { launcherOf } from '../../../../src/commandTrainer/python/launchers';
import { pythonText } from '../../../../src/protocol/manifest';

const venv = (folder: string): PythonEnvironment => ({ kind: 'venv', folder, name: folder });
const conda = (folder: string, name: string): PythonEnvironment => ({ kind: 'conda', folder, name });

const here = (folder: string, environment: PythonEnvironment | null = venv(folder)): FoundPython => ({
  outcome: 'python',
  program: `${folder}/bin/python`,
  environment,
});

const candidate = (source: PythonSource, path: string, found: FoundPython = here(path)): PythonCandidate => ({
  ...{ source, path, found },
});

/** What a run would record, or the failure. */
function chosen(...candidates: PythonCandidate[]): string {
  const result = choosePython(candidates);
  if (!result.ok) return `${result.failure.what} ${result.failure.remedy}`;
  const report = pythonReport(result.choice);
  return report ? pythonText(report) : 'none';
}

describe('the first candidate that is a Python', () => {
  test.each([
    ['setting', here('/e'), '/e/bin/python (from the setting bagOfTricks.python)'],
    ['variable', here('/e', null), '/e/bin/python (from the variable BAG_OF_TRICKS_PYTHON)'],
    ['selected', here('/e'), '/e/bin/python (selected in the Python extension)'],
    ['activated', here('/e'), '/e/bin/python (activated virtual environment)'],
    ['activated', here('/e', conda('/e', 'torch')), '/e/bin/python (activated conda environment torch)'],
    ['folder', here('/e'), '/e/bin/python (virtual environment in the working directory)'],
    ['folder', here('/e', conda('/e', '/e')), '/e/bin/python (conda environment in the working directory)'],
    ['path', here('/e', null), '/e/bin/python (first on PATH)'],
  ] as const)('is chosen, with the reason: %s', (source, found, text) => {
    expect(chosen(candidate(source, '/e', found), candidate('path', '/usr', here('/usr', null)))).toBe(text);
  });

  test('is none, if there is none', () => {
    expect(chosen()).toBe('none');
  });
});

describe('a Python that a person named', () => {
  test.each([
    [
      'setting',
      'missing',
      'The setting bagOfTricks.python is /e, which does not exist. Set bagOfTricks.python to the full path of a Python',
    ],
    ['setting', 'no_python', 'The setting bagOfTricks.python is /e, but that folder has no Python. Set '],
    [
      'variable',
      'relative',
      'The variable BAG_OF_TRICKS_PYTHON is /e, which is a relative path. Set BAG_OF_TRICKS_PYTHON to the full path',
    ],
    [
      'selected',
      'missing',
      'The interpreter selected in the Python extension is /e, which does not exist. Run the command Python: Select Interpreter',
    ],
  ] as const)('must exist: %s, %s', (source, outcome, text) => {
    expect(chosen(candidate(source, '/e', { outcome }), candidate('path', '/usr'))).toContain(text);
  });
});

test('an environment that does not work is skipped, and that is told', () => {
  expect(
    chosen(
      candidate('activated', '/gone', { outcome: 'missing' }),
      candidate('folder', '/w/.venv', { outcome: 'no_python' }),
      candidate('folder', '/w/venv', { outcome: 'missing' }),
      candidate('path', '/usr/bin/python3', here('/usr', null)),
    ),
  ).toBe(
    '/usr/bin/python (first on PATH; /gone is no working Python environment; /w/.venv is no working Python environment)',
  );
});

test('a folder with a Python that is no environment is not used because of its name', () => {
  expect(
    chosen(
      candidate('folder', '/w/venv', here('/w/venv', null)),
      candidate('path', '/usr', here('/usr', null)),
    ),
  ).toContain('/usr/bin/python (first on PATH; ');
});

describe('the places to look', () => {
  const sources = (env: NodeJS.ProcessEnv) =>
    placesToLook({ workingDirectory: '/w', env, platform: 'linux' }).map(
      ([source, path]) => `${source} ${path}`,
    );

  test('are what a person named, then what is activated, then the working directory', () => {
    expect(
      sources({
        ...{
          BAG_OF_TRICKS_PYTHON_SETTING: '/s',
          BAG_OF_TRICKS_PYTHON: '/v',
          BAG_OF_TRICKS_PYTHON_SELECTED: '/i',
        },
        ...{ VIRTUAL_ENV: '/a', CONDA_PREFIX: '/c', CONDA_DEFAULT_ENV: 'torch' },
      }),
    ).toEqual([
      ...['setting /s', 'variable /v', 'selected /i', 'activated /a', 'activated /c'],
      ...['folder /w/.venv', 'folder /w/venv'],
    ]);
  });

  test("have conda's base environment last, which nobody activated on purpose", () => {
    expect(sources({ CONDA_PREFIX: '/c', CONDA_DEFAULT_ENV: 'base' })).toEqual([
      ...['folder /w/.venv', 'folder /w/venv', 'base /c'],
    ]);
  });
});

describe('an activated environment', () => {
  const activated = (
    environment: PythonEnvironment | null,
    env: NodeJS.ProcessEnv,
    {
      source = 'setting',
      platform = 'linux',
      program = '/e/bin/python',
    }: Partial<{
      source: PythonSource;
      platform: NodeJS.Platform;
      program: string;
    }> = {},
  ) => activatedEnvironment(env, { kind: 'python', source, program, environment, skipped: [] }, platform);

  test('of venv has its programs first and VIRTUAL_ENV, and no PYTHONHOME', () => {
    expect(activated(venv('/e'), { PATH: '/usr/bin', PYTHONHOME: '/h', HOME: '/me' })).toEqual({
      ...{ PATH: '/e/bin:/usr/bin', VIRTUAL_ENV: '/e', HOME: '/me' },
    });
  });

  test('of conda has CONDA_PREFIX and CONDA_DEFAULT_ENV', () => {
    expect(activated(conda('/c/envs/torch', 'torch'), { PATH: '/usr/bin' })).toEqual({
      ...{ PATH: '/c/envs/torch/bin:/usr/bin', CONDA_PREFIX: '/c/envs/torch', CONDA_DEFAULT_ENV: 'torch' },
    });
  });

  test('of conda has the folders of its libraries on PATH, on Windows', () => {
    const platform = 'win32';
    const env = activated(conda('C:\\c', 'base'), { Path: 'C:\\Windows' }, { platform });
    expect(env.Path?.split(';')).toEqual([
      ...['C:\\c', 'C:\\c\\Library\\mingw-w64\\bin', 'C:\\c\\Library\\usr\\bin', 'C:\\c\\Library\\bin'],
      ...['C:\\c\\Scripts', 'C:\\c\\bin', 'C:\\Windows'],
    ]);
    expect(activated(venv('C:\\e'), { Path: 'C:\\Windows' }, { platform }).Path).toBe(
      'C:\\e\\Scripts;C:\\Windows',
    );
  });

  test('deactivates another one', () => {
    const before = { PATH: '/old/bin:/c/bin:/usr/bin', VIRTUAL_ENV: '/old', CONDA_PREFIX: '/c' };
    expect(activated(venv('/e'), { ...before, CONDA_DEFAULT_ENV: 'base' })).toEqual({
      ...{ PATH: '/e/bin:/usr/bin', VIRTUAL_ENV: '/e' },
    });
    expect(activated(null, before, { program: '/opt/bin/python3' })).toEqual({ PATH: '/opt/bin:/usr/bin' });
  });

  test('stays as the shell has it', () => {
    const env = { PATH: '/mine:/e/bin:/usr/bin', VIRTUAL_ENV: '/e', CONDA_PREFIX: '/c' };
    expect(activated(venv('/e'), env, { source: 'activated' })).toEqual(env);
    expect(activated(null, env, { source: 'path' })).toEqual(env);
  });

  test('comes to PATH, if the shell has only its variable', () => {
    const env = { PATH: '/usr/bin', VIRTUAL_ENV: '/e' };
    expect(activated(venv('/e'), env, { source: 'activated' }).PATH).toBe('/e/bin:/usr/bin');
  });
});

describe('a command that chooses its Python itself', () => {
  test.each([
    [['uv', 'run', 'train.py'], 'uv run'],
    [['/opt/uv', '--project', 'x', 'run', 'train.py'], 'uv run'],
    [['uvx', 'train'], 'uvx'],
    [['conda.bat', 'run', '-n', 'torch', 'python', 'train.py'], 'conda run'],
    [['poetry', 'run', 'python', 'train.py'], 'poetry run'],
    [['pixi', 'run', 'train'], 'pixi run'],
    [['python', 'run'], null],
    [['conda', 'info'], null],
    [[], null],
  ])('%j: %s', (command, words) => {
    expect(launcherOf(command)).toBe(words);
  });
});
