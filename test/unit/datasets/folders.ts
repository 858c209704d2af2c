import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach } from 'vitest';
import type { DataProblem, ListedDataset } from '../../../src/datasets/listing';
import { imageName, type SplitTable } from '../../../src/datasets/table';

/** A separate folder for each test of a file, deleted afterwards. */
export function testFolder(): { readonly path: string } {
  let path = '';
  beforeEach(async () => {
    path = await mkdtemp(join(tmpdir(), 'data set é-'));
  });
  afterEach(async () => {
    await rm(path, { recursive: true, force: true });
  });
  return {
    get path() {
      return path;
    },
  };
}

/** Creates files below a folder, including parent folders. */
export async function makeFiles(
  folder: string,
  names: readonly string[],
  content: string | Uint8Array = 'image',
): Promise<void> {
  for (const name of names) {
    const path = join(folder, name);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, content);
  }
}

/** Names `count` images per class, such as `train/cat/3.jpg`. */
export function numbered(folders: readonly string[], count: number): string[] {
  return folders.flatMap((folder) => Array.from({ length: count }, (_, i) => `${folder}/${i}.jpg`));
}

/** Returns the images of a split in order, as `name: class`. */
export function imagesOf({ classNames }: ListedDataset, table: SplitTable | null): string[] {
  if (!table) return [];
  return Array.from(table.labels, (label, i) => `${imageName(table, i)}: ${classNames[label]}`);
}

/** Returns the problems of one kind. */
export function problemsOf({ problems }: ListedDataset, kind: DataProblem['kind']): DataProblem[] {
  return problems.filter((problem) => problem.kind === kind);
}
