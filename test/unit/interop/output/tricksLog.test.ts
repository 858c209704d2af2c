import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { listFiles, PackageManager } from '@vscode/vsce';
import { afterAll, describe, expect, test } from 'vitest';
import { jsonLines } from '../../../../src/interop/output/jsonLines';
import { readingsOfText } from './chunks';

const HELPER = 'python/tricks_log.py';
const folder = mkdtempSync(join(tmpdir(), 'tricks-log-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** Without the variables of this machine that change where and whether the helper logs. */
function environment(more: Readonly<Record<string, string>> = {}): NodeJS.ProcessEnv {
  const { RANK: _, BAG_OF_TRICKS_METRICS: __, ...rest } = process.env;
  return { ...rest, PYTHONPATH: 'python', PYTHONDONTWRITEBYTECODE: '1', ...more };
}

const { BAG_OF_TRICKS_PYTHON: python = 'python3' } = process.env;
const hasPython = spawnSync(python, ['--version']).status === 0;
const skipped = hasPython ? '' : ' (skipped: this machine has no python3)';

const run = (program: string, more?: Readonly<Record<string, string>>) =>
  spawnSync(python, ['-c', `from tricks_log import log\n${program}`], {
    encoding: 'utf8',
    env: environment(more),
  });

describe.skipIf(!hasPython)(`the Python helper${skipped}`, () => {
  test('logs lines that are read as the metrics that it got', () => {
    const { stdout, stderr } = run(
      [
        'log(total_steps=100, total_epochs=2)',
        'log(step=0, epoch=0, loss=2.5, accuracy=0.25, learning_rate=0.1, images_per_second=90, grüße=3)',
        'log(step=1, loss=float("nan"), norm=float("-inf"), accuracy=None)',
        'log(epoch=0, validation_loss=1, validation_accuracy=0.5, averaged_accuracy=1)',
        'log(checkpoint="out/last.pt")',
      ].join('\n'),
    );
    expect(stderr).toBe('');
    expect(readingsOfText(jsonLines(), stdout)).toStrictEqual([
      { kind: 'length', totalSteps: 100, epochs: 2 },
      {
        kind: 'step',
        step: 0,
        epoch: 0,
        metrics: { loss: 2.5, accuracy: 0.25, learningRate: 0.1, imagesPerSecond: 90, other: { grüße: 3 } },
      },
      {
        kind: 'step',
        step: 1,
        epoch: null,
        metrics: { loss: Number.NaN, other: { norm: Number.NEGATIVE_INFINITY } },
      },
      {
        kind: 'epoch',
        epoch: 0,
        step: null,
        metrics: { validationLoss: 1, validationAccuracy: 0.5, averagedAccuracy: 1 },
      },
      { kind: 'checkpoint', path: 'out/last.pt' },
    ]);
  });

  test('takes tensors, which have item()', () => {
    const tensor = 'class Tensor:\n    def item(self):\n        return 0.5\n';
    expect(run(`${tensor}log(step=0, loss=Tensor())`).stdout).toBe('{"step": 0, "loss": 0.5}\n');
  });

  test.each([
    ['log(accuracy=85)', 'ValueError: accuracy is 85, but accuracies are from 0 to 1'],
    ['log(loss="low")', "TypeError: loss is no number: 'low'"],
    ['log(loss=True)', 'TypeError: loss is no number: True'],
  ])('%s fails, and logs nothing', (program, message) => {
    const { stdout, stderr } = run(program);
    expect(stdout).toBe('');
    expect(stderr).toContain(message);
  });

  test('appends to the file in BAG_OF_TRICKS_METRICS', () => {
    const path = join(folder, 'metrics.jsonl');
    for (const step of [0, 1]) {
      const { stdout } = run(`log(step=${step}, loss=${step})`, { BAG_OF_TRICKS_METRICS: path });
      expect(stdout).toBe('');
    }
    expect(readFileSync(path, 'utf8')).toBe('{"step": 0, "loss": 0}\n{"step": 1, "loss": 1}\n');
  });

  test('logs on rank 0 only', () => {
    expect(run('log(loss=1)', { RANK: '1' }).stdout).toBe('');
    expect(run('log(loss=1)', { RANK: '0' }).stdout).toBe('{"loss": 1}\n');
  });

  test('writes a line before the program goes on', async () => {
    // The program waits for input after its line, so the line comes only if it is not held back.
    const child = spawn(python, ['-c', 'from tricks_log import log\nlog(step=3)\ninput()'], {
      env: environment(),
    });
    const [line] = await once(createInterface(child.stdout), 'line');
    expect(line).toBe('{"step": 3}');
    child.stdin.end('\n');
    expect(await once(child, 'close')).toEqual([0, null]);
  });
});

test('the helper has at most 60 lines and imports the standard library only', () => {
  const text = readFileSync(HELPER, 'utf8');
  expect(text.trimEnd().split('\n').length).toBeLessThanOrEqual(60);
  const imports = [...text.matchAll(/^(?:import|from) (\w+)/gm)].map(([, name]) => name);
  expect(imports).toEqual(['json', 'math', 'os', 'sys']);
});

test('the helper and the schema are in the package', async () => {
  // A copy of the files in question, because a listing of the whole repository takes long.
  const copy = mkdtempSync(join(folder, 'package-'));
  const files = ['package.json', '.vscodeignore', HELPER, 'schemas/metrics-line.schema.json', 'biome.json'];
  for (const file of files) cpSync(file, join(copy, file));
  const packed = await listFiles({ cwd: copy, packageManager: PackageManager.None });
  expect(packed).toEqual(expect.arrayContaining([HELPER, 'schemas/metrics-line.schema.json']));
  expect(packed).not.toContain('biome.json');
});
