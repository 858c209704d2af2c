import { createHash } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { encodeSafetensors } from '../../../src/shared/safetensors';
import { UserError } from '../../../src/shared/userError';
import type { DownloadProgress } from '../../../src/system/network/download';
import {
  type PublishedOptions,
  type PublishedSource,
  publishedWeights,
} from '../../../src/weights/published';
import { type Answer, fileServer, give, giveAndBreak } from '../support/fileServer';

async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'bag-of-tricks-published-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

async function failureOf(work: Promise<unknown>): Promise<{ what: string; remedy: string }> {
  const error = await work.then(() => null).catch((reason: unknown) => reason);
  if (!(error instanceof UserError)) throw new Error(`Not refused but ${error}`);
  return error.failure;
}

const CONTENT = encodeSafetensors({
  metadata: {},
  tensors: [{ name: 'a', shape: [50_000], values: new Float32Array(50_000).fill(1.5) }],
});
const SHA256 = createHash('sha256').update(CONTENT).digest('hex');

describe("torchvision's weights", () => {
  const source = (sha256 = SHA256): PublishedSource => ({
    ...{ kind: 'torchvision', name: 'resnet18.IMAGENET1K_V1', file: `resnet18-${sha256.slice(0, 8)}.pth` },
  });
  const fetchFrom = async (answer: Answer, options: PublishedOptions = {}, from = source()) => {
    const server = await fileServer(answer);
    const cacheFolder = options.cacheFolder ?? (await temporaryFolder());
    const load = () =>
      publishedWeights(from, { torchvisionUrl: server.url, idleTimeoutMs: 30_000, ...options, cacheFolder });
    return { ...server, cacheFolder, load };
  };

  test('are downloaded once, over a connection that breaks, and checked by their name', async () => {
    const progress: DownloadProgress[] = [];
    const onProgress = (event: DownloadProgress) => progress.push(event);
    const { load, requests, cacheFolder } = await fetchFrom(giveAndBreak(CONTENT, 90_000), { onProgress });
    const { path, notes } = await load();
    expect(path).toBe(join(cacheFolder, 'weights', 'torchvision', `resnet18-${SHA256.slice(0, 8)}.pth`));
    expect((await readFile(path)).equals(CONTENT)).toBe(true);
    expect(notes).toEqual([]);
    expect(requests.length).toBeGreaterThan(2);
    expect(progress.at(-1)).toMatchObject({ receivedBytes: CONTENT.length, totalBytes: CONTENT.length });
    const before = requests.length;
    await load();
    expect(requests).toHaveLength(before);
  });

  test('that were damaged in the cache are downloaded again', async () => {
    const { load, requests } = await fetchFrom(give(CONTENT));
    const { path } = await load();
    await writeFile(path, CONTENT.with(500, 1));
    await load();
    expect(requests).toHaveLength(2);
    expect((await readFile(path)).equals(CONTENT)).toBe(true);
  });

  test('whose content differs from the checksum in their name are refused, and not kept', async () => {
    const { load, cacheFolder, url } = await fetchFrom(give(CONTENT), {}, source('f37072fd'));
    const { what, remedy } = await failureOf(load());
    expect(what).toContain(`has the SHA-256 ${SHA256}, but f37072fd is expected.`);
    expect(remedy).toContain(`download ${url}/resnet18-f37072fd.pth yourself`);
    expect(await readdir(join(cacheFolder, 'weights', 'torchvision'))).toEqual([]);
  });

  test('that the server does not have are named, with a remedy', async () => {
    const { load } = await fetchFrom((_, response) => response.writeHead(404).end());
    const { what, remedy } = await failureOf(load());
    expect(what).toContain('could not be downloaded');
    expect(what).toContain('The server answered 404 Not Found.');
    expect(remedy).toContain('Check the network');
  });

  test('can be cancelled', async () => {
    const controller = new AbortController();
    const { signal } = controller;
    const onProgress = () => controller.abort(new Error('Enough'));
    const { load } = await fetchFrom((_, response) => response.write(CONTENT.subarray(0, 100)), {
      ...{ signal, onProgress },
    });
    await expect(load()).rejects.toThrow('Enough');
  });
});

describe("timm's weights", () => {
  const NAME = 'resnet50d.ra2_in1k';
  const PRETRAINED = {
    mean: [0.485, 0.456, 0.406],
    std: [0.229, 0.224, 0.225],
    interpolation: 'bicubic',
    crop_pct: 0.875,
    input_size: [3, 224, 224],
  };

  /**
   * A hub that serves the weights like the real one: from a separate large-file storage, with the SHA-256 that it
   * declares for the file.
   */
  async function hub(pretrained_cfg: object = PRETRAINED, etag: string | null = `"${SHA256}"`, name = NAME) {
    const server = await fileServer((request, response) => {
      const root = `/timm/${NAME}/resolve/main`;
      if (request.url === `${root}/model.safetensors`) {
        const headers = { location: '/storage', ...(etag !== null && { 'x-linked-etag': etag }) };
        response.writeHead(302, headers).end();
      } else if (request.url === '/storage') give(CONTENT)(request, response);
      else if (request.url === `${root}/config.json`) response.end(JSON.stringify({ pretrained_cfg }));
      else response.writeHead(404).end();
    });
    const cacheFolder = await temporaryFolder();
    const load = () =>
      publishedWeights({ kind: 'timm', name }, { hubUrl: server.url, cacheFolder, idleTimeoutMs: 30_000 });
    return { ...server, cacheFolder, load };
  }

  test('come from the hub, checked by the SHA-256 that it states, and afterwards from the cache', async () => {
    const { load, requests, cacheFolder } = await hub();
    const { path, notes } = await load();
    expect(path).toBe(join(cacheFolder, 'weights', 'timm', NAME, 'model.safetensors'));
    expect((await readFile(path)).equals(CONTENT)).toBe(true);
    expect(notes).toEqual([]);
    const before = requests.length;
    expect(await load()).toEqual({ path, notes: [] });
    expect(requests).toHaveLength(before);
    await rm(path);
    await load();
    expect((await readFile(path)).equals(CONTENT)).toBe(true);
  });

  test('are found if the repository was renamed', async () => {
    const renamed = await hub();
    const { load } = await hub(PRETRAINED, null, 'resnet50d.old_name');
    expect((await failureOf(load())).what).toContain('The Hugging Face Hub has no weights');
    const server = await fileServer((request, response) => {
      const location = `${renamed.url}${request.url?.replace('old_name', 'ra2_in1k')}`;
      response.writeHead(307, { location }).end();
    });
    const { path } = await publishedWeights(
      { kind: 'timm', name: 'resnet50d.old_name' },
      { hubUrl: server.url, cacheFolder: renamed.cacheFolder, idleTimeoutMs: 30_000 },
    );
    expect((await readFile(path)).equals(CONTENT)).toBe(true);
  });

  test('with another SHA-256 than stated are refused', async () => {
    const other = 'ab'.repeat(32);
    const { what } = await failureOf((await hub(PRETRAINED, `"${other}"`)).load());
    expect(what).toContain(`has the SHA-256 ${SHA256}, but ${other} is expected.`);
  });

  test('of which the hub states no SHA-256 are refused', async () => {
    const { what } = await failureOf((await hub(PRETRAINED, null)).load());
    expect(what).toContain('The server does not provide a SHA-256 of the file.');
  });

  test('that the hub does not have are named', async () => {
    const { load } = await hub(PRETRAINED, null, 'resnet50d.nothing');
    const { what, remedy } = await failureOf(load());
    expect(what).toBe('The Hugging Face Hub has no weights timm/resnet50d.nothing.');
    expect(remedy).toContain('https://huggingface.co/timm lists the weights.');
  });

  test('with other preprocessing than is known here bring a warning', async () => {
    const { notes } = await (await hub({ ...PRETRAINED, crop_pct: 0.95 })).load();
    expect(notes).toEqual([
      'Warning: timm/resnet50d.ra2_in1k now expects this preprocessing: mean [0.485, 0.456, 0.406], std [0.229, 0.224, 0.225], interpolation bicubic, crop_pct 0.95, image_size 224. The experiment uses: mean [0.485, 0.456, 0.406], std [0.229, 0.224, 0.225], interpolation bicubic, crop_pct 0.875, image_size 224.',
    ]);
  });

  test('whose config.json does not describe the preprocessing bring a note', async () => {
    const { notes } = await (await hub({ mean: 'gray' })).load();
    expect(notes).toEqual([
      'config.json of timm/resnet50d.ra2_in1k does not specify the image preprocessing.',
    ]);
  });
});
