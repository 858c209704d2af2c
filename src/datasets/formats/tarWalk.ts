import * as l10n from '@vscode/l10n';

/** A file in a tar archive. */
export interface TarMember {
  readonly name: string;
  /** Where its content begins in the archive, and how long that is, in bytes. */
  readonly start: number;
  readonly length: number;
}

/** An archive that cannot be read on, and where. */
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

/** Bytes of an archive, fewer than asked for at its end. */
export type ReadAt = (position: number, length: number) => Uint8Array;

const BLOCK_BYTES = 512;
/** A name or a table of attributes that is longer is damage. */
const MAX_EXTENSION_BYTES = 1 << 20;
/** Where fields of a header begin, and end (POSIX.1-1988 ustar). */
const NAME = [0, 100] as const;
const SIZE = [124, 136] as const;
const CHECKSUM = [148, 156] as const;
const TYPE = 156;
const MAGIC = [257, 263] as const;
const PREFIX = [345, 500] as const;

/**
 * The files in an uncompressed tar archive, of which only headers are read: ustar with prefixes, pax and GNU names.
 * Folders, links and devices are left out.
 *
 * @returns whether the archive has its end mark; one without may be cut short
 * @throws TarError where the archive is cut short, damaged or none
 */
export function* tarMembers(read: ReadAt, archiveBytes: number): Generator<TarMember, boolean> {
  let position = 0;
  /** What extension headers say of the next member. */
  let next: { path?: string; size?: number } = {};
  while (position < archiveBytes) {
    const header = read(position, BLOCK_BYTES);
    if (header.length < BLOCK_BYTES) {
      throw new TarError(l10n.t('The archive is cut short in the header at byte {0}.', position), position);
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
          'The archive is cut short in {0}: it ends at byte {1}, and the member at byte {2}.',
          name,
          archiveBytes,
          start + length,
        ),
        position,
      );
    }
    if (isExtension) {
      if (length > MAX_EXTENSION_BYTES) {
        throw new TarError(l10n.t('The name at byte {0} would have {1} bytes.', position, length), position);
      }
      const content = read(start, length);
      if (type === 'x') next = { ...next, ...paxAttributes(content, position) };
      if (type === 'L') next.path = textOf(content);
    } else {
      if (type === 'S') {
        throw new TarError(
          l10n.t('{0} is stored with its zeros left out, which is not read here.', name),
          position,
        );
      }
      // Old archives have a zero, contiguous files a 7.
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

/** Behind the end mark there are zeros alone; archives put one after another would lose all but the first. */
function checkEnd(read: ReadAt, position: number, archiveBytes: number): void {
  for (let at = position; at < archiveBytes; at += BLOCK_BYTES) {
    if (isZero(read(at, BLOCK_BYTES))) continue;
    throw new TarError(l10n.t('There is more behind the end of the archive, at byte {0}.', at), at);
  }
}

/** The sum of a header's bytes, its own field taken for spaces; some old writers took bytes for signed. */
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
  // GNU's own magic has a space there, and other fields in the place of the prefix.
  if (textOf(header.subarray(...MAGIC)) !== 'ustar' || header[MAGIC[1] - 1] !== 0) return name;
  const prefix = textOf(header.subarray(...PREFIX));
  return prefix === '' ? name : `${prefix}/${name}`;
}

/** A number in octal digits, or where its first bit is set, in bytes. */
function numberOf(header: Uint8Array, [start, end]: readonly [number, number], position: number): number {
  const field = header.subarray(start, end);
  const value =
    field[0]! & 0x80
      ? field.reduce((sum, byte, index) => sum * 256 + (index === 0 ? byte & 0x7f : byte), 0)
      : Number.parseInt(textOf(field).trim() || '0', 8);
  if (Number.isSafeInteger(value) && value >= 0) return value;
  throw new TarError(l10n.t('The header at byte {0} is damaged: its size is no number.', position), position);
}

/** Path and size in a pax header: records of a length in decimal digits, a space, and `key=value` with a line's end. */
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

/** UTF-8 up to the first zero. */
function textOf(bytes: Uint8Array): string {
  const end = bytes.indexOf(0);
  return Buffer.from(end < 0 ? bytes : bytes.subarray(0, end)).toString('utf8');
}
