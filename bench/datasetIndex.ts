/**
 * Measures how long a data set of many files takes to index, how long it takes to index again, and how much memory that
 * needs. The files are small JPEGs of 8x8 pixels with distinct contents, in 1,000 classes and as many files as ImageNet
 * has.
 *
 *     node esbuild.mjs && node bench/bundle.mjs datasetIndex && node dist/bench/datasetIndex.js [files] [folder] [keep]
 *
 * Each step runs in its own process, so its peak resident memory is measured alone. Each file takes 4 KiB on most
 * disks. The third argument keeps the files.
 */
import { execFileSync } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { openIndexed } from '../src/datasets/index/openIndexed';
import { indexDataset } from '../src/datasets/index/scan';
import { indexesFolder } from '../src/datasets/index/store';
import { listDataset } from '../src/datasets/list';
import { loadSharp } from '../src/datasets/sharp';
import type { OwnDatasetRequest } from '../src/recipe/datasets';
import { formatBytes, formatCount } from '../src/shared/format';

const CLASSES = 1000;
const REQUEST: OwnDatasetRequest = {
  dataset: 'image_folder',
  path: 'images',
  split: { validation: 0.04, seed: 0 },
};

const STEPS = {
  'process alone': async () => {},
  'listing alone': async (root: string) => {
    await listDataset(REQUEST, places(root));
  },
  'first scan': scan,
  'scan of the unchanged tree': scan,
  'scan after 1,000 files came': scan,
  opening: async (root: string) => {
    const { index } = await openIndexed(root, REQUEST, root, { ...places(root), onBadImage: 'fail' });
    console.error(formatCount(index.facts.trainImages));
  },
} as const;
type Step = keyof typeof STEPS;

const places = (root: string) => ({ root, folder: root, cacheFolder: join(root, 'cache') });

async function scan(root: string): Promise<void> {
  await indexDataset(REQUEST, places(root));
}

/** Writes the files with indices `from` (inclusive) to `to` (exclusive). */
async function writeFiles(root: string, from: number, to: number): Promise<void> {
  const raw = { width: 8, height: 8, channels: 3 } as const;
  const jpeg = await loadSharp()(Buffer.from(Array.from({ length: 192 }, (_, at) => (at * 37) % 256)), {
    raw,
  })
    .jpeg()
    .toBuffer();
  for (let label = 0; label < CLASSES; label++) {
    mkdirSync(join(root, 'images', className(label)), { recursive: true });
  }
  for (let file = from; file < to; file++) {
    // A comment segment after the start marker gives each file different bytes.
    const comment = Buffer.from(`\xff\xfe\x00\x0a${String(file).padStart(8, '0')}`, 'latin1');
    const label = file % CLASSES;
    writeFileSync(
      join(root, 'images', className(label), `${className(label)}_${file}.JPEG`),
      Buffer.concat([jpeg.subarray(0, 2), comment, jpeg.subarray(2)]),
    );
  }
}

/** Named like ImageNet's classes. */
function className(label: number): string {
  return `n${String(label).padStart(8, '0')}`;
}

async function main([files = '1281167', folder, keep]: readonly string[]): Promise<void> {
  const count = Number(files);
  const root = folder ?? mkdtempSync(join(tmpdir(), 'bench-index-'));
  copyFileSync(join(__dirname, '..', 'looker.js'), join(__dirname, 'looker.js'));
  try {
    if (!existsSync(join(root, 'images'))) await writeFiles(root, 0, count);
    rmSync(indexesFolder(root), { recursive: true, force: true });
    console.log(
      `${formatCount(count)} files, Node ${process.versions.node}, ${cpus().length} threads of ${cpus()[0]?.model}\n`,
    );
    console.log('| step | time | processor time | peak memory | above the process alone |');
    console.log('| --- | ---: | ---: | ---: | ---: |');
    let alone = 0;
    for (const step of Object.keys(STEPS) as Step[]) {
      if (step === 'scan after 1,000 files came') await writeFiles(root, count, count + 1000);
      const text = execFileSync(process.execPath, [__filename, '--step', step, root], { encoding: 'utf8' });
      const { seconds, cpuSeconds, peakBytes } = JSON.parse(text);
      if (step === 'process alone') alone = peakBytes;
      const cells = [
        step,
        `${seconds.toFixed(1)} s`,
        `${cpuSeconds.toFixed(1)} s`,
        formatBytes(peakBytes),
        formatBytes(peakBytes - alone),
      ];
      console.log(`| ${cells.join(' | ')} |`);
    }
    const table = readdirSync(indexesFolder(root)).find((name) => name.endsWith('.bin'))!;
    const bytes = statSync(join(indexesFolder(root), table)).size;
    console.log(`\nThe table has ${(bytes / (count + 1000)).toFixed(1)} bytes an image.`);
  } finally {
    if (!keep) rmSync(root, { recursive: true, force: true });
  }
}

async function runStep(step: Step, root: string): Promise<void> {
  const started = performance.now();
  await STEPS[step](root);
  const { userCPUTime, systemCPUTime, maxRSS } = process.resourceUsage();
  console.log(
    JSON.stringify({
      seconds: (performance.now() - started) / 1000,
      cpuSeconds: (userCPUTime + systemCPUTime) / 1e6,
      peakBytes: maxRSS * 1024,
    }),
  );
}

const [flag, step, root] = process.argv.slice(2);
void (flag === '--step' && step && root ? runStep(step as Step, root) : main(process.argv.slice(2)));
