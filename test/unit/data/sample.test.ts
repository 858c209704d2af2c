import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { build } from 'esbuild';
import { describe, expect, it } from 'vitest';
import manifest from '../../../data/fashion-mnist-sample/manifest.json';
import { nodeBundle } from '../../../scripts/lib/bundling.mjs';
import { datasetFacts } from '../../../src/recipe/datasets';
import type { ImageSplit } from '../../../src/training/data/dataset';
import { openDataset } from '../../../src/training/data/open';
import { openSample, packageRoot, sampleFolder } from '../../../src/training/data/sample';
import { datasetErrorOf, temporaryFolder } from './files';

const facts = datasetFacts({ dataset: 'fashion-mnist-sample' });
const shipped = sampleFolder(packageRoot());
const DEBIAN = '/usr/share/datasets/fashion-mnist';
const NO_DEBIAN = 'the Debian package dataset-fashion-mnist is not installed';

function labels(split: ImageSplit): number[] {
  return Array.from({ length: split.count }, (_, index) => split.label(index));
}

function imageHash(split: ImageSplit, index: number): string {
  const pixels = new Uint8Array(28 * 28);
  split.draw(index, pixels);
  return createHash('sha256').update(pixels).digest('hex');
}

/** Returns the hash of each original image together with its label. */
function originals(split: 'train' | 't10k'): Set<string> {
  const images = gunzipSync(readFileSync(join(DEBIAN, `${split}-images-idx3-ubyte.gz`))).subarray(16);
  const labels = gunzipSync(readFileSync(join(DEBIAN, `${split}-labels-idx1-ubyte.gz`))).subarray(8);
  return new Set(
    Array.from(labels, (label, index) => {
      const pixels = images.subarray(index * 784, (index + 1) * 784);
      return `${createHash('sha256').update(pixels).digest('hex')} ${label}`;
    }),
  );
}

describe('the sample of Fashion-MNIST', () => {
  it('has the images that its facts promise, equally many of each class', async () => {
    const { train, validation } = await openDataset({ dataset: 'fashion-mnist-sample' });
    expect([train.count, validation.count]).toEqual([facts.trainImages, facts.validationImages]);
    for (const [split, perClass] of [
      [train, 1200],
      [validation, 200],
    ] as const) {
      const counts = Array<number>(10).fill(0);
      for (const label of labels(split)) counts[label]!++;
      expect(counts).toEqual(Array(10).fill(perClass));
    }
  });

  it('is balanced in every prefix: class counts differ by at most one', async () => {
    const { train, validation } = await openSample(packageRoot(), facts);
    for (const split of [train, validation]) {
      const counts = Array<number>(10).fill(0);
      for (const label of labels(split)) {
        counts[label]!++;
        expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1);
      }
    }
  });

  it('repeats no training image in the validation split', async () => {
    const { train, validation } = await openSample(packageRoot(), facts);
    const seen = new Set(Array.from({ length: train.count }, (_, index) => imageHash(train, index)));
    const repeated = Array.from({ length: validation.count }, (_, index) =>
      imageHash(validation, index),
    ).filter((hash) => seen.has(hash));
    expect(repeated).toEqual([]);
  });

  it('takes at most 7 MB, with its license next to it', async () => {
    const names = await readdir(shipped);
    const sizes = await Promise.all(names.map(async (name) => (await stat(join(shipped, name))).size));
    expect(sizes.reduce((a, b) => a + b)).toBeLessThanOrEqual(7_000_000);
    const license = readFileSync(join(shipped, 'LICENSE'), 'utf8');
    expect(license).toContain('Copyright (c) 2017 Zalando SE');
    expect(license).toContain('The MIT License (MIT)');
    expect(license).toContain('WITHOUT WARRANTY OF ANY KIND');
  });

  it('has images and labels that are all among the originals', async (context) => {
    if (!existsSync(DEBIAN)) return context.skip(NO_DEBIAN);
    const { train, validation } = await openSample(packageRoot(), facts);
    for (const [split, name] of [
      [train, 'train'],
      [validation, 't10k'],
    ] as const) {
      const known = originals(name);
      const strangers = labels(split).filter(
        (label, index) => !known.has(`${imageHash(split, index)} ${label}`),
      );
      expect(strangers).toEqual([]);
    }
  });

  it('is what its script generates', async (context) => {
    if (!existsSync(DEBIAN)) return context.skip(NO_DEBIAN);
    const root = await temporaryFolder();
    mkdirSync(join(root, 'scripts'));
    cpSync(join(packageRoot(), 'scripts/make-sample.mjs'), join(root, 'scripts/make-sample.mjs'));
    execFileSync(process.execPath, [join(root, 'scripts/make-sample.mjs')]);
    expect(JSON.parse(readFileSync(join(sampleFolder(root), 'manifest.json'), 'utf8'))).toEqual(manifest);
    expect((await openSample(root, facts)).train.count).toBe(12_000);
  });

  it('says that a damaged sample must be installed again', async () => {
    const root = await temporaryFolder();
    cpSync(shipped, sampleFolder(root), { recursive: true });
    const cut = join(sampleFolder(root), 't10k-images-idx3-ubyte.gz');
    truncateSync(cut, 400_000);
    expect(await datasetErrorOf(openSample(root, facts))).toMatchObject({
      where: cut,
      remedy: 'The sample is part of Bag of Tricks. Reinstall Bag of Tricks.',
    });
  });

  it('is found by a bundle in dist/, whatever the location of the package and the working folder', async () => {
    const root = await temporaryFolder();
    writeFileSync(join(root, 'package.json'), '{}');
    mkdirSync(join(root, 'data'));
    symlinkSync(shipped, sampleFolder(root));
    await build({
      ...nodeBundle,
      stdin: {
        contents: `
          import { openDataset } from './src/training/data/open';
          openDataset({ dataset: 'fashion-mnist-sample' }).then(({ train }) => console.log(train.count));`,
        resolveDir: packageRoot(),
      },
      outfile: join(root, 'dist/trainer.js'),
    });
    const output = execFileSync(process.execPath, [join(root, 'dist/trainer.js')], {
      cwd: '/',
      encoding: 'utf8',
    });
    expect(output.trim()).toBe('12000');
  });
});
