import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
// Import the library's own kernels before ours are registered.
import '@tensorflow/tfjs-backend-cpu';
import '@tensorflow/tfjs-backend-wasm';
import '@tensorflow/tfjs-backend-webgpu';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, test } from 'vitest';
import { loadEngine } from '../../../src/backends/index';
import { ROUNDING_KERNEL } from '../../../src/backends/precision/roundTensor';
import { registerKernels } from '../../../src/backends/tensorflow/kernels';
import { registerRounding } from '../../../src/backends/webgpu/rounding';

/** Checks `src/backends/README.md` against the registered kernels. No engine's native library is needed. */

const SRC = join(__dirname, '../../../src');
const BACKENDS = join(SRC, 'backends');
const readme = readFileSync(join(BACKENDS, 'README.md'), 'utf8');

/** The backends in the order of the table's columns, with the folders of their own kernels. */
const COLUMNS = [
  { backend: 'cpu', folder: 'cpu' },
  { backend: 'wasm', folder: 'wasm' },
  { backend: 'webgpu', folder: 'webgpu' },
  { backend: 'tensorflow', folder: 'tensorflow/kernels' },
] as const;

/** Returns the cells of a section's tables without their headings. */
function rowsOf(heading: string): string[][] {
  const section = readme.split(/^## /m).find((each) => each.startsWith(`${heading}\n`)) ?? '';
  const rows = [...section.matchAll(/^\| (.+) \|$/gm)].map(([, cells = '']) => cells.split(' | '));
  const isRule = (row: string[] | undefined) => row?.every((cell) => cell === '---') ?? false;
  return rows.filter((row, index) => !isRule(row) && !isRule(rows[index + 1]));
}

const namesIn = (cell: string) => [...cell.matchAll(/`([^`]+)`/g)].map(([, name]) => name as string);

const table = rowsOf('Kernels by backend').filter((row) => row.length === 2 + COLUMNS.length);
const files = rowsOf('Kernels by backend').filter((row) => row.length === 2);
const kernels = table.map(([name = '']) => namesIn(name)[0] as string);

const theirs = new Map<string, unknown>();
beforeAll(async () => {
  for (const { backend } of COLUMNS) {
    for (const { kernelName, kernelFunc } of tf.getKernelsForBackend(backend)) {
      theirs.set(`${backend} ${kernelName}`, kernelFunc);
    }
  }
  await loadEngine('cpu');
  await loadEngine('wasm');
  registerRounding();
  registerKernels();
});

/** Returns our kernels on a backend. */
function oursOn(backend: string): string[] {
  return tf
    .getKernelsForBackend(backend)
    .filter(({ kernelName, kernelFunc }) => theirs.get(`${backend} ${kernelName}`) !== kernelFunc)
    .map(({ kernelName }) => kernelName);
}

function mentions(path: string, kernel: string): boolean {
  const text = readFileSync(path, 'utf8');
  return text.includes(kernel) || (kernel === ROUNDING_KERNEL && text.includes('ROUNDING_KERNEL'));
}

describe('the table of kernels', () => {
  test.each(table.map((row, index) => [kernels[index] as string, row] as const))(
    '%s is where the table says',
    (kernel, [, user = '', ...cells]) => {
      const [path] = namesIn(user).filter((name) => name.includes('/'));
      if (path) expect(mentions(join(SRC, path), kernel), path).toBe(true);
      const found = COLUMNS.map(({ backend, folder }, column) => {
        if (!tf.getKernel(kernel, backend)) return '–';
        if (!oursOn(backend).includes(kernel)) return 'TensorFlow.js';
        const [file = ''] = namesIn(cells[column] ?? '');
        const own = join(BACKENDS, folder, file);
        return file && existsSync(own) && mentions(own, kernel) ? `\`${file}\`` : `ours on ${backend}`;
      });
      expect(cells).toEqual(found);
    },
  );

  test('has all our kernels on the backends of TensorFlow.js', () => {
    const ours = ['cpu', 'wasm', 'webgpu'].flatMap(oursOn);
    expect(ours.filter((name) => !kernels.includes(name))).toEqual([]);
  });

  test('has every kernel that training looks up or runs by name', () => {
    const sources = readdirSync(join(SRC, 'training'), { recursive: true, encoding: 'utf8' })
      .filter((path) => path.endsWith('.ts'))
      .map((path) => readFileSync(join(SRC, 'training', path), 'utf8'));
    const asked = sources.flatMap((text) =>
      [...text.matchAll(/\b(?:hasKernel|fuses|run(?:Own)?Kernel)\(\s*(?:tf\.|')(\w+)/g)].map(
        ([, name]) => name as string,
      ),
    );
    expect(asked.length).toBeGreaterThan(0);
    expect(asked.filter((name) => !kernels.includes(name))).toEqual([]);
  });

  test('lists, with the list of files, exactly the kernels of the tensorflow backend', () => {
    const listed = files.flatMap(([file = '', cell = '']) => {
      const path = join(BACKENDS, 'tensorflow/kernels', namesIn(file)[0] as string);
      const names = namesIn(cell);
      expect(names.filter((name) => !mentions(path, name))).toEqual([]);
      return names;
    });
    const inTable = kernels.filter((_, index) => table[index]?.at(-1) !== '–');
    expect([...listed, ...inTable].sort()).toEqual(
      tf
        .getKernelsForBackend('tensorflow')
        .map(({ kernelName }) => kernelName)
        .sort(),
    );
  });
});

test('the table of algorithms has every file of a convolution', () => {
  const algorithms = rowsOf('Which convolution runs').map(
    ([, name = '']) => `${name.toLowerCase()}Conv2d.ts`,
  );
  const folder = readdirSync(join(SRC, 'training/ops/convolution')).filter((name) => name !== 'conv2d.ts');
  expect(algorithms.sort()).toEqual(folder.sort());
});

test('the list of paths has every file and folder', () => {
  const paths = rowsOf('What is where').map(([path = '']) => namesIn(path)[0]);
  const entries = readdirSync(BACKENDS, { withFileTypes: true })
    .filter(({ name }) => name !== 'README.md')
    .map((entry) => (entry.isDirectory() ? `${entry.name}/` : entry.name));
  expect(paths.sort()).toEqual([...entries, 'tensorflow/kernels/'].sort());
});
