import { WeightsError } from './weightsError';

const END = 0x06054b50;
const END_BYTES = 22;
const END_64 = 0x06064b50;
const END_64_LOCATOR = 0x07064b50;
const ENTRY = 0x02014b50;
const ENTRY_BYTES = 46;
const LOCAL = 0x04034b50;
const LOCAL_BYTES = 30;
const STORED = 0;
/** Marks a 32-bit field with its value in the ZIP64 part. */
const IN_ZIP64 = 0xffffffff;
const ZIP64_FIELD = 1;

/** Whether bytes start like a zip archive with at least one record. */
export function isZip(bytes: Uint8Array): boolean {
  return bytes.length >= 4 && viewOf(bytes).getUint32(0, true) === LOCAL;
}

/** A record of an archive, read on demand. */
export interface ZipRecord {
  /**
   * Returns a view of the archive.
   *
   * @throws WeightsError if the record is compressed or damaged. torch.save stores everything needed here uncompressed,
   *   so nothing grows when it is read.
   */
  read(): Uint8Array;
}

/**
 * Returns the records of a zip archive by name (APPNOTE.TXT 6.3, including ZIP64).
 *
 * @throws WeightsError if the archive is truncated or damaged
 */
export function zipRecords(bytes: Uint8Array): Map<string, ZipRecord> {
  const view = viewOf(bytes);
  const { entries, start } = directoryOf(bytes, view);
  const records = new Map<string, ZipRecord>();
  let at = start;
  for (let index = 0; index < entries; index++) {
    if (at + ENTRY_BYTES > bytes.length || view.getUint32(at, true) !== ENTRY) throw damaged('its directory');
    const method = view.getUint16(at + 10, true);
    const [nameBytes, extraBytes, commentBytes] = [28, 30, 32].map((field) =>
      view.getUint16(at + field, true),
    );
    const nameEnd = at + ENTRY_BYTES + (nameBytes as number);
    const extraEnd = nameEnd + (extraBytes as number);
    if (extraEnd > bytes.length) throw damaged('its directory');
    const name = new TextDecoder().decode(bytes.subarray(at + ENTRY_BYTES, nameEnd));
    const wide = zip64Values(view, nameEnd, extraEnd);
    // In the order of the ZIP64 part, which holds the values that do not fit: size, compressed size, offset.
    const [size, , offset] = [24, 20, 42].map((field) => {
      const value = view.getUint32(at + field, true);
      return value === IN_ZIP64 ? (wide.shift() ?? Number.NaN) : value;
    }) as [number, number, number];
    const read = () => {
      if (method === STORED) return recordAt(bytes, view, name, offset, size);
      throw new WeightsError(`its record ${name} is compressed, which torch.save does not do`);
    };
    records.set(name, { read });
    at = extraEnd + (commentBytes as number);
  }
  return records;
}

function recordAt(bytes: Uint8Array, view: DataView, name: string, offset: number, size: number): Uint8Array {
  if (!(offset + LOCAL_BYTES <= bytes.length) || view.getUint32(offset, true) !== LOCAL) throw damaged(name);
  const start = offset + LOCAL_BYTES + view.getUint16(offset + 26, true) + view.getUint16(offset + 28, true);
  if (!(start + size <= bytes.length)) throw damaged(name);
  return bytes.subarray(start, start + size);
}

/** Returns the start of the directory and its number of records. */
function directoryOf(bytes: Uint8Array, view: DataView): { entries: number; start: number } {
  // A comment of at most 64 KiB may follow it.
  const first = Math.max(0, bytes.length - END_BYTES - 0xffff);
  let at = bytes.length - END_BYTES;
  while (at >= first && view.getUint32(at, true) !== END) at--;
  if (at < first) throw new WeightsError('it has no end, as an archive that was cut short');
  const entries = view.getUint16(at + 10, true);
  const start = view.getUint32(at + 16, true);
  const locator = at - 20;
  if (locator < 0 || view.getUint32(locator, true) !== END_64_LOCATOR) return { entries, start };
  const end = Number(view.getBigUint64(locator + 8, true));
  if (!(end + 56 <= bytes.length) || view.getUint32(end, true) !== END_64) throw damaged('its directory');
  return {
    entries: Number(view.getBigUint64(end + 32, true)),
    start: Number(view.getBigUint64(end + 48, true)),
  };
}

/** Returns the values of an entry's ZIP64 field in order; empty if it has none. */
function zip64Values(view: DataView, start: number, end: number): number[] {
  for (let at = start; at + 4 <= end; ) {
    const length = view.getUint16(at + 2, true);
    if (view.getUint16(at, true) === ZIP64_FIELD) {
      const count = Math.floor(Math.min(length, end - at - 4) / 8);
      return Array.from({ length: count }, (_, index) => Number(view.getBigUint64(at + 4 + 8 * index, true)));
    }
    at += 4 + length;
  }
  return [];
}

function damaged(what: string): WeightsError {
  return new WeightsError(`${what} is damaged`);
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
