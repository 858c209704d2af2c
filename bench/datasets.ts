/**
 * Measures how long listing a folder of images takes, and its peak memory. Creates a folder of empty files named like
 * ImageNet's and lists it twice in a separate process. The second time, the folders are in the system's cache. Creating
 * 1,281,167 files takes some minutes, and 6 GB of ext4 space for folders and inodes.
 *
 *     node bench/bundle.mjs datasets && node dist/bench/datasets.js [--images 1281167] [--classes 1000] [--folder F]
 */

import { execFileSync } from 'node:child_process';
import { closeSync, mkdirSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { listDataset } from '../src/datasets/list';

interface Measured {
  readonly classes: number;
  readonly train: number;
  readonly validation: number;
  readonly listMs: number;
  readonly peakBytes: number;
  /** Memory of a process that has loaded the same modules and listed nothing. */
  readonly idleBytes: number;
  readonly tableBytes: number;
}

const { values } = parseArgs({
  options: {
    images: { type: 'string', default: '1281167' },
    classes: { type: 'string', default: '1000' },
    folder: { type: 'string', default: tmpdir() },
    list: { type: 'string' },
  },
});

if (values.list === undefined) bench();
else
  void measure(values.list).then((measured) => {
    console.log(JSON.stringify(measured));
  });

function bench(): void {
  const [images, classes] = [Number(values.images), Number(values.classes)];
  const folder = mkdtempSync(join(values.folder, 'bench-datasets-'));
  try {
    const startMs = performance.now();
    makeImages(folder, images, classes);
    console.log(`${images} files in ${classes} folders, made in ${seconds(performance.now() - startMs)} s`);
    for (const round of ['first', 'second']) {
      const measured: Measured = JSON.parse(
        execFileSync(process.execPath, [__filename, '--list', folder], { encoding: 'utf8' }),
      );
      const { listMs, peakBytes, idleBytes, tableBytes, train, validation } = measured;
      console.log(
        `${round}: ${train} + ${validation} images in ${measured.classes} classes, ${seconds(listMs)} s, ` +
          `peak ${mebibytes(peakBytes)} MiB (idle ${mebibytes(idleBytes)}), tables ${mebibytes(tableBytes)} MiB`,
      );
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Creates files such as train/n00000012/n00000012_345.JPEG. */
function makeImages(folder: string, images: number, classes: number): void {
  for (let label = 0; label < classes; label++) {
    const name = `n${String(label).padStart(8, '0')}`;
    mkdirSync(join(folder, 'train', name), { recursive: true });
    for (let i = label; i < images; i += classes)
      closeSync(openSync(join(folder, 'train', name, `${name}_${Math.floor(i / classes)}.JPEG`), 'w'));
  }
}

async function measure(folder: string): Promise<Measured> {
  const idleBytes = process.resourceUsage().maxRSS * 1024;
  const startMs = performance.now();
  const listed = await listDataset(
    { dataset: 'image_folder', path: folder, split: { validation: 0.1, seed: 0 } },
    { folder, cacheFolder: folder },
  );
  const listMs = performance.now() - startMs;
  const tables = [listed.train, listed.validation].map((table) =>
    table.kind === 'files'
      ? table.names.text.byteLength + table.names.starts.byteLength + table.labels.byteLength
      : 0,
  );
  return {
    classes: listed.classNames.length,
    train: listed.train.labels.length,
    validation: listed.validation.labels.length,
    listMs,
    peakBytes: process.resourceUsage().maxRSS * 1024,
    idleBytes,
    tableBytes: tables.reduce((sum, bytes) => sum + bytes, 0),
  };
}

function seconds(ms: number): string {
  return (ms / 1000).toFixed(1);
}

function mebibytes(bytes: number): string {
  return (bytes / 2 ** 20).toFixed(0);
}
