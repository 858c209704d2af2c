import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ListedDataset, ListingOptions } from '../../../src/datasets/listing';
import type { PixelTable } from '../../../src/datasets/sources/pixelTable';
import type { SplitTable } from '../../../src/datasets/table';
import type { SplitOptions } from '../../../src/recipe/datasets';

/** Files written by Python. See `make.py` in that folder. */
export const FIXTURES = join(__dirname, '../../fixtures/datasets');

const read: Readonly<Record<string, unknown>> = JSON.parse(
  readFileSync(join(FIXTURES, 'expected.json'), 'utf8'),
);

/** Returns what Python reads in them, by the name that `make.py` gives it. */
export function expected<Value>(name: string): Value {
  if (!(name in read)) throw new Error(`make.py has no ${name}`);
  return read[name] as Value;
}

export const SPLIT: SplitOptions = { validation: 0.4, seed: 0 };

/** Returns options that keep the cache inside that folder. */
export function listingIn(folder: string, more: Partial<ListingOptions> = {}): ListingOptions {
  return { folder, cacheFolder: join(folder, 'cache'), ...more };
}

export function pixelsOf(table: SplitTable | null): PixelTable {
  if (table?.kind !== 'pixels') throw new Error(`${table?.kind} are no pixels`);
  return table;
}

/**
 * Returns each image's label and pixels as text, in any order. Shows whether a split lost, duplicated or mixed up
 * images.
 */
export function imagesOf(...tables: readonly SplitTable[]): string[] {
  return tables
    .map(pixelsOf)
    .flatMap(({ pixels, labels, height, width, channels }) => {
      const size = height * width * channels;
      return [...labels].map((label, i) => `${label}: ${pixels.subarray(i * size, (i + 1) * size)}`);
    })
    .sort();
}

/** Returns the severities, kinds and counts of a data set's problems. */
export function problemsOf({ problems }: ListedDataset): string[] {
  return problems.map(({ severity, kind, count }) => `${severity} ${kind} ${count}`);
}
