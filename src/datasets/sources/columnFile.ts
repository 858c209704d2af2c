/**
 * Stores a table's columns in one file: a header, then each column's numbers. The numbers are read into shared memory.
 */

import { open } from 'node:fs/promises';
import { isMapping } from '../../shared/values';

const TYPES = { u8: Uint8Array, u32: Uint32Array, f64: Float64Array } as const;
type TypeName = keyof typeof TYPES;
interface ColumnType {
  readonly BYTES_PER_ELEMENT: number;
  new (buffer: SharedArrayBuffer, start: number, length: number): Column;
}
export type Column = Uint8Array | Uint32Array | Float64Array;

/** Columns start at multiples of this, as the widest numbers require. */
const ALIGNMENT = 8;
const MAGIC = 'BOTTABLE';
/** The magic number and the header's length. */
const PREFIX_BYTES = 16;

interface StoredHeader {
  readonly content: unknown;
  readonly columns: readonly { readonly name: string; readonly type: TypeName; readonly length: number }[];
}

/** Writes a table. The caller renames the file to its final name. */
export async function writeColumns(
  path: string,
  content: unknown,
  columns: Readonly<Record<string, Column>>,
): Promise<void> {
  const header: StoredHeader = {
    content,
    columns: Object.entries(columns).map(([name, { length }]) => ({
      name,
      type: typeOf(columns[name]!),
      length,
    })),
  };
  const text = Buffer.from(JSON.stringify(header));
  const prefix = Buffer.alloc(PREFIX_BYTES);
  prefix.write(MAGIC);
  prefix.writeUInt32LE(text.length, MAGIC.length);
  await using file = await open(path, 'wx');
  await file.writeFile(Buffer.concat([prefix, padded(text)]));
  for (const column of Object.values(columns)) {
    await file.writeFile(padded(Buffer.from(column.buffer, column.byteOffset, column.byteLength)));
  }
  await file.sync();
}

/**
 * Reads a table.
 *
 * @returns null if the file is incomplete
 * @throws the file system's error
 */
export async function readColumns(
  path: string,
): Promise<{ content: unknown; columns: Map<string, Column> } | null> {
  await using file = await open(path);
  const { size } = await file.stat();
  const shared = new SharedArrayBuffer(size);
  const bytes = new Uint8Array(shared);
  if (size < PREFIX_BYTES || (await file.read(bytes, 0, size, 0)).bytesRead < size) return null;
  const view = Buffer.from(shared);
  if (view.toString('latin1', 0, MAGIC.length) !== MAGIC) return null;
  const headerBytes = view.readUInt32LE(MAGIC.length);
  let header: unknown;
  try {
    header = JSON.parse(view.toString('utf8', PREFIX_BYTES, PREFIX_BYTES + headerBytes));
  } catch {
    return null;
  }
  if (!isHeader(header)) return null;
  let start = PREFIX_BYTES + paddedLength(headerBytes);
  const columns = new Map<string, Column>();
  for (const { name, type, length } of header.columns) {
    const Type: ColumnType = TYPES[type];
    const bytesOf = length * Type.BYTES_PER_ELEMENT;
    if (start + bytesOf > size) return null;
    columns.set(name, new Type(shared, start, length));
    start += paddedLength(bytesOf);
  }
  return start === size ? { content: header.content, columns } : null;
}

function isHeader(header: unknown): header is StoredHeader {
  return (
    isMapping(header) &&
    Array.isArray(header.columns) &&
    header.columns.every(({ type, length }) => type in TYPES && Number.isSafeInteger(length) && length >= 0)
  );
}

function typeOf(column: Column): TypeName {
  if (column instanceof Uint8Array) return 'u8';
  return column instanceof Uint32Array ? 'u32' : 'f64';
}

function paddedLength(bytes: number): number {
  return Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;
}

function padded(bytes: Buffer): Buffer {
  return Buffer.concat([bytes, Buffer.alloc(paddedLength(bytes.length) - bytes.length)]);
}
