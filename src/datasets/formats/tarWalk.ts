import * as l10n from '@vscode/l10n';

/** A file in a tar archive. */
export interface TarMember {
  readonly name: string;
  /** Offset of its content in the archive, and its length, in bytes. */
  readonly start: number;
  readonly length: number;
}

/** The error for an archive that cannot be read past a position. */
export class TarError extends Error {
  override readonly name = 'TarError';

  constructor(
    /** A sentence. */
    what: string,
    readonly position: number,
  ) {
    super(what);
  }
}

/** Reads bytes of an archive; fewer at its end. */
export type ReadAt = (position: number, length: number) => Uint8Array;

const BLOCK_BYTES = 512;
/** A longer name or attribute table means a damaged archive. */
const MAX_EXTENSION_BYTES = 1 << 20;
/** Start and end of header fields (POSIX.1-1988 ustar). */
const NAME = [0, 100] as const;
const SIZE = [124, 136] as const;
const CHECKSUM = [148, 156] as const;
const TYPE = 156;
const MAGIC = [257, 263] as const;
const PREFIX = [345, 500] as const;

/**
 * Yields the files in an uncompressed tar archive. Reads only headers. Supports ustar with prefixes, pax and GNU names.
 * Skips folders, links and devices.
 *
 * @returns whether the archive has an end marker; without one, it may be truncated
 * @throws TarError if the archive is truncated or damaged, or is not a tar archive
 */
export function* tarMembers(read: ReadAt, archiveBytes: number): Generator<TarMember, boolean> {
  let position = 0;
  /** The attributes from extension headers, for the next member. */
  let next: { path?: string; size?: number } = {};
  while (position < archiveBytes) {
    const header = read(position, BLOCK_BYTES);
    if (header.length < BLOCK_BYTES) {
      throw new TarError(l10n.t('The archive is truncated in the header at byte {0}.', position), position);
    }
    if (isZero(header)) {
      checkEnd(read, position, archiveBytes);
      return true;
    }
    checkChecksum(header, position);
    const type = String.fromCharCode(header[TYPE]!);
    const isExtension = 'xgLK'.includes(type);
    const length = (isExtension ? undefined : next.size) ?? numberOf(header, SIZE, position);
    const name = (isExtension ? undefined : next.path) ?? nameOf(header);
    const start = position + BLOCK_BYTES;
    if (start + length > archiveBytes) {
      throw new TarError(
        l10n.t(
          'The archive is truncated in {0}: it ends at byte {1}, but the member ends at byte {2}.',
          name,
          archiveBytes,
          start + length,
        ),
        position,
      );
    }
    if (isExtension) {
      if (length > MAX_EXTENSION_BYTES) {
        throw new TarError(
          l10n.t('The name at byte {0} is too long: {1} bytes.', position, length),
          position,
        );
      }
      const content = read(start, length);
      if (type === 'x') next = { ...next, ...paxAttributes(content, position) };
      if (type === 'L') next.path = textOf(content);
    } else {
      if (type === 'S') {
        throw new TarError(l10n.t('{0} is stored as a sparse file, which is not supported.', name), position);
      }
      // Old archives use a zero byte. Contiguous files have type 7.
      if ('0\0'.includes(type) || type === '7') {
        if (!name.endsWith('/')) yield { name, start, length };
      }
      next = {};
    }
    position = start + Math.ceil(length / BLOCK_BYTES) * BLOCK_BYTES;
  }
  return false;
}

function isZero(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte === 0);
}

/** Only zeros may follow the end marker. Otherwise, all but the first of concatenated archives would be lost. */
function checkEnd(read: ReadAt, position: number, archiveBytes: number): void {
  for (let at = position; at < archiveBytes; at += BLOCK_BYTES) {
    if (isZero(read(at, BLOCK_BYTES))) continue;
    throw new TarError(l10n.t('There is data after the end of the archive, at byte {0}.', at), at);
  }
}

/** Checks the sum of a header's bytes, counting its own field as spaces. Some old writers summed signed bytes. */
function checkChecksum(header: Uint8Array, position: number): void {
  const stated = Number.parseInt(textOf(header.subarray(...CHECKSUM)).trim(), 8);
  let sum = (CHECKSUM[1] - CHECKSUM[0]) * 0x20;
  let large = 0;
  for (let index = 0; index < BLOCK_BYTES; index++) {
    if (index >= CHECKSUM[0] && index < CHECKSUM[1]) continue;
    sum += header[index]!;
    large += header[index]! >>> 7;
  }
  if (stated === sum || stated === sum - large * 256) return;
  throw new TarError(
    position === 0
      ? l10n.t('This is not a tar archive.')
      : l10n.t('The header at byte {0} is damaged: its checksum is wrong.', position),
    position,
  );
}

function nameOf(header: Uint8Array): string {
  const name = textOf(header.subarray(...NAME));
  // GNU's own magic has a space there, and other fields instead of the prefix.
  if (textOf(header.subarray(...MAGIC)) !== 'ustar' || header[MAGIC[1] - 1] !== 0) return name;
  const prefix = textOf(header.subarray(...PREFIX));
  return prefix === '' ? name : `${prefix}/${name}`;
}

/** Parses a number from octal digits, or from binary if its first bit is set. */
function numberOf(header: Uint8Array, [start, end]: readonly [number, number], position: number): number {
  const field = header.subarray(start, end);
  const value =
    field[0]! & 0x80
      ? field.reduce((sum, byte, index) => sum * 256 + (index === 0 ? byte & 0x7f : byte), 0)
      : Number.parseInt(textOf(field).trim() || '0', 8);
  if (Number.isSafeInteger(value) && value >= 0) return value;
  throw new TarError(
    l10n.t('The header at byte {0} is damaged: its size is not a number.', position),
    position,
  );
}

/**
 * Parses path and size from a pax header. Each record is its length in decimal digits, a space, and `key=value` with a
 * newline.
 */
function paxAttributes(content: Uint8Array, position: number): { path?: string; size?: number } {
  const found: { path?: string; size?: number } = {};
  let at = 0;
  while (at < content.length) {
    const space = content.indexOf(0x20, at);
    const length = space < 0 ? Number.NaN : Number(textOf(content.subarray(at, space)));
    const end = at + length;
    if (
      !Number.isInteger(length) ||
      length <= space - at ||
      end > content.length ||
      content[end - 1] !== 0x0a
    ) {
      throw new TarError(
        l10n.t('The header at byte {0} is damaged: it has no attributes.', position),
        position,
      );
    }
    const record = textOf(content.subarray(space + 1, end - 1));
    const equals = record.indexOf('=');
    const [key, value] = [record.slice(0, equals), record.slice(equals + 1)];
    if (key === 'path') found.path = value;
    if (key === 'size' && /^\d{1,15}$/.test(value)) found.size = Number(value);
    at = end;
  }
  return found;
}

/** Decodes UTF-8 up to the first zero byte. */
function textOf(bytes: Uint8Array): string {
  const end = bytes.indexOf(0);
  return Buffer.from(end < 0 ? bytes : bytes.subarray(0, end)).toString('utf8');
}
