import { mkdir, mkdtemp, readdir, realpath, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { uniformFloat64 } from 'pure-rand/distribution/uniformFloat64';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';
import sharp from 'sharp';
import { onTestFinished } from 'vitest';
import type { OwnDatasetRequest } from '../../../src/recipe/datasets';

/** Creates a folder for a test's files and returns its real path. */
export async function testFolder(): Promise<string> {
  const folder = await realpath(await mkdtemp(join(tmpdir(), 'data-')));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

export interface PhotoOptions {
  readonly width?: number;
  readonly height?: number;
  readonly format?: 'jpeg' | 'png' | 'webp';
  readonly isGray?: boolean;
}

/** Generates photo-like pixels, smooth with some detail, different for each seed: [height, width, channels]. */
export function photoPixels(seed: number, width: number, height: number, channels: 1 | 3): Uint8Array {
  const random = xoroshiro128plus(seed);
  const waves = Array.from({ length: 30 }, () => uniformFloat64(random));
  const wave = (index: number) => waves[index]!;
  return Uint8Array.from({ length: height * width * channels }, (_, at) => {
    const pixel = Math.floor(at / channels);
    const [x, y] = [(pixel % width) / width, Math.floor(pixel / width) / height];
    let value = 0;
    for (let k = 0; k < 6; k++) {
      const phase = 6.28 * wave(k * 5 + (at % channels));
      value += Math.cos(6.28 * (x * 3 * wave(k * 5 + 3) + y * 3 * wave(k * 5 + 4)) + phase);
    }
    return Math.max(0, Math.min(255, 128 + 25 * value));
  });
}

/** Returns an encoded photo. */
export async function photo(
  seed: number,
  { width = 80, height = 72, format = 'jpeg', isGray = false }: PhotoOptions = {},
): Promise<Buffer> {
  const channels = isGray ? 1 : 3;
  const raw = sharp(photoPixels(seed, width, height, channels), { raw: { width, height, channels } });
  return (isGray ? raw.toColourspace('b-w') : raw).toFormat(format).toBuffer();
}

/** Writes files below a folder, by path. */
export async function writeTree(
  folder: string,
  files: Readonly<Record<string, Uint8Array | string>>,
): Promise<void> {
  for (const [path, content] of Object.entries(files)) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), content);
  }
}

/** The mtime of a tree's files, which a test can set exactly. */
const LONG_AGO = new Date(1_600_000_000_000);

/** Sets an old mtime on a whole tree, which `damage` can restore. */
export async function age(folder: string): Promise<void> {
  for (const path of ['', ...(await readdir(folder, { recursive: true }))]) {
    await utimes(join(folder, path), LONG_AGO, LONG_AGO);
  }
}

/** Overwrites a file of an aged tree without changing its size or mtime. */
export async function damage(path: string): Promise<void> {
  await writeFile(path, Buffer.alloc((await stat(path)).size));
  await utimes(path, LONG_AGO, LONG_AGO);
}

/**
 * Returns photos of cats and dogs in train and val, all different: `count` per class in train and half as many in val.
 */
export async function catsAndDogs(count = 4, options: PhotoOptions = {}): Promise<Record<string, Buffer>> {
  const files: Record<string, Buffer> = {};
  let seed = 1;
  for (const [split, images] of [
    ['train', count],
    ['val', count / 2],
  ] as const) {
    for (const name of ['cat', 'dog']) {
      for (let image = 0; image < images; image++) {
        files[`${split}/${name}/${image}.jpg`] = await photo(seed++, options);
      }
    }
  }
  return files;
}

/** Returns the request for an image folder. */
export const imageFolder = (path = 'photos'): OwnDatasetRequest => ({
  dataset: 'image_folder',
  path,
  split: { validation: 0.25, seed: 0 },
});
