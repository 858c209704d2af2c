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
