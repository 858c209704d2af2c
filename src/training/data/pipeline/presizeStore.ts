import { createHash } from 'node:crypto';
import { type FileHandle, mkdir, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import * as l10n from '@vscode/l10n';
import type { SplitTable } from '../../../datasets/table';
import type { Interpolation } from '../../../recipe/augmentation';
import {
  beat,
  claimLease,
  FencedOut,
  HEARTBEAT_MS,
  type Lease,
  releaseLease,
} from '../../../runs/lease/lease';
import { isSystemError } from '../../../system/errors';
import { makePlainFolder, openPlain, readPlain } from '../../../system/plainFiles';
import { reasonOf } from '../errors';
import { blocksOf, enter, noPlaces, type Places, type Room, sharedIntegers } from './places';
import { decodeRecords, encodeRecords, INDEX_HEADER, type StoredPixels } from './presizeIndex';

/** Maximum loss if the process is killed, in bytes. */
const FLUSH_BYTES = 64 * 2 ** 20;

/** Space to leave free on the disk for checkpoints and logs. */
const FREE_BYTES = 512 * 2 ** 20;

/** The part of a store that the threads of a training share. */
export interface SharedStore {
  /** Path of the file of pixels. */
  readonly path: string;
  readonly channels: number;
  readonly places: Places;
  /** The checksum of its pixels, per image. */
  readonly checksums: Uint32Array;
  /** Per image, 1 if this process has verified the checksum. */
  readonly verified: Uint8Array;
  readonly room: Room;
  /** [1]: 1 while this process stores images. */
  readonly isWriting: Int32Array;
}

export interface PresizeOptions {
  /** The folder of a project's indexes and stores: ROOT/.bag-of-tricks/datasets. */
  readonly folder: string;
  /** From `presizeKey`. */
  readonly key: string;
  /** Number of images in all splits. */
  readonly images: number;
  readonly channels: number;
  /** Called with a message for the user, once, if images can no longer be stored. */
  readonly onNote: (text: string) => void;
  /** Bytes to leave free on the disk. */
  readonly freeBytes?: number | undefined;
}

/**
 * Returns a store's key: a hash of the images with their content and order, and of how they are resized.
 *
 * @param fingerprint of the data set's index
 * @param tables of all splits, in the order that numbers their images
 */
export function presizeKey(
  fingerprint: string,
  tables: readonly SplitTable[],
  resizing: { readonly presize: number; readonly interpolation: Interpolation; readonly channels: number },
): string {
  const { presize, interpolation, channels } = resizing;
  const hash = createHash('sha256').update(JSON.stringify([fingerprint, presize, interpolation, channels]));
  for (const table of tables) {
    hash.update(`\n${table.labels.length}\n`);
    // A copy, because hashes do not accept shared memory.
    if (table.kind !== 'pixels') hash.update(Buffer.from(table.names.text));
  }
  return `${hash.digest('hex').slice(0, 16)}-presize-${presize}`;
}

/**
 * The images of a data set, resized once, in a folder that all its runs share. `pixels` has their bytes, and `index` a
 * record for each image that is safely stored. One process at a time stores images, guarded by a lease. All processes
 * read them. A record is written after its pixels are on disk, so a crash loses images but damages none. A failure here
 * costs only time, because images are then decoded again.
 */
export class PresizeStore {
  readonly shared: SharedStore;
  readonly #folder: string;
  #lease: Lease | null = null;
  #heartbeat: NodeJS.Timeout | undefined;
  #files: { readonly pixels: FileHandle; readonly index: FileHandle } | null = null;
  /** Bytes of the index read or written so far. */
  #indexEnd = 0;
  /** Stored, but not yet in the index. */
  #pending: StoredPixels[] = [];
  #pendingBytes = 0;
  /** The queue of file operations, which run one after the other. */
  #work: Promise<void> = Promise.resolve();
  #hasFailed = false;

  /** Opens a store, or creates it if it does not exist. */
  static async open(options: PresizeOptions): Promise<PresizeStore> {
    const store = new PresizeStore(options);
    await store.refresh();
    return store;
  }

  private constructor(private readonly options: PresizeOptions) {
    const { folder, key, images, channels } = options;
    this.#folder = join(folder, key);
    this.shared = {
      path: join(this.#folder, 'pixels'),
      channels,
      places: noPlaces(images),
      checksums: sharedIntegers(images),
      verified: new Uint8Array(new SharedArrayBuffer(images)),
      room: { next: sharedIntegers(1), limit: 2 ** 32 - 1 },
      isWriting: new Int32Array(new SharedArrayBuffer(4)),
    };
  }

  /** Reads what other processes have stored, and starts storing if no other process does. */
  async refresh(): Promise<void> {
    // The holder of the lease has nothing new to read, so it does not wait for the disk.
    if (this.#lease) return;
    await this.#inTurn(async () => {
      if (!this.#hasFailed) await this.#claim();
      if (!this.#lease) await this.#readIndex();
    });
  }

  /** Adds images whose pixels a thread has written. */
  add(stored: readonly StoredPixels[]): void {
    this.#pending.push(...stored);
    for (const { height, width } of stored) this.#pendingBytes += height * width * this.options.channels;
    if (this.#pendingBytes >= FLUSH_BYTES) void this.flush();
  }

  /** Writes all added images to the index after their pixels are on disk. */
  flush(): Promise<void> {
    return this.#inTurn(() => this.#flush());
  }

  /** Stops storing because of an error in a thread. */
  fail(error: unknown): Promise<void> {
    return this.#inTurn(() => Promise.reject(error));
  }

  /** Saves what was stored, and lets other processes store images. */
  async close(): Promise<void> {
    await this.flush();
    await this.#inTurn(() => this.#release());
  }

  /** Queues work. If it fails, the store becomes read-only. */
  #inTurn(work: () => Promise<void>): Promise<void> {
    this.#work = this.#work.then(work).catch((error: unknown) => this.#giveUp(error));
    return this.#work;
  }

  async #claim(): Promise<void> {
    await mkdir(this.options.folder, { recursive: true });
    await makePlainFolder(this.#folder);
    const claim = await claimLease(this.#folder, 'training');
    if (!claim.ok) return;
    this.#lease = claim.lease;
    const { lease } = claim;
    this.#heartbeat = setInterval(() => {
      beat(lease).then(
        (isOwn) => (isOwn ? undefined : this.fail(new FencedOut())),
        (error: unknown) => this.fail(error),
      );
    }, HEARTBEAT_MS);
    this.#heartbeat.unref();
    await this.#readIndex();
    await this.#assertFree();
    const pixels = await openPlain(this.shared.path, 'update');
    const index = await openPlain(this.#indexPath, 'update');
    this.#files = { pixels, index };
    if (this.#indexEnd === 0) {
      await index.write(INDEX_HEADER, 0, INDEX_HEADER.length, 0);
      this.#indexEnd = INDEX_HEADER.length;
    }
    // Removes anything that a crash left after the last complete record.
    await index.truncate(this.#indexEnd);
    Atomics.store(this.shared.isWriting, 0, 1);
  }

  /** Reads the new records. */
  async #readIndex(): Promise<void> {
    const bytes = await readPlain(this.#indexPath).catch((error: unknown) => {
      if (isSystemError(error, 'ENOENT', 'ENOTDIR')) return Buffer.alloc(0);
      throw error;
    });
    if (!bytes.subarray(0, INDEX_HEADER.length).equals(INDEX_HEADER)) return;
    const start = Math.max(this.#indexEnd, INDEX_HEADER.length);
    const { places, checksums, room } = this.shared;
    const { stored, end } = decodeRecords(bytes.subarray(start), checksums.length);
    for (const { image, checksum, ...place } of stored) {
      checksums[image] = checksum;
      enter(places, image, place);
      const blocks = blocksOf(place.height * place.width * this.options.channels);
      room.next[0] = Math.max(room.next[0]!, place.block + blocks);
    }
    this.#indexEnd = start + end;
  }

  async #flush(): Promise<void> {
    const files = this.#files;
    if (!files || this.#pending.length === 0) return;
    const records = encodeRecords(this.#pending);
    this.#pending = [];
    this.#pendingBytes = 0;
    await files.pixels.datasync();
    const { bytesWritten } = await files.index.write(records, 0, records.length, this.#indexEnd);
    this.#indexEnd += bytesWritten;
    await files.index.datasync();
    await this.#assertFree();
  }

  async #assertFree(): Promise<void> {
    const { bavail, bsize } = await statfs(this.#folder);
    const { freeBytes = FREE_BYTES } = this.options;
    if (bavail * bsize < freeBytes)
      throw Object.assign(new Error('The disk is nearly full'), { code: 'ENOSPC' });
  }

  async #giveUp(error: unknown): Promise<void> {
    Atomics.store(this.shared.isWriting, 0, 0);
    if (!this.#hasFailed) {
      this.#hasFailed = true;
      this.options.onNote(
        l10n.t(
          'Resized images are no longer stored in {0} ({1}). Images missing there are decoded in every epoch.',
          this.#folder,
          reasonOf(error),
        ),
      );
    }
    await this.#release().catch(() => {});
  }

  async #release(): Promise<void> {
    Atomics.store(this.shared.isWriting, 0, 0);
    clearInterval(this.#heartbeat);
    const files = this.#files;
    const lease = this.#lease;
    this.#files = null;
    this.#lease = null;
    await files?.pixels.close();
    await files?.index.close();
    if (lease) await releaseLease(this.#folder, lease);
  }

  get #indexPath(): string {
    return join(this.#folder, 'index');
  }
}
