import { createHash, randomUUID } from 'node:crypto';
import { type FileHandle, mkdir, open, readdir, rm, stat, statfs } from 'node:fs/promises';
import { dirname, join, posix } from 'node:path';
import * as l10n from '@vscode/l10n';
import { formatBytes } from '../../shared/format';
import { UserError } from '../../shared/userError';
import { isSystemError, reasonOf } from '../../system/errors';
import { processExists } from '../../system/processes';
import { renameOver } from '../../system/renameOver';
import { datasetError } from '../errors';
import { type ParquetColumns, ParquetFile, type ParquetRow } from '../formats/parquetRows';
import type { ListingOptions } from '../listing';
import { PACK_FILE } from '../table';
import { readColumns, writeColumns } from './columnFile';
import type { ParquetPart, ParquetParts } from './parquetFiles';
import { type ParquetTable, ParquetTableBuilder, storedTable, tableFrom } from './parquetTable';

/** A Parquet data set with random access to its images. */
export interface PackedParquet {
  readonly table: ParquetTable;
  /** The file with all images. It exists if the table says so. */
  readonly pack: string;
}

/** Increase this when the cached format changes. */
const FORMAT_VERSION = 1;
const TABLE_FILE = 'images.table';
const UNFINISHED = '.unfinished';
const WRITE_BYTES = 1 << 22;

/**
 * Copies the images of a Parquet data set into one file in the cache, for random access. In Parquet, several images may
 * be compressed together. Reuses an earlier copy as long as all files have the same size and mtime.
 *
 * The copy gets its name only after it is complete and on disk.
 *
 * @throws UserError if a file cannot be read or the disk is too small; the signal's reason if aborted
 */
export async function packParquet(
  parts: ParquetParts,
  columns: ParquetColumns,
  options: ListingOptions,
): Promise<PackedParquet> {
  const kept = join(options.cacheFolder, 'parquet');
  const folder = join(kept, keyOf(parts, columns));
  const found = await readPacked(folder);
  if (found) return found;
  const unfinished = `${folder}.${process.pid}.${randomUUID()}${UNFINISHED}`;
  try {
    await writing(folder, async () => {
      await mkdir(kept, { recursive: true });
      await removeUnfinished(kept);
      await mkdir(unfinished);
    });
    await writePacked(unfinished, parts, columns, options);
    await writing(folder, () => takeName(unfinished, folder));
  } finally {
    await rm(unfinished, { recursive: true, force: true });
  }
  const packed = await readPacked(folder);
  if (!packed) throw new Error(`${folder} was just written and cannot be read`);
  return packed;
}

/** Renames a finished copy, unless another process has finished the same one meanwhile. That one may be in use. */
async function takeName(unfinished: string, folder: string): Promise<void> {
  try {
    await renameOver(unfinished, folder);
  } catch (error) {
    if (!isSystemError(error, 'ENOTEMPTY', 'EEXIST', 'EPERM')) throw error;
    if (await readPacked(folder)) return;
    await rm(folder, { recursive: true, force: true });
    await renameOver(unfinished, folder);
  }
}

function keyOf({ root, parts }: ParquetParts, columns: ParquetColumns): string {
  const sources = parts.map(({ path, split, size, mtimeMs }) => [path, split, size, mtimeMs]);
  const text = JSON.stringify([FORMAT_VERSION, root, sources, columns]);
  return createHash('sha256').update(text).digest('hex').slice(0, 32);
}

/** Reads the cached copy; null if it is missing or incomplete. */
async function readPacked(folder: string): Promise<PackedParquet | null> {
  try {
    const stored = await readColumns(join(folder, TABLE_FILE));
    const table = stored && tableFrom(stored);
    if (!table) return null;
    const pack = join(folder, PACK_FILE);
    if (table.kind === 'paths') return { table, pack };
    const last = table.lengths.length - 1;
    const bytes = last < 0 ? 0 : table.offsets[last]! + table.lengths[last]!;
    return (await stat(pack)).size === bytes ? { table, pack } : null;
  } catch (error) {
    if (isSystemError(error, 'ENOENT')) return null;
    throw error;
  }
}

async function writePacked(
  folder: string,
  { root, parts }: ParquetParts,
  columns: ParquetColumns,
  { signal, onProgress }: ListingOptions,
): Promise<void> {
  const { rows: totalRows, classNames } = await lookAt(folder, parts, columns);
  const builder = new ParquetTableBuilder(columns.group !== null);
  const pack = await PackWriter.create(join(folder, PACK_FILE));
  /** Determined by the first row with an image. */
  let kind: ParquetTable['kind'] | null = null;
  let rowsDone = 0;
  const add = async (part: ParquetPart, row: ParquetRow, number: number) => {
    const place = `${part.name}#${number}`;
    const { bytes, path, label, group } = row;
    kind ??= bytes ? 'bytes' : path ? 'paths' : null;
    if (kind === null || !(kind === 'bytes' ? bytes : path)) return builder.skip('imageless', place);
    if (label === null || label === '-1') return builder.skip(part.split, place);
    const common = { split: part.split, label, group };
    if (kind === 'bytes') {
      const name = path ? `${place}/${path}` : place;
      builder.add({ ...common, ...(await pack.add(bytes!)), name });
      return;
    }
    const name = nameBelow(part, path!);
    if (name === null) return builder.skip('outside', `${place}: ${path}`);
    builder.add({ ...common, offset: 0, length: 0, name });
  };
  try {
    for (const part of parts) {
      const file = await ParquetFile.open(part.path, columns);
      try {
        let number = 0;
        for await (const rows of file.rows()) {
          for (const row of rows) await add(part, row, number++);
          rowsDone += rows.length;
          onProgress?.(l10n.t('Unpacking {0}', part.name), rowsDone / totalRows);
          signal?.throwIfAborted();
        }
      } finally {
        await file.close();
      }
    }
    await pack.finish();
  } finally {
    await pack.close();
  }
  if (kind === null) {
    throw datasetError(
      parts.length === 1 ? parts[0]!.path : root,
      l10n.t('No row has an image in the column {0}.', columns.image),
      l10n.t('Set {0} to the image column.', 'data.image_column'),
    );
  }
  const { content, columns: stored } = storedTable(builder.finish(kind, classNames));
  await writing(folder, () => writeColumns(join(folder, TABLE_FILE), content, stored));
}

/**
 * Inspects all files before the first is copied.
 *
 * @throws UserError if a file's columns or classes differ from the first file's, or the disk lacks space
 */
async function lookAt(
  folder: string,
  parts: readonly ParquetPart[],
  columns: ParquetColumns,
): Promise<{ rows: number; classNames: readonly string[] | null }> {
  let rows = 0;
  let imageBytes = 0;
  let classNames: readonly string[] | null = null;
  for (const [index, part] of parts.entries()) {
    const file = await ParquetFile.open(part.path, columns);
    try {
      rows += file.rowCount;
      imageBytes += file.imageBytes;
      const own = file.classNames;
      if (index === 0) classNames = own;
      else if (JSON.stringify(own) !== JSON.stringify(classNames)) {
        throw datasetError(
          part.path,
          l10n.t('Its classes differ from those of {0}.', parts[0]!.path),
          l10n.t('Specify files of a single data set, with the same classes in each.'),
        );
      }
    } finally {
      await file.close();
    }
  }
  const { bavail, bsize } = await statfs(folder);
  if (bavail * bsize < imageBytes) {
    throw datasetError(
      folder,
      l10n.t(
        'The unpacked images need {0}, but the disk has {1} free.',
        formatBytes(imageBytes),
        formatBytes(bavail * bsize),
      ),
      spaceRemedy(),
    );
  }
  return { rows, classNames };
}

/** Returns an image's path relative to the data set's folder; null if it leaves the folder. */
function nameBelow(part: ParquetPart, path: string): string | null {
  const slashed = path.replaceAll('\\', '/');
  if (slashed.startsWith('/') || /^[a-z]:/i.test(slashed)) return null;
  const name = posix.normalize(posix.join(posix.dirname(part.name), slashed));
  return name === '..' || name.startsWith('../') ? null : name;
}

/** Appends images to a file, many per write. */
class PackWriter {
  readonly #waiting: Uint8Array[] = [];
  #waitingBytes = 0;
  #end = 0;

  private constructor(
    private readonly path: string,
    private readonly file: FileHandle,
  ) {}

  static async create(path: string): Promise<PackWriter> {
    return new PackWriter(path, await writing(path, () => open(path, 'wx')));
  }

  async add(bytes: Uint8Array): Promise<{ offset: number; length: number }> {
    const offset = this.#end;
    this.#end += bytes.length;
    this.#waiting.push(bytes);
    this.#waitingBytes += bytes.length;
    if (this.#waitingBytes >= WRITE_BYTES) await this.#flush();
    return { offset, length: bytes.length };
  }

  async finish(): Promise<void> {
    await this.#flush();
    await writing(this.path, () => this.file.sync());
  }

  async close(): Promise<void> {
    await this.file.close();
  }

  async #flush(): Promise<void> {
    const bytes = Buffer.concat(this.#waiting.splice(0));
    this.#waitingBytes = 0;
    await writing(this.path, () => this.file.writeFile(bytes));
  }
}

/** Removes the leftovers of dead processes. */
async function removeUnfinished(kept: string): Promise<void> {
  for (const name of await readdir(kept)) {
    const [, pid] = name.endsWith(UNFINISHED) ? name.split('.') : [];
    if (pid === undefined || processExists(Number(pid))) continue;
    await rm(join(kept, name), { recursive: true, force: true });
  }
}

/** Runs work that writes at `where`. Turns a system error into a UserError. */
async function writing<Result>(where: string, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof UserError) throw error;
    const what = l10n.t('The images cannot be unpacked: {0}.', reasonOf(error));
    const remedy = isSystemError(error, 'ENOSPC', 'EDQUOT')
      ? spaceRemedy()
      : l10n.t('Make the folder {0} writable.', dirname(where));
    throw datasetError(where, what, remedy, { cause: error });
  }
}

function spaceRemedy(): string {
  return l10n.t('Free some space, or set {0} to a cache folder on another disk.', 'BAG_OF_TRICKS_CACHE');
}
