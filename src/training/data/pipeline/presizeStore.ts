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

/** How much of a store is lost at most when the process is killed. */
const FLUSH_BYTES = 64 * 2 ** 20;

/** What a store leaves free on its disk, where checkpoints and logs must still be written. */
const FREE_BYTES = 512 * 2 ** 20;

/** What the threads of a training have of a store. */
export interface SharedStore {
  /** Of the file of pixels. */
  readonly path: string;
  readonly channels: number;
  readonly places: Places;
  /** By image, the checksum of its pixels. */
  readonly checksums: Uint32Array;
  /** By image, 1 where this process has compared it. */
  readonly verified: Uint8Array;
  readonly room: Room;
  /** [1]: 1 while this process stores images. */
  readonly isWriting: Int32Array;
}

export interface PresizeOptions {
  /** Of a project's indexes and stores: ROOT/.bag-of-tricks/datasets. */
  readonly folder: string;
  /** As of `presizeKey`. */
  readonly key: string;
  /** Images of all splits. */
  readonly images: number;
  readonly channels: number;
  /** Called once where images can no longer be stored, with what to tell a person. */
  readonly onNote: (text: string) => void;
  /** Bytes to leave free on the disk. */
  readonly freeBytes?: number | undefined;
}

/**
 * What a store is kept by: the images with their content and order, and how they are resized.
 *
 * @param fingerprint of the data set's index
 * @param tables of all splits, in the order in which their images are counted
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
    // Copied, for a hash refuses shared memory.
    if (table.kind !== 'pixels') hash.update(Buffer.from(table.names.text));
  }
  return `${hash.digest('hex').slice(0, 16)}-presize-${presize}`;
}

/**
 * The images of a data set, resized once, in a folder that all its runs share: `pixels` has their bytes, `index` a
 * record for each image that is safely there. One process at a time stores images, by a lease; all read them. A record
 * is written once its pixels are on the disk, so that a crash loses images and damages none. Whatever fails here costs
 * time alone: images are then decoded.
 */
export class PresizeStore {
  readonly shared: SharedStore;
  readonly #folder: string;
  #lease: Lease | null = null;
  #heartbeat: NodeJS.Timeout | undefined;
  #files: { readonly pixels: FileHandle; readonly index: FileHandle } | null = null;
  /** Bytes of the index that were read or written. */
  #indexEnd = 0;
  /** Stored and not yet in the index. */
  #pending: StoredPixels[] = [];
  #pendingBytes = 0;
  /** What is done with the files, one after the other. */
  #work: Promise<void> = Promise.resolve();
  #hasFailed = false;

  /** Opens a store, or makes one where there is none. */
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

  /** Takes in what other processes have stored, and goes on with storing where none does. */
  async refresh(): Promise<void> {
    // Without a wait for the disk, where there is nothing to learn.
    if (this.#lease) return;
    await this.#inTurn(async () => {
      if (!this.#hasFailed) await this.#claim();
      if (!this.#lease) await this.#readIndex();
    });
  }

  /** Takes note of images whose pixels a thread has written. */
  add(stored: readonly StoredPixels[]): void {
    this.#pending.push(...stored);
    for (const { height, width } of stored) this.#pendingBytes += height * width * this.options.channels;
    if (this.#pendingBytes >= FLUSH_BYTES) void this.flush();
  }

  /** Enters all that was added in the index, once it is on the disk. */
  flush(): Promise<void> {
    return this.#inTurn(() => this.#flush());
  }

  /** Stops storing, for an error that a thread met. */
  fail(error: unknown): Promise<void> {
    return this.#inTurn(() => Promise.reject(error));
  }

  /** Keeps what was stored, and lets other processes go on. */
  async close(): Promise<void> {
    await this.flush();
    await this.#inTurn(() => this.#release());
  }

  /** Where it fails, the store is read and no longer written. */
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
    // What a crash left behind the last whole record.
    await index.truncate(this.#indexEnd);
    Atomics.store(this.shared.isWriting, 0, 1);
  }

  /** Takes in the records that are new. */
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
          'Resized images are not stored in {0} any more ({1}); those that are missing there are decoded in every epoch.',
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
