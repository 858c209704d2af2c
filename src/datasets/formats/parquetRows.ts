import type { FileHandle } from 'node:fs/promises';
import * as l10n from '@vscode/l10n';
import {
  type ColumnChunk,
  type FileMetaData,
  parquetMetadataAsync,
  parquetRead,
  parquetSchema,
  type RowGroup,
  type SchemaTree,
} from 'hyparquet';
import { formatBytes } from '../../shared/format';
import { UserError } from '../../shared/userError';
import { isMapping, valueAt } from '../../shared/values';
import { reasonOf } from '../../system/errors';
import { openRegular } from '../../system/regularFiles';
import { datasetError } from '../errors';

/** The columns to read. */
export interface ParquetColumns {
  readonly image: string;
  readonly label: string;
  readonly group: string | null;
}

/** A row. A field is null if the row has no such value. */
export interface ParquetRow {
  /** The encoded image. */
  readonly bytes: Uint8Array | null;
  readonly path: string | null;
  /** A class number in digits, or a class name. */
  readonly label: string | null;
  readonly group: string | null;
}

/** Limits on how much of a file is in memory at once, in bytes of images. */
export interface ParquetLimits {
  /** If a file has a page index, rows are read in blocks of this size. */
  readonly blockBytes: number;
  /** Without a page index, a row group is read whole, together with its decoded values. */
  readonly groupBytes: number;
}

const LIMITS: ParquetLimits = { blockBytes: 1 << 26, groupBytes: 1 << 30 };

/** A Parquet file of images and labels, in Hugging Face's layout or a plainer one. */
export class ParquetFile {
  private constructor(
    readonly path: string,
    private readonly file: FileHandle,
    private readonly bytes: number,
    private readonly metadata: FileMetaData,
    private readonly columns: ParquetColumns,
    private readonly limits: ParquetLimits,
  ) {}

  /** @throws UserError if the file cannot be read or lacks these image and label columns */
  static async open(path: string, columns: ParquetColumns, limits = LIMITS): Promise<ParquetFile> {
    let file: FileHandle | undefined;
    try {
      file = await openRegular(path);
      const { size } = await file.stat();
      // The smallest file has two magic numbers and a length.
      if (size < 12) throw new Error(l10n.t('it has only {0} bytes', size));
      const metadata = await parquetMetadataAsync(bufferOf(file, size));
      const opened = new ParquetFile(path, file, size, metadata, columns, limits);
      opened.#checkColumns();
      return opened;
    } catch (error) {
      await file?.close();
      throw unreadable(path, error);
    }
  }

  async close(): Promise<void> {
    await this.file.close();
  }

  get rowCount(): number {
    return Number(this.metadata.num_rows);
  }

  /** Estimates the size of the file's images, in bytes. */
  get imageBytes(): number {
    const chunks = this.metadata.row_groups.flatMap(({ columns }) => this.#imageChunks(columns));
    return bytesOf(chunks);
  }

  /** The class names from Hugging Face's ClassLabel; null if the label column is of another type. */
  get classNames(): string[] | null {
    const features = this.#features();
    const names = valueAt(features, [this.columns.label, 'names']);
    return Array.isArray(names) && names.every((name) => typeof name === 'string') ? names : null;
  }

  /**
   * Yields all rows in order, in batches.
   *
   * @throws UserError if the file is damaged or its row groups are too large
   */
  async *rows(): AsyncGenerator<ParquetRow[]> {
    let start = 0;
    for (const group of this.metadata.row_groups) {
      const groupRows = Number(group.num_rows);
      const blockRows = this.#rowsAtOnce(group, groupRows);
      for (let first = 0; first < groupRows; first += blockRows) {
        yield await this.#read(start + first, start + Math.min(first + blockRows, groupRows));
      }
      start += groupRows;
    }
  }

  #imageChunks(columns: readonly ColumnChunk[]): ColumnChunk[] {
    return columns.filter(({ meta_data }) => meta_data?.path_in_schema[0] === this.columns.image);
  }

  #rowsAtOnce(group: RowGroup, groupRows: number): number {
    const chunks = this.#imageChunks(group.columns);
    const bytes = bytesOf(chunks);
    const { blockBytes, groupBytes } = this.limits;
    if (bytes <= blockBytes) return groupRows;
    if (chunks.every(({ offset_index_length }) => offset_index_length)) {
      return Math.max(1, Math.floor((groupRows * blockBytes) / bytes));
    }
    if (bytes <= groupBytes) return groupRows;
    throw datasetError(
      this.path,
      l10n.t(
        'A row group has {0} of images, but at most {1} can be read at once.',
        formatBytes(bytes),
        formatBytes(groupBytes),
      ),
      l10n.t(
        'Write the file with smaller row groups, such as {0}.',
        'pq.write_table(table, path, row_group_size=1000)',
      ),
    );
  }

  async #read(rowStart: number, rowEnd: number): Promise<ParquetRow[]> {
    const { image, label, group } = this.columns;
    let found: readonly Record<string, unknown>[] = [];
    try {
      await parquetRead({
        file: bufferOf(this.file, this.bytes),
        metadata: this.metadata,
        columns: [...new Set([image, label, ...(group === null ? [] : [group])])],
        rowStart,
        rowEnd,
        rowFormat: 'object',
        // The values are image bytes, not text.
        utf8: false,
        useOffsetIndex: true,
        // Imported on demand: it instantiates WebAssembly on import, which reserves a lot of address space. See
        // docs/performance.md.
        compressors: (await import('hyparquet-compressors')).compressors,
        onComplete: (rows) => {
          found = rows;
        },
      });
      if (found.length !== rowEnd - rowStart) {
        throw new Error(l10n.t('it has only {0} of {1} rows', found.length, rowEnd - rowStart));
      }
    } catch (error) {
      throw unreadable(this.path, error);
    }
    return found.map((row) => ({
      ...imageOf(row[image]),
      label: scalarText(row[label]),
      group: group === null ? null : scalarText(row[group]),
    }));
  }

  #checkColumns(): void {
    const { image, label, group } = this.columns;
    const imageColumn = this.#column(image, 'data.image_column');
    const labelColumn = this.#column(label, 'data.label_column');
    if (group !== null) this.#column(group, 'data.split.group_by');
    if (!isImages(imageColumn)) {
      throw datasetError(
        this.path,
        l10n.t('The column {0} has neither image bytes nor image paths.', image),
        l10n.t("Write images with Hugging Face's feature {0}, or specify another column.", 'Image()'),
      );
    }
    if (labelColumn.children.length > 0 || labelColumn.element.repetition_type === 'REPEATED') {
      throw datasetError(
        this.path,
        l10n.t(
          'The column {0} has several values for each image, but models here predict a single class.',
          label,
        ),
        l10n.t('Set {0} to a column with one label per image.', 'data.label_column'),
      );
    }
  }

  #column(name: string, option: string): SchemaTree {
    const { children } = parquetSchema(this.metadata);
    const found = children.find(({ element }) => element.name === name);
    if (found) return found;
    const names = children.map(({ element }) => element.name).join(', ');
    throw datasetError(
      this.path,
      l10n.t('There is no column {0}. The columns are: {1}.', name, names),
      l10n.t('Set {0} to the name of the column.', option),
    );
  }

  /** Hugging Face's metadata about the columns. */
  #features(): unknown {
    const text = this.metadata.key_value_metadata?.find(({ key }) => key === 'huggingface')?.value;
    try {
      return valueAt(JSON.parse(text ?? 'null'), ['info', 'features']);
    } catch {
      return undefined;
    }
  }
}

function bytesOf(chunks: readonly ColumnChunk[]): number {
  return chunks.reduce((sum, { meta_data }) => sum + Number(meta_data?.total_uncompressed_size ?? 0), 0);
}

/** Accepts bytes, a path, or a struct of both. */
function isImages({ element, children }: SchemaTree): boolean {
  if (element.repetition_type === 'REPEATED') return false;
  if (children.length === 0) return element.type === 'BYTE_ARRAY';
  return children.some(
    (child) => ['bytes', 'path'].includes(child.element.name) && child.element.type === 'BYTE_ARRAY',
  );
}

function imageOf(value: unknown): Pick<ParquetRow, 'bytes' | 'path'> {
  if (value instanceof Uint8Array) return { bytes: value, path: null };
  if (typeof value === 'string') return { bytes: null, path: value };
  if (!isMapping(value)) return { bytes: null, path: null };
  const { bytes, path } = value;
  return { bytes: bytes instanceof Uint8Array && bytes.length > 0 ? bytes : null, path: scalarText(path) };
}

/** Returns a number's digits or a text; null if there is no value or it has another type. */
function scalarText(value: unknown): string | null {
  switch (typeof value) {
    case 'bigint':
    case 'string':
      return String(value) || null;
    case 'number':
      return Number.isInteger(value) ? String(value) : null;
    case 'boolean':
      return value ? '1' : '0';
    default:
      return value instanceof Uint8Array ? Buffer.from(value).toString('utf8') || null : null;
  }
}

/** Wraps a file in the interface that hyparquet reads from. */
function bufferOf(file: FileHandle, byteLength: number) {
  const read = async (start: number, end: number): Promise<ArrayBuffer> => {
    if (!(start >= 0 && end >= start && end <= byteLength)) {
      throw new Error(l10n.t('it refers to bytes {0} to {1} of {2}', start, end, byteLength));
    }
    const buffer = new ArrayBuffer(end - start);
    const { bytesRead } = await file.read(new Uint8Array(buffer), 0, end - start, start);
    if (bytesRead < end - start) throw new Error(l10n.t('it was truncated while it was being read'));
    return buffer;
  };
  return {
    byteLength,
    slice(start: number, end = byteLength): Promise<ArrayBuffer> {
      const reading = read(start, end);
      // hyparquet prefetches, and awaits these reads only if nothing failed earlier.
      reading.catch(() => {});
      return reading;
    },
  };
}

function unreadable(path: string, error: unknown): UserError {
  if (error instanceof UserError) return error;
  const what = l10n.t('The file cannot be read as Parquet: {0}.', reasonOf(error));
  return datasetError(path, what, l10n.t('Download or write the file again.'), { cause: error });
}
