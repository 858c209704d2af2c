/** No command waits for a pipe without a writer, and no command reads an endless device. */
import { execFileSync } from 'node:child_process';
import { mkdir, readdir, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { hangLimitsMs } from '../../../scripts/lib/limits.mjs';
import { experimentText } from '../../support/smallTraining';
import { tricksTests } from './tricks';

const work = tricksTests();

describe.skipIf(process.platform === 'win32')('a pipe and a device', () => {
  /** An experiment on the user's own data, given its data part. */
  const onData = (data: string) =>
    `name: a\ndata: { ${data} }\nmodel: { name: resnet8, width: 2 }\nengine: wasm\n`;

  it.each(['pipe', 'device'])('in place of a file is refused with a reason: a %s', async (kind) => {
    const { folder, start, write } = await work();
    const make = async (name: string) => {
      const path = join(folder, name);
      if (kind === 'pipe') execFileSync('mkfifo', [path]);
      else await symlink('/dev/zero', path);
    };
    for (const name of [
      'a.experiment.yaml',
      'w.pth',
      'w.safetensors',
      'a.npz',
      'a.csv',
      'a.tar',
      'a.parquet',
    ]) {
      await make(name);
    }
    await mkdir(join(folder, 'idx'));
    await make('idx/train-images-idx3-ubyte');
    await mkdir(join(folder, 'cifar'));
    for (const name of ['data_batch_1.bin', 'batches.meta.txt']) await make(join('cifar', name));
    await write('init.experiment.yaml', `${experimentText()}\ninit: ./w.pth\n`);
    await write('safe.experiment.yaml', `${experimentText()}\ninit: ./w.safetensors\n`);
    await write('npz.experiment.yaml', onData('dataset: npz, path: a.npz'));
    await write('csv.experiment.yaml', onData('dataset: csv, path: a.csv'));
    await write('tar.experiment.yaml', onData('dataset: webdataset, path: a.tar'));
    await write('parquet.experiment.yaml', onData('dataset: parquet, path: a.parquet'));
    await write('idx.experiment.yaml', onData('dataset: idx, path: idx'));
    await write('cifar.experiment.yaml', onData('dataset: cifar10, path: cifar'));
    const files = (await readdir(folder)).filter((name) => name.endsWith('.experiment.yaml'));
    expect(files).toHaveLength(9);
    for (const file of files) {
      const { process: child, outcome } = start(['run', file]);
      const timer = setTimeout(() => child.kill('SIGKILL'), hangLimitsMs.unit.wait);
      const { code, stderr } = await outcome;
      clearTimeout(timer);
      expect({ file, code }).toEqual({ file, code: expect.any(Number) });
      expect(code, `${file}: ${stderr}`).not.toBe(0);
      expect(stderr, file).toMatch(/^error: |^\S+:\d+:\d+: error: /m);
    }
  });
});
