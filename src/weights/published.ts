import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import * as l10n from '@vscode/l10n';
import envPaths from 'env-paths';
import { z } from 'zod';
import { type Preprocessing, preprocessingOf, type WeightsSource } from '../recipe/pretrained';
import { formatNumber } from '../shared/format';
import { UserError } from '../shared/userError';
import { isSystemError } from '../system/errors';
import { type DownloadProgress, downloadFile, sha256Of } from '../system/network/download';
import { fetchHeaders, fetchText } from '../system/network/fetchText';
import { readRegular } from '../system/regularFiles';
import { replaceFile } from '../system/replaceFile';

/** The source of published weights. */
export type PublishedSource = Extract<WeightsSource, { readonly kind: 'torchvision' | 'timm' }>;

/** Names another server for torchvision's weights, such as a mirror. */
export const TORCHVISION_VARIABLE = 'BAG_OF_TRICKS_TORCHVISION_URL';
/** Names another hub, as it also does for Hugging Face's own programs. */
export const HUB_VARIABLE = 'HF_ENDPOINT';

const TORCHVISION_URL = 'https://download.pytorch.org/models';
const HUB_URL = 'https://huggingface.co';
const IDLE_TIMEOUT_MS = 30_000;
/** The largest torchvision file is VGG's, at 550 MB. */
const LIMIT_BYTES = 4 * 2 ** 30;
const CONFIG_LIMIT_BYTES = 2 ** 20;

export interface PublishedOptions {
  /** The cache folder. Downloads go to its subfolder `weights`. Defaults to the user's cache. */
  readonly cacheFolder?: string | undefined;
  /** The server of torchvision's files, without a trailing slash. */
  readonly torchvisionUrl?: string | undefined;
  /** The Hugging Face hub, without a trailing slash. */
  readonly hubUrl?: string | undefined;
  /** Gives up on a server that is silent for this long. */
  readonly idleTimeoutMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: DownloadProgress) => void) | undefined;
}

/** Published weights on this machine. */
export interface PublishedWeights {
  readonly path: string;
  /** Notes for the user, one sentence each. */
  readonly notes: readonly string[];
}

/**
 * Returns the file of published weights. Downloads it to the cache if it is missing, and verifies it each time:
 * torchvision's by the 8 digits of the SHA-256 in its name, timm's by the SHA-256 that the hub reports.
 *
 * @throws UserError; the signal's reason if aborted
 */
export function publishedWeights(
  source: PublishedSource,
  options: PublishedOptions = {},
): Promise<PublishedWeights> {
  return source.kind === 'torchvision' ? fromTorchvision(source, options) : fromHub(source, options);
}

async function fromTorchvision(
  { file }: Extract<PublishedSource, { kind: 'torchvision' }>,
  options: PublishedOptions,
): Promise<PublishedWeights> {
  const { torchvisionUrl = process.env[TORCHVISION_VARIABLE] || TORCHVISION_URL } = options;
  const path = join(cacheOf(options), 'torchvision', file);
  const [, sha256 = ''] = /-([0-9a-f]{8})\.pth$/.exec(file) ?? [];
  await ensureFile(path, `${torchvisionUrl}/${file}`, sha256, options);
  return { path, notes: [] };
}

/** The record stored next to a file from the hub. */
const originSchema = z.object({ sha256: z.string().regex(/^[0-9a-f]{64}$/) });

async function fromHub(
  { name }: Extract<PublishedSource, { kind: 'timm' }>,
  options: PublishedOptions,
): Promise<PublishedWeights> {
  const folder = join(cacheOf(options), 'timm', name);
  const path = join(folder, 'model.safetensors');
  const repository = `${options.hubUrl ?? (process.env[HUB_VARIABLE] || HUB_URL)}/timm/${name}/resolve/main`;
  const remedy = hubRemedy(name);
  const { signal, idleTimeoutMs = IDLE_TIMEOUT_MS } = options;
  const request = { idleTimeoutMs, signal, remedy };
  const originPath = join(folder, 'origin.json');
  const configPath = join(folder, 'config.json');
  let known = await jsonIn(originPath, originSchema);
  if (!known) {
    known = { sha256: await hubSha256(`${repository}/model.safetensors`, name, request) };
    const { text: config } = await fetchText(`${repository}/config.json`, {
      ...request,
      limitBytes: CONFIG_LIMIT_BYTES,
    });
    await mkdir(folder, { recursive: true });
    await replaceFile(configPath, config);
    await replaceFile(originPath, JSON.stringify(known));
  }
  await ensureFile(path, `${repository}/model.safetensors`, known.sha256, options);
  return { path, notes: preprocessingNotes(name, await jsonIn(configPath, configSchema)) };
}

/** The maximum number of hub redirects to follow, to a renamed repository or another mirror. */
const MAX_REDIRECTIONS = 5;

/** Returns the SHA-256 of a file, which the hub reports when it redirects to its large file storage. */
async function hubSha256(
  url: string,
  name: string,
  request: Parameters<typeof fetchHeaders>[1],
  redirections = 0,
): Promise<string> {
  const { status, headers } = await fetchHeaders(url, request);
  const location = headers.get('location');
  if (location && !headers.has('x-linked-etag') && redirections < MAX_REDIRECTIONS) {
    return hubSha256(new URL(location, url).href, name, request, redirections + 1);
  }
  const { remedy } = request;
  // For a missing repository, the hub may ask for a login instead.
  if (status === 404 || status === 401) {
    throw new UserError({ what: l10n.t('The Hugging Face Hub has no weights timm/{0}.', name), remedy });
  }
  if (status >= 400) {
    throw new UserError({ what: l10n.t('{0}: The server answered {1}.', url, status), remedy });
  }
  const tag = headers.get('x-linked-etag')?.replace(/^(?:W\/)?"(.*)"$/, '$1') ?? '';
  if (/^[0-9a-f]{64}$/.test(tag)) return tag;
  throw new UserError({
    what: l10n.t('{0}: The server does not provide a SHA-256 of the file.', url),
    remedy,
  });
}

/** Ensures that a file exists and is intact. Downloads a damaged one again. */
async function ensureFile(
  path: string,
  url: string,
  sha256: string,
  { signal, idleTimeoutMs = IDLE_TIMEOUT_MS, onProgress }: PublishedOptions,
): Promise<void> {
  if ((await sha256IfThere(path, signal))?.startsWith(sha256)) return;
  const remedy = l10n.t(
    'Check the network and the free disk space, or download {0} yourself and specify the file in init.',
    url,
  );
  const published = { urls: [url], sha256, limitBytes: LIMIT_BYTES };
  await downloadFile(path, published, { idleTimeoutMs, remedy, signal, onProgress });
}

async function sha256IfThere(path: string, signal: AbortSignal | undefined): Promise<string | null> {
  try {
    return await sha256Of(path, signal);
  } catch (error) {
    if (isSystemError(error, 'ENOENT', 'ENOTDIR')) return null;
    throw error;
  }
}

function cacheOf({ cacheFolder }: PublishedOptions): string {
  return join(cacheFolder || envPaths('bag-of-tricks', { suffix: '' }).cache, 'weights');
}

function hubRemedy(name: string): string {
  return l10n.t(
    'Check the name and the network: https://huggingface.co/timm lists the weights. Or download model.safetensors of timm/{0} yourself and specify the file in init.',
    name,
  );
}

/** The part of timm's config.json that describes preprocessing. */
const configSchema = z.object({
  pretrained_cfg: z.object({
    mean: z.array(z.number()).length(3),
    std: z.array(z.number()).length(3),
    interpolation: z.string(),
    crop_pct: z.number(),
    input_size: z.array(z.number()).length(3),
  }),
});
type HubConfig = z.output<typeof configSchema>;

/** Reads a JSON file; null if it is missing or does not match the schema. */
async function jsonIn<Schema extends z.ZodType>(
  path: string,
  schema: Schema,
): Promise<z.output<Schema> | null> {
  try {
    return schema.parse(JSON.parse(await readRegular(path, 'utf8', 1 << 20)));
  } catch {
    return null;
  }
}

/** Returns a note if the hub does not state the preprocessing, or states another than the one known here. */
function preprocessingNotes(name: string, config: HubConfig | null): string[] {
  const known = preprocessingOf(`timm:${name}`);
  if (!config)
    return [l10n.t('config.json of {0} does not specify the image preprocessing.', `timm/${name}`)];
  const stated = textOf(hubPreprocessing(config));
  if (!known) {
    return [l10n.t('{0} expects this preprocessing: {1}. Set data to match.', `timm/${name}`, stated)];
  }
  return stated === textOf(known)
    ? []
    : [
        l10n.t(
          'Warning: {0} now expects this preprocessing: {1}. The experiment uses: {2}.',
          `timm/${name}`,
          stated,
          textOf(known),
        ),
      ];
}

type AnyPreprocessing = Omit<Preprocessing, 'mean' | 'std' | 'interpolation'> & {
  readonly mean: readonly number[];
  readonly std: readonly number[];
  readonly interpolation: string;
};

function hubPreprocessing({ pretrained_cfg }: HubConfig): AnyPreprocessing {
  const { mean, std, interpolation, crop_pct, input_size } = pretrained_cfg;
  return { mean, std, interpolation, cropPct: crop_pct, inputSize: input_size[1] ?? 0 };
}

function textOf({ mean, std, interpolation, cropPct, inputSize }: AnyPreprocessing): string {
  const list = (values: readonly number[]) => `[${values.map((value) => formatNumber(value)).join(', ')}]`;
  return [
    ...[`mean ${list(mean)}`, `std ${list(std)}`, `interpolation ${interpolation}`],
    ...[`crop_pct ${formatNumber(cropPct)}`, `image_size ${inputSize}`],
  ].join(', ');
}
