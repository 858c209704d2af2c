import { constants, type Stats } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import * as l10n from '@vscode/l10n';
import { messageOf } from '../../shared/failure';
import type { PixelImage } from '../../shared/pixelImage';
import { isSystemError } from '../../system/errors';
import { decodeImage, probeImage } from '../decode';
import { ImageError } from '../imageError';
import { nameAt, readStored, type StoredImage } from '../table';
import { momentsOf } from './moments';
import { perceptualHash } from './perceptual';
import { statsOf } from './sources';
import { contentHash, HASH_BYTES, type Looks, SEEN, type SeenSplit, slotOf } from './tables';

/** Images in flight per thread, so it decodes one while the disk loads others. */
const AT_ONCE = 3;
/** Larger files are not images. */
const MAX_FILE_BYTES = 2 ** 30;
/** The number of attempts to read a file that changes during the read. */
const TRIES = 3;

/** An image that cannot be read: its split, as an index into the list of splits, and the reason. */
export interface BadImage {
  readonly split: number;
  readonly image: number;
  readonly reason: string;
}

/** The result of scanning some images. */
export interface LookOutcome {
  /** The number of images read. The others were known and unchanged. */
  readonly read: number;
  readonly bad: readonly BadImage[];
}

/**
 * Scans the images `from` to `to`, counted across all splits in order, and writes the results to their looks. Skips a
 * known image if its file's mtime and size match the recorded ones.
 *
 * @throws errors that are not an image's fault, for example too many open files; the signal's reason if aborted
 */
export async function lookAtRange(
  splits: readonly SeenSplit[],
  from: number,
  to: number,
  signal?: AbortSignal,
): Promise<LookOutcome> {
  const unknown: { readonly split: number; readonly image: number }[] = [];
  let first = 0;
  for (const [split, { table, looks }] of splits.entries()) {
    const count = table.labels.length;
    const end = Math.min(count, to - first);
    for (let image = Math.max(0, from - first); image < end; image++) {
      if (!isKnown(looks, image) || hasChanged(splits[split]!, image)) unknown.push({ split, image });
    }
    first += count;
  }
  const bad: BadImage[] = [];
  let next = 0;
  const work = async () => {
    for (let at = next++; at < unknown.length; at = next++) {
      signal?.throwIfAborted();
      const { split, image } = unknown[at]!;
      const reason = await lookAt(splits[split]!, image);
      if (reason !== null) bad.push({ split, image, reason });
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return { read: unknown.length, bad };
}

/** Whether everything needed of an image is known. Unreadable images are scanned again. */
function isKnown({ flags, details }: Looks, image: number): boolean {
  const known = flags[image]!;
  if ((known & (SEEN.looked | SEEN.bad)) !== SEEN.looked) return false;
  return (known & SEEN.decoded) !== 0 || slotOf(details, image) === -1;
}

/**
 * Whether a file has changed since it was scanned. For an image without its own file, the code that listed it checks
 * that.
 */
function hasChanged({ table, looks }: SeenSplit, image: number): boolean {
  if (table.kind !== 'files') return false;
  const stats = statsOf(join(table.root, nameAt(table.names, image)));
  return !stats || !isAsSeen(looks, image, stats);
}

/** Whether a file's mtime and size match those recorded at its scan. */
export function isAsSeen({ modified, size }: Looks, image: number, stats: Stats): boolean {
  return stats.mtimeMs === modified[image] && cappedSize(stats) === size[image];
}

function cappedSize({ size }: Stats): number {
  return Math.min(size, 2 ** 32 - 1);
}

/** Scans an image. Returns the reason if it cannot be read, else null. */
async function lookAt({ table, looks }: SeenSplit, image: number): Promise<string | null> {
  looks.flags[image] = 0;
  try {
    const stored =
      table.kind === 'files'
        ? await readFileOf(join(table.root, nameAt(table.names, image)), looks, image)
        : await readStored(table, image);
    await lookAtStored(stored, looks, image);
    return null;
  } catch (error) {
    const reason = reasonOf(error);
    if (reason === null) throw error;
    looks.flags[image] = SEEN.looked | SEEN.bad;
    return reason;
  }
}

/** Reads a file and records its mtime and size, which must be the same before and after. */
async function readFileOf(path: string, looks: Looks, image: number): Promise<StoredImage> {
  // Does not block on a pipe without a writer.
  const file = await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
  try {
    for (let left = TRIES; ; left--) {
      const before = await file.stat();
      if (!before.isFile()) throw new ImageError('unreadable', l10n.t('It is not a file.'), '');
      looks.modified[image] = before.mtimeMs;
      looks.size[image] = cappedSize(before);
      if (before.size > MAX_FILE_BYTES) {
        throw new ImageError('too_large', l10n.t('The file is larger than 1 GiB.'), '');
      }
      const bytes = Buffer.allocUnsafe(before.size);
      let end = 0;
      while (end < bytes.length) {
        const { bytesRead } = await file.read(bytes, end, bytes.length - end, end);
        if (bytesRead === 0) break;
        end += bytesRead;
      }
      const after = await file.stat();
      if (end === after.size && after.mtimeMs === before.mtimeMs) return { kind: 'encoded', bytes };
      if (left === 1) {
        throw new ImageError('unreadable', l10n.t('The file changed while it was being read.'), '');
      }
    }
  } finally {
    await file.close();
  }
}

async function lookAtStored(stored: StoredImage, looks: Looks, image: number): Promise<void> {
  const content = stored.kind === 'encoded' ? stored.bytes : stored.image.pixels;
  const slot = slotOf(looks.details, image);
  let flags: number = SEEN.looked;
  if (slot === -1) {
    const { height, width, channels } = await probeImage(stored);
    if (stored.kind === 'encoded' && !hasEnd(stored.bytes)) await decodeImage(stored, channels);
    noteSize(looks, image, height, width);
    if (channels === 1) flags |= SEEN.gray;
  } else {
    const { channels } = await probeImage(stored);
    const decoded = await decodeImage(stored, channels);
    noteSize(looks, image, decoded.height, decoded.width);
    if (channels === 1) flags |= SEEN.gray;
    flags |= SEEN.decoded | noteDetails(looks, slot, decoded);
  }
  looks.hash.set(contentHash(content), image * HASH_BYTES);
  looks.flags[image] = flags;
}

function noteSize({ height, width }: Looks, image: number, imageHeight: number, imageWidth: number): void {
  height[image] = Math.min(imageHeight, 65_535);
  width[image] = Math.min(imageWidth, 65_535);
}

/** Records the details of a decoded image. Returns the hash flag if it has a hash. */
function noteDetails({ details }: Looks, slot: number, decoded: PixelImage): number {
  const moments = momentsOf(decoded);
  details.moments.set(moments, slot * moments.length);
  const hash = perceptualHash(decoded);
  if (!hash) return 0;
  details.perceptual.set(hash, slot * hash.length);
  return SEEN.hashed;
}

/** How far from the end of a file to search for its last marker. Some programs append notes. */
const TAIL_BYTES = 4096;

/**
 * Whether a JPEG, PNG or WebP has its end marker, which a truncated file lacks. False for other formats, which must be
 * decoded to find out.
 */
function hasEnd(stored: Uint8Array): boolean {
  const bytes = Buffer.from(stored.buffer, stored.byteOffset, stored.length);
  const tail = bytes.subarray(-TAIL_BYTES);
  if (bytes[0] === 0xff && bytes[1] === 0xd8) return tail.includes(Buffer.of(0xff, 0xd9));
  if (bytes.toString('latin1', 0, 4) === 'RIFF') return bytes.length >= 8 + bytes.readUInt32LE(4);
  return bytes[0] === 0x89 && tail.includes('IEND');
}

/** Returns why an image cannot be read, as a sentence; null if it is not the image's fault. */
function reasonOf(error: unknown): string | null {
  if (error instanceof ImageError) return error.reason;
  // A table can also name a file that never existed.
  if (isSystemError(error, 'ENOENT', 'ENOTDIR')) return l10n.t('The file does not exist.');
  // Node's error for a path with a zero byte, which no file can have.
  if (isSystemError(error, 'ERR_INVALID_ARG_VALUE')) return l10n.t('Its name contains a null byte.');
  if (isSystemError(error, 'EACCES', 'EPERM')) return l10n.t('You do not have permission to read the file.');
  if (isSystemError(error, 'EIO', 'EISDIR', 'ELOOP', 'ENAMETOOLONG', 'ENXIO', 'ESTALE')) {
    return l10n.t('The file cannot be read: {0}.', messageOf(error));
  }
  return null;
}
