/**
 * Compares the images per second of the training pipeline with PyTorch's DataLoader, with the same number of workers: a
 * random resized crop to 224 and a flip of 500x375 JPEGs. The two alternate epoch by epoch, so other load on the
 * machine affects both alike. Needs a Python with torch and torchvision (BENCH_PYTHON, or python3).
 *
 *     node bench/bundle.mjs pipeline && node dist/bench/pipeline.js [--images 1000] [--rounds 5] [--workers 2]
 */
import { execFileSync, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { nameTable, type SplitTable } from '../src/datasets/table';
import type { DatasetFacts } from '../src/recipe/datasets';
import { inOrder } from '../src/training/data/batches';
import { ImagePipeline, type PipelineOptions } from '../src/training/data/pipeline/imagePipeline';
import { Random } from '../src/training/random';
import { median } from './median';

const BATCH = 64;
const PRESIZE = 256;

const { values } = parseArgs({
  options: {
    images: { type: 'string', default: '1000' },
    rounds: { type: 'string', default: '5' },
    workers: { type: 'string', default: '2' },
    folder: { type: 'string' },
  },
});
const [images, rounds, workers] = [Number(values.images), Number(values.rounds), Number(values.workers)];
const python = process.env.BENCH_PYTHON || 'python3';
const script = join(__dirname, '..', '..', 'bench', 'pipeline.py');

interface Taken {
  readonly imagesPerSecond: number;
  /** Processor time per image, over all threads and processes. */
  readonly cpuMs: number;
}

/** Runs a contestant's next epoch. */
type Epoch = () => Promise<Taken>;

async function main(): Promise<void> {
  const folder = values.folder ?? (await mkdtemp(join(tmpdir(), 'bench-pipeline-')));
  if (!existsSync(join(folder, 'train'))) execFileSync(python, [script, 'make', folder, `${images}`]);
  const table = await folderTable(join(folder, 'train'));
  const torch = startTorch(folder);
  const stores = await mkdtemp(join(tmpdir(), 'bench-presized-'));
  const [plain, presized] = [await open(table, null), await open(table, { folder: stores, key: 'filled' })];
  const contestants: Record<string, Epoch> = {
    torch: torch.epoch,
    decoded: epochs(plain),
    'presized, first epoch': () => firstEpoch(table, stores),
    'presized, later': epochs(presized),
  };
  const taken: Record<string, Taken[]> = {};
  // Warms up and fills the store.
  for (const epoch of Object.values(contestants)) await epoch();
  for (let round = 0; round < rounds; round++) {
    for (const [name, epoch] of Object.entries(contestants)) {
      taken[name] = [...(taken[name] ?? []), await epoch()];
    }
  }
  torch.stop();
  await plain.close();
  await presized.close();
  await rm(stores, { recursive: true });
  if (values.folder === undefined) await rm(folder, { recursive: true });
  const of = (name: string, number: keyof Taken) => (taken[name] ?? []).map((each) => each[number]);
  const ratios = (name: string) => {
    const torchs = of('torch', 'imagesPerSecond');
    return of(name, 'imagesPerSecond').map((speed, round) => speed / (torchs[round] ?? Number.NaN));
  };
  const row = (name: string) => ({
    imagesPerSecond: Math.round(median(of(name, 'imagesPerSecond'))),
    cpuMs: median(of(name, 'cpuMs')).toFixed(2),
    ratio: median(ratios(name)).toFixed(2),
    cpuRatio: (median(of('torch', 'cpuMs')) / median(of(name, 'cpuMs'))).toFixed(2),
    ratios: ratios(name)
      .map((ratio) => ratio.toFixed(2))
      .join(' '),
  });
  console.log(
    `${cpus()[0]?.model}, ${cpus().length} cores, Node ${process.versions.node}, ${torch.version()}`,
  );
  console.log(
    `${images} JPEGs of 500x375 to 224x224, ${workers} workers, presize ${PRESIZE}, medians of ${rounds}`,
  );
  console.table(Object.fromEntries(Object.keys(contestants).map((name) => [name, row(name)])));
}

/** Runs an epoch that resizes and stores its images, including the start of the threads. */
async function firstEpoch(table: SplitTable, stores: string): Promise<Taken> {
  const key = 'first';
  const pipeline = await open(table, { folder: stores, key });
  const taken = await epochs(pipeline)();
  await pipeline.close();
  await rm(join(stores, key), { recursive: true });
  return taken;
}

function open(table: SplitTable, store: PipelineOptions['store']): Promise<ImagePipeline> {
  const facts: DatasetFacts = {
    ...{
      name: 'image_folder',
      trainImages: images,
      validationImages: 1,
      height: 224,
      width: 224,
      channels: 3,
    },
    ...{ classes: 10, classNames: [], mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] },
  };
  return ImagePipeline.open({
    tables: { train: table, validation: table },
    facts,
    images: {
      ...{ size: 224, interpolation: 'bilinear', cropPct: 0.875, onBadImage: 'fail' },
      presize: store && PRESIZE,
    },
    steps: [
      { step: 'random_resized_crop', area: [0.08, 1], aspect: [3 / 4, 4 / 3] },
      { step: 'flip', probability: 0.5 },
    ],
    ...{ seed: 0, batchSize: BATCH, workers, cacheBytes: 0 },
    store,
    onNote: (text) => console.error(text),
    path: join(__dirname, 'imageWorker.js'),
  });
}

function epochs(pipeline: ImagePipeline): Epoch {
  const source = pipeline.split('train').batches('training', BATCH);
  const random = Random.seeded(0, 'bench');
  let epoch = 0;
  return async () => {
    const order = inOrder(pipeline.split('train').count);
    random.shuffle(order);
    const [start, before] = [performance.now(), process.cpuUsage()];
    for (let index = 0; index < source.count; index++) await source.fill(order, index, epoch);
    epoch++;
    const { user, system } = process.cpuUsage(before);
    const all = source.count * BATCH;
    return {
      imagesPerSecond: (1000 * all) / (performance.now() - start),
      cpuMs: (user + system) / 1000 / all,
    };
  };
}

function startTorch(folder: string): { epoch: Epoch; version(): string; stop(): void } {
  const child = spawn(python, [script, 'load', folder, `${workers}`, `${BATCH}`], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  let version = '';
  return {
    epoch: async () => {
      version ||= (await lines.next()).value ?? '';
      child.stdin.write('\n');
      const [all, seconds, cpuSeconds] = JSON.parse((await lines.next()).value) as [number, number, number];
      return { imagesPerSecond: all / seconds, cpuMs: (1000 * cpuSeconds) / all };
    },
    version: () => version,
    stop: () => child.stdin.end(),
  };
}

async function folderTable(root: string): Promise<SplitTable> {
  const names = (await readdir(root, { recursive: true })).filter((name) => name.endsWith('.jpg')).sort();
  const labels = new Uint32Array(new SharedArrayBuffer(4 * names.length));
  for (const [index, name] of names.entries()) labels[index] = Number(/class(\d+)/.exec(name)?.[1]);
  return { kind: 'files', root, names: nameTable(names), labels };
}

void main();
