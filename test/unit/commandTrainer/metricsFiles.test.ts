import { appendFile, mkdir, rename, symlink, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { MetricsFiles } from '../../../src/commandTrainer/metricsFiles';
import type { OutputReader, OutputSource, Reading } from '../../../src/interop/output/reading';
import { temporaryFolder } from '../runs/support';

const epochOf = (epoch: number): Reading => ({ kind: 'epoch', epoch, step: null, metrics: {} });
const numbersIn = (text: string) => [...text.matchAll(/\d+/g)].map(([number]) => epochOf(Number(number)));

/** Readers that take every number for an epoch. */
const READERS: Readonly<Record<OutputReader['from'], () => OutputReader>> = {
  lines: () => ({ from: 'lines', read: numbersIn }),
  whole: () => ({ from: 'whole', read: numbersIn }),
  bytes: () => ({ from: 'bytes', read: (bytes) => numbersIn(Buffer.from(bytes).toString()) }),
};

const source = (files: string, from: OutputReader['from'] = 'whole'): OutputSource => ({
  where: { files },
  reader: READERS[from],
});

/** Watches the files of a folder. `read` returns the epochs that are new. */
async function watched(...sources: OutputSource[]) {
  const folder = await temporaryFolder();
  const found: string[] = [];
  const notes: string[] = [];
  const files = new MetricsFiles(
    folder,
    sources,
    (name, readings) => {
      for (const reading of readings) if (reading.kind === 'epoch') found.push(`${name} ${reading.epoch}`);
    },
    (text) => notes.push(text),
  );
  onTestFinished(() => files.close());
  const read = () => {
    files.read();
    return found.splice(0);
  };
  const path = (name: string) => join(folder, name);
  return { folder, files, found, notes, read, path };
}

describe('patterns', () => {
  test('find files in any folder, and none of ours', async () => {
    const { read, path } = await watched(source('**/*.csv'), source('*.json'), source('logs/*/a.txt'));
    await mkdir(path('logs/x/y'), { recursive: true });
    await writeFile(path('a.csv'), '1');
    await writeFile(path('logs/x/y/b.csv'), '2');
    await writeFile(path('logs/x/a.txt'), '3');
    await writeFile(path('logs/a.txt'), '4');
    await writeFile(path('run.json'), '5');
    await writeFile(path('c.json'), '6');
    expect(read()).toEqual(['a.csv 1', 'logs/x/y/b.csv 2', 'c.json 6', 'logs/x/a.txt 3']);
  });

  test('do not lead out of the folder, nor through a link', async () => {
    const { read, path, folder } = await watched(source('../*.csv'), source('**/*.csv'));
    const elsewhere = await temporaryFolder();
    await writeFile(join(folder, '..', 'outside.csv'), '1').catch(() => {});
    await writeFile(join(elsewhere, 'a.csv'), '2');
    await symlink(elsewhere, path('folder'));
    await symlink(join(elsewhere, 'a.csv'), path('a.csv'));
    expect(read()).toEqual([]);
  });
});

describe('a file that is read whole', () => {
  test('gives each reading once', async () => {
    const { read, path } = await watched(source('a.csv'));
    await writeFile(path('a.csv'), '0\n');
    expect(read()).toEqual(['a.csv 0']);
    expect(read()).toEqual([]);
    await appendFile(path('a.csv'), '1\n2\n');
    expect(read()).toEqual(['a.csv 1', 'a.csv 2']);
    await writeFile(path('b'), '0\n1\n2\n3\n');
    await rename(path('b'), path('a.csv'));
    expect(read()).toEqual(['a.csv 3']);
  });

  test('gives the same readings again if it was begun anew', async () => {
    const { read, path } = await watched(source('a.csv'));
    await writeFile(path('a.csv'), '0\n1\n2\n');
    expect(read()).toHaveLength(3);
    await truncate(path('a.csv'));
    expect(read()).toEqual([]);
    expect(read()).toEqual([]);
    await writeFile(path('a.csv'), '0\n');
    expect(read()).toEqual(['a.csv 0']);
  });
});

describe.each(['whole', 'lines'] as const)('a file that is read as %s', (from) => {
  test('and is being written anew gives only what is new', async () => {
    const { read, path } = await watched(source('a.csv', from));
    await writeFile(path('a.csv'), '0\n1\n2\n');
    expect(read()).toHaveLength(3);
    await truncate(path('a.csv'));
    expect(read()).toEqual([]);
    await writeFile(path('a.csv'), '0\n1\n');
    expect(read()).toEqual([]);
    await writeFile(path('a.csv'), '0\n1\n2\n3\n');
    expect(read()).toEqual(['a.csv 3']);
  });

  test('gives what it has if it stays shorter, at the latest at the end', async () => {
    const { read, path, files, found } = await watched(source('a.csv', from));
    await writeFile(path('a.csv'), '0\n1\n2\n');
    expect(read()).toHaveLength(3);
    await writeFile(path('a.csv'), '17\n');
    expect(read()).toEqual([]);
    expect(read()).toEqual(['a.csv 17']);
    await writeFile(path('a.csv'), '8\n');
    files.readToEnd();
    expect(found).toEqual(['a.csv 8']);
  });
});

describe.each(['lines', 'bytes'] as const)('a file that is read as %s', (from) => {
  test('gives what was appended', async () => {
    const { read, path } = await watched(source('a', from));
    await writeFile(path('a'), '0\n1\n');
    expect(read()).toEqual(['a 0', 'a 1']);
    await appendFile(path('a'), '2\n');
    expect(read()).toEqual(['a 2']);
    expect(read()).toEqual([]);
  });

  test('is read from its start if another file took its name', async () => {
    const { read, path } = await watched(source('a', from));
    await writeFile(path('a'), '0\n1\n');
    expect(read()).toHaveLength(2);
    await writeFile(path('b'), '7\n8\n9\n');
    await rename(path('b'), path('a'));
    expect(read()).toEqual(['a 7', 'a 8', 'a 9']);
  });
});

test('a reader that fails costs only its file', async () => {
  const broken: OutputSource = {
    where: { files: 'a.csv' },
    reader: () => ({
      from: 'whole',
      read: () => {
        throw new Error('no header');
      },
    }),
  };
  const { read, path, notes } = await watched(broken, source('b.csv'));
  await writeFile(path('a.csv'), '1');
  await writeFile(path('b.csv'), '2');
  expect(read()).toEqual(['b.csv 2']);
  await appendFile(path('a.csv'), '1');
  expect(read()).toEqual([]);
  expect(notes).toEqual(['a.csv is not read as metrics: no header.']);
});

test('changes are found while watching', async () => {
  const { files, found, path } = await watched(source('out/a.csv'));
  await mkdir(path('out'));
  files.watch();
  await writeFile(path('out/a.csv'), '1\n');
  await expect.poll(() => found).toEqual(['out/a.csv 1']);
  await appendFile(path('out/a.csv'), '2\n');
  await expect.poll(() => found).toEqual(['out/a.csv 1', 'out/a.csv 2']);
});
