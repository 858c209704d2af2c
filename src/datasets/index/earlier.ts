import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { isSystemError } from '../../system/errors';
import type { SplitTable } from '../table';
import { type TableFile, tableFileSchema } from './datasetIndex';
import { MOMENTS } from './moments';
import { HASH_WORDS } from './perceptual';
import { indexesFolder } from './store';
import { type IndexTable, readTable, tableArrays } from './tableFile';
import { HASH_BYTES, type Looks, nameHash, newLooks, SEEN, type SeenSplit, slotOf } from './tables';

const indexSchema = z.object({ imagesKey: z.string(), table: tableFileSchema });

/** The table of an earlier index. */
export interface EarlierTable extends IndexTable {
  /** Its file name. */
  readonly file: string;
}

/**
 * Returns the table of an earlier index of the same images, preferably with the same key, else with another split. Null
 * if there is no readable one.
 *
 * @param known a listing's tables, whose arrays are reused where they are unchanged
 */
export async function readEarlier(
  root: string,
  { key, imagesKey }: { readonly key: string; readonly imagesKey: string },
  known: readonly SplitTable[],
): Promise<EarlierTable | null> {
  const folder = indexesFolder(root);
  for (const name of await indexNames(folder, key)) {
    const file = await tableFileOf(join(folder, name), imagesKey);
    if (!file) continue;
    const table = await readTable(join(folder, file.file), file, known.flatMap(tableArrays)).catch(
      () => null,
    );
    if (table) return { ...table, file: file.file };
  }
  return null;
}

/** Returns the index files in a folder, that of `key` first. */
async function indexNames(folder: string, key: string): Promise<string[]> {
  try {
    const names = (await readdir(folder)).filter((name) => /^[0-9a-f]+\.json$/.test(name));
    return names.sort((a, b) => Number(b === `${key}.json`) - Number(a === `${key}.json`));
  } catch (error) {
    if (isSystemError(error, 'ENOENT', 'ENOTDIR')) return [];
    throw error;
  }
}

async function tableFileOf(path: string, imagesKey: string): Promise<TableFile | null> {
  try {
    const parsed = indexSchema.safeParse(JSON.parse(await readFile(path, 'utf8')));
    return parsed.success && parsed.data.imagesKey === imagesKey ? parsed.data.table : null;
  } catch {
    return null;
  }
}

/**
 * Returns the looks for a split's images, filled in from an earlier table. The caller must check whether the image
 * files have changed since. Images inside files that changed, according to `isSameFile`, count as unknown.
 *
 * @param detailed the images to decode fully
 */
export function looksFrom(
  earlier: IndexTable | null,
  { name, table }: Pick<SeenSplit, 'name' | 'table'>,
  detailed: Uint32Array,
  isSameFile: (path: string) => boolean,
): Looks {
  // Always rescans pixels in memory, because checking them for changes takes just as long.
  if (!earlier || table.kind === 'pixels') return newLooks(table.labels.length, detailed);
  const same = earlier.splits.find((split) => split.name === name && isSameTable(split.table, table));
  const isWhole = same && equal(same.looks.details.images, detailed);
  const looks = isWhole ? same.looks : newLooks(table.labels.length, detailed);
  if (!isWhole) {
    for (const split of earlier.splits) copyKnown(split, table, looks);
  }
  if (table.kind === 'ranges') {
    const isSame = table.files.map(isSameFile);
    for (let image = 0; image < looks.flags.length; image++) {
      if (!isSame[table.file[image]!]) looks.flags[image] = 0;
    }
  }
  return looks;
}

/** Whether two tables name the same images in the same order. Equal arrays are shared, so identity is enough. */
function isSameTable(one: SplitTable, other: SplitTable): boolean {
  if (one.kind === 'pixels' || other.kind === 'pixels') return false;
  if (one.names.text !== other.names.text || one.names.starts !== other.names.starts) return false;
  if (one.kind === 'files') return other.kind === 'files' && one.root === other.root;
  return (
    other.kind === 'ranges' &&
    JSON.stringify(one.files) === JSON.stringify(other.files) &&
    one.file === other.file &&
    one.offset === other.offset &&
    one.length === other.length
  );
}

function equal(one: Uint32Array, other: Uint32Array): boolean {
  return one.length === other.length && one.every((value, index) => value === other[index]);
}

/** Copies what is known of images with the same root and name. */
function copyKnown(from: SeenSplit, table: SplitTable, looks: Looks): void {
  const old = from.table;
  if (old.kind === 'pixels' || table.kind === 'pixels' || old.kind !== table.kind) return;
  if (old.kind === 'files' && table.kind === 'files' && old.root !== table.root) return;
  const find = finderOf(old);
  for (let image = 0; image < table.labels.length; image++) {
    const match = find(table, image);
    if (match !== -1) copyLook(from.looks, match, looks, image);
  }
}

type NamedTable = Exclude<SplitTable, { kind: 'pixels' }>;

/**
 * Returns a function that finds another table's image in `table`, by open addressing over the name hashes; -1 if there
 * is none.
 */
function finderOf(table: NamedTable): (other: NamedTable, image: number) => number {
  const count = table.labels.length;
  const mask = 2 ** Math.ceil(Math.log2(count * 1.5 + 1)) - 1;
  const places = new Int32Array(mask + 1).fill(-1);
  for (let image = 0; image < count; image++) {
    let place = nameHash(table, image) & mask;
    while (places[place] !== -1) place = (place + 1) & mask;
    places[place] = image;
  }
  return (other, image) => {
    for (let place = nameHash(other, image) & mask; places[place] !== -1; place = (place + 1) & mask) {
      if (isSameImage(table, places[place]!, other, image)) return places[place]!;
    }
    return -1;
  };
}

function isSameImage(one: NamedTable, a: number, other: NamedTable, b: number): boolean {
  const [startA, startB] = [one.names.starts[a]!, other.names.starts[b]!];
  const length = one.names.starts[a + 1]! - startA;
  if (other.names.starts[b + 1]! - startB !== length) return false;
  for (let at = 0; at < length; at++) {
    if (one.names.text[startA + at] !== other.names.text[startB + at]) return false;
  }
  if (one.kind === 'files' || other.kind === 'files') return one.kind === other.kind;
  return (
    one.offset[a] === other.offset[b] &&
    one.length[a] === other.length[b] &&
    one.files[one.file[a]!] === other.files[other.file[b]!]
  );
}

function copyLook(from: Looks, a: number, to: Looks, b: number): void {
  to.modified[b] = from.modified[a]!;
  to.size[b] = from.size[a]!;
  to.hash.set(from.hash.subarray(a * HASH_BYTES, (a + 1) * HASH_BYTES), b * HASH_BYTES);
  to.height[b] = from.height[a]!;
  to.width[b] = from.width[a]!;
  const [slotA, slotB] = [slotOf(from.details, a), slotOf(to.details, b)];
  const hasDetails = slotA !== -1 && slotB !== -1;
  to.flags[b] = from.flags[a]! & (hasDetails ? 0xff : ~(SEEN.decoded | SEEN.hashed));
  if (!hasDetails) return;
  const { moments, perceptual } = from.details;
  to.details.moments.set(moments.subarray(slotA * MOMENTS, (slotA + 1) * MOMENTS), slotB * MOMENTS);
  const hash = perceptual.subarray(slotA * HASH_WORDS, (slotA + 1) * HASH_WORDS);
  to.details.perceptual.set(hash, slotB * HASH_WORDS);
}
