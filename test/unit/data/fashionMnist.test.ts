import {
  cpSync,
  createReadStream,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { DATA_FOLDER_VARIABLE } from '../../../src/datasets/dataFolder';
import { datasetFacts } from '../../../src/recipe/datasets';
import { FASHION_MNIST_FILES, type FashionMnistOptions } from '../../../src/training/data/fashionMnist';
import { IDX_FILE_NAMES } from '../../../src/training/data/idxFolder';
import { openDataset } from '../../../src/training/data/open';
import { packageRoot, sampleFolder } from '../../../src/training/data/sample';
import { datasetErrorOf, fingerprint, temporaryFolder } from './files';
import { deadMirror, mirror } from './mirror';

const DEBIAN = '/usr/share/datasets/fashion-mnist';
const NO_DEBIAN = 'the Debian package dataset-fashion-mnist is not installed';
const IMAGES = 'train-images-idx3-ubyte.gz';

/** Opens the full set with only the sources that the options name. */
async function open(options: FashionMnistOptions) {
  const nowhere = join(await temporaryFolder(), 'nowhere');
  return openDataset(
    { dataset: 'fashion-mnist' },
    { systemFolder: nowhere, cacheFolder: nowhere, mirrors: [], ...options },
  );
}

/** A folder with the shipped sample's files: well-formed, but not the full set. */
async function folderOfSample(): Promise<string> {
  const folder = await temporaryFolder();
  cpSync(sampleFolder(packageRoot()), folder, { recursive: true });
  return folder;
}

describe('the full Fashion-MNIST', () => {
  beforeEach(() => void vi.stubEnv(DATA_FOLDER_VARIABLE, ''));
  afterEach(() => void vi.unstubAllEnvs());

  it('is what Debian ships, with the published first labels, mean and deviation', async (context) => {
    if (!existsSync(DEBIAN)) return context.skip(NO_DEBIAN);
    const { facts, train, validation } = await open({ systemFolder: DEBIAN });
    expect([train.count, validation.count]).toEqual([facts.trainImages, facts.validationImages]);
    expect([0, 1, 2, 3, 4].map((index) => train.label(index))).toEqual([9, 0, 0, 3, 0]);
    expect([0, 1, 2, 3, 4].map((index) => validation.label(index))).toEqual([9, 2, 1, 1, 6]);

    const histogram = new Float64Array(256);
    const pixels = new Uint8Array(784);
    for (let index = 0; index < train.count; index++) {
      train.draw(index, pixels);
      for (const pixel of pixels) histogram[pixel]!++;
    }
    const count = train.count * 784;
    const mean = histogram.reduce((sum, times, pixel) => sum + (times * pixel) / 255, 0) / count;
    const variance =
      histogram.reduce((sum, times, pixel) => sum + times * (pixel / 255 - mean) ** 2, 0) / count;
    expect(facts.mean[0]).toBeCloseTo(mean, 6);
    expect(facts.std[0]).toBeCloseTo(Math.sqrt(variance), 6);
  });

  it('has the checksums of Debian’s files', (context) => {
    if (!existsSync(DEBIAN)) return context.skip(NO_DEBIAN);
    for (const name of IDX_FILE_NAMES) {
      const content = gunzipSync(readFileSync(join(DEBIAN, `${name}.gz`)));
      expect(fingerprint(content)).toEqual(FASHION_MNIST_FILES[name]);
    }
  });

  it('is downloaded into the cache once, and later only what is missing', async (context) => {
    if (!existsSync(DEBIAN)) return context.skip(NO_DEBIAN);
    const cacheFolder = await temporaryFolder();
    const server = await mirror((response, path) => createReadStream(join(DEBIAN, path)).pipe(response));
    const files = new Set<string>();
    const options = {
      cacheFolder,
      mirrors: [await deadMirror(), server.url],
      onProgress: ({ file }: { file: string }) => files.add(file),
    };
    expect((await open(options)).train.count).toBe(60_000);
    expect(server.requests).toEqual(IDX_FILE_NAMES.map((name) => `/${name}.gz`));
    expect([...files]).toEqual(IDX_FILE_NAMES.map((name) => `${name}.gz`));
    expect((await readdir(join(cacheFolder, 'fashion-mnist'))).sort()).toEqual(
      IDX_FILE_NAMES.map((name) => `${name}.gz`).sort(),
    );

    expect((await open({ ...options, mirrors: [] })).validation.count).toBe(10_000);
    rmSync(join(cacheFolder, 'fashion-mnist', 't10k-labels-idx1-ubyte.gz'));
    await open(options);
    expect(server.requests.slice(4)).toEqual(['/t10k-labels-idx1-ubyte.gz']);
  });

  it('says that a damaged file in the cache must be deleted', async (context) => {
    if (!existsSync(DEBIAN)) return context.skip(NO_DEBIAN);
    const cacheFolder = await temporaryFolder();
    const cache = join(cacheFolder, 'fashion-mnist');
    cpSync(DEBIAN, cache, { recursive: true });
    truncateSync(join(cache, IMAGES), 1_000_000);
    expect(await datasetErrorOf(open({ cacheFolder }))).toMatchObject({
      where: join(cache, IMAGES),
      what: 'The file is truncated: its gzip data ends early, after 1000000 bytes.',
      remedy: 'Delete it, then run again to download a new copy.',
    });
  });

  it('is found in the configured folder or its fashion-mnist, plain or gzipped', async (context) => {
    if (!existsSync(DEBIAN)) return context.skip(NO_DEBIAN);
    const dataFolder = await temporaryFolder();
    const inner = join(dataFolder, 'fashion-mnist');
    cpSync(DEBIAN, inner, { recursive: true });
    writeFileSync(join(inner, 'train-images-idx3-ubyte'), gunzipSync(readFileSync(join(inner, IMAGES))));
    rmSync(join(inner, IMAGES));
    expect((await open({ dataFolder })).train.count).toBe(60_000);
    expect((await open({ dataFolder: inner })).train.count).toBe(60_000);
  });

  it('refuses a configured folder with none of the files instead of searching elsewhere', async () => {
    const dataFolder = await temporaryFolder();
    const server = await mirror((response) => response.end());
    const error = await datasetErrorOf(open({ dataFolder, systemFolder: DEBIAN, mirrors: [server.url] }));
    expect(error.where).toBe(dataFolder);
    expect(error.what).toContain(IMAGES);
    expect(error.remedy).toContain(DATA_FOLDER_VARIABLE);
    expect(server.requests).toEqual([]);
  });

  it('uses the folder that the environment names', async () => {
    const folder = await folderOfSample();
    vi.stubEnv(DATA_FOLDER_VARIABLE, folder);
    expect((await datasetErrorOf(open({}))).where).toBe(join(folder, IMAGES));
    const other = await temporaryFolder();
    expect((await datasetErrorOf(open({ dataFolder: other }))).where).toBe(other);
  });

  it('refuses well-formed files that are not the published ones', async () => {
    const dataFolder = await folderOfSample();
    const error = await datasetErrorOf(open({ dataFolder }));
    expect(error.where).toBe(join(dataFolder, IMAGES));
    expect(error.what).toContain(FASHION_MNIST_FILES['train-images-idx3-ubyte'].sha256);
    expect(error.remedy).toContain('fashion-mnist-sample');
  });

  it('names the one file that a configured folder lacks', async () => {
    const dataFolder = await folderOfSample();
    rmSync(join(dataFolder, IMAGES));
    expect(await datasetErrorOf(open({ dataFolder }))).toMatchObject({
      where: join(dataFolder, IMAGES),
      what: 'The file is missing.',
    });
  });

  it('skips an incomplete system folder', async () => {
    const systemFolder = await folderOfSample();
    rmSync(join(systemFolder, IMAGES));
    const url = await deadMirror();
    const error = await datasetErrorOf(open({ systemFolder, mirrors: [url] }));
    expect(error.what).toContain(`The file could not be downloaded. ${url}`);
  });

  it('says what to do without a network', async () => {
    const cacheFolder = await temporaryFolder();
    mkdirSync(join(cacheFolder, 'fashion-mnist'));
    const error = await datasetErrorOf(open({ cacheFolder, mirrors: [await deadMirror()] }));
    expect(error.where).toBe(join(cacheFolder, 'fashion-mnist', IMAGES));
    expect(error.remedy).toContain(DATA_FOLDER_VARIABLE);
    expect(await readdir(join(cacheFolder, 'fashion-mnist'))).toEqual([]);
  });

  it('has the same facts before and after it is opened', async (context) => {
    if (!existsSync(DEBIAN)) return context.skip(NO_DEBIAN);
    expect((await open({ systemFolder: DEBIAN })).facts).toEqual(datasetFacts({ dataset: 'fashion-mnist' }));
  });
});
