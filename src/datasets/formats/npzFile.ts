import { stat } from 'node:fs/promises';
import * as zlib from 'node:zlib';
import * as l10n from '@vscode/l10n';
import yauzl, { type Entry, type ZipFile } from 'yauzl';
import { decodeNpy, decodeNpyHeader, NpyError, type NpyHeader, type NpyValues } from '../../shared/npy';
import { UserError } from '../../shared/userError';
import { reasonOf } from '../../system/errors';
import { datasetError } from '../errors';
import type { ListingOptions } from '../listing';
import { ByteReader } from './byteReader';

/** An array in the file, identified by name and not yet read. */
export interface NpzEntry extends NpyHeader {
  readonly name: string;
  /** The location, for errors. */
  readonly where: string;
}

/** The maximum number of bytes that one deflated byte can expand to. */
const MAX_INFLATION = 1032;
/** The longest header, including the bytes before it. */
const MAX_HEADER_BYTES = 10_012;
const BYTES_OF = { uint8: 1, int32: 4, int64: 8, float32: 4, float64: 8 } as const;

/** A .npz file: a zip archive of stored or deflated .npy files, as NumPy's `savez` writes it. */
export class NpzFile {
  private constructor(
    readonly path: string,
    private readonly zip: ZipFile,
    private readonly entries: ReadonlyMap<string, Entry>,
    private readonly options: Pick<ListingOptions, 'signal' | 'onProgress'>,
  ) {}

  /** @throws UserError if the file does not exist or is not a zip archive */
  static async open(path: string, options: Pick<ListingOptions, 'signal' | 'onProgress'>): Promise<NpzFile> {
    let zip: ZipFile | undefined;
    try {
      const found = await stat(path);
      // Opening a pipe would block until something writes to it.
      if (!found.isFile()) throw datasetError(path, l10n.t('This is not a file.'), nameRemedy());
      zip = await yauzl.openPromise(path, { autoClose: false });
      const entries = new Map<string, Entry>();
      for await (const entry of zip.eachEntry()) {
        const [, name] = /^(.+)\.npy$/.exec(entry.fileName) ?? [];
        if (name === undefined) continue;
        // The central directory is only the archive's own claim.
        if (
          entry.compressedSize > found.size ||
          entry.uncompressedSize > entry.compressedSize * MAX_INFLATION + 64
        ) {
          const what = l10n.t(
            'The archive is damaged: {0} would have {1} bytes.',
            name,
            entry.uncompressedSize,
          );
          throw datasetError(path, what, replaceRemedy());
        }
        entries.set(name, entry);
      }
      return new NpzFile(path, zip, entries, options);
    } catch (error) {
      zip?.close();
      if (error instanceof UserError) throw error;
      const what = l10n.t('This is not a readable .npz file: {0}.', reasonOf(error));
      throw datasetError(path, what, nameRemedy(), { cause: error });
    }
  }

  /** The names of the arrays. */
  get names(): string[] {
    return [...this.entries.keys()];
  }

  close(): void {
    this.zip.close();
  }

  /** @throws UserError if an array does not hold plain numbers in C order */
  async headerOf(name: string): Promise<NpzEntry> {
    return this.#reading(name, async (reader, entry) => {
      const header = decodeNpyHeader(await reader.peek(Math.min(MAX_HEADER_BYTES, entry.uncompressedSize)));
      const expected = header.start + bytesOf(header);
      if (entry.uncompressedSize !== expected) {
        throw new NpyError(
          l10n.t(
            'It has {0} bytes, but {1} of shape [{2}] needs {3}',
            entry.uncompressedSize,
            header.type,
            header.shape.join(', '),
            expected,
          ),
        );
      }
      return { ...header, name, where: this.#where(name) };
    });
  }

  /**
   * Reads an array of bytes straight into its target.
   *
   * @param target an array of the same length
   */
  async readBytes({ name, start }: NpzEntry, target: Uint8Array): Promise<void> {
    const { signal, onProgress } = this.options;
    await this.#reading(name, async (reader, entry) => {
      const header = await reader.take(start);
      let sum = crc(header, 0);
      let summed = 0;
      const filled = await reader.fill(target, (bytes) => {
        signal?.throwIfAborted();
        sum = crc(target.subarray(summed, bytes), sum);
        summed = bytes;
        onProgress?.(name, bytes / target.length);
      });
      // Reads to the end. Only there does the archive reader report that an entry is longer or shorter than stated.
      const rest = await reader.countRest(1);
      if (filled !== target.length || rest > 0) throw new NpyError(l10n.t('It is truncated or too long'));
      checkCrc(sum, entry);
    });
  }

  /** Reads an array's values. The array must be small enough to be in memory twice. */
  async readValues({ name }: NpzEntry): Promise<NpyValues> {
    return this.#reading(name, async (reader, entry) => {
      const bytes = await reader.take(entry.uncompressedSize + 1);
      checkCrc(crc(bytes, 0), entry);
      return decodeNpy(bytes).values;
    });
  }

  async #reading<Result>(name: string, read: (reader: ByteReader, entry: Entry) => Promise<Result>) {
    const { signal } = this.options;
    signal?.throwIfAborted();
    const entry = this.entries.get(name)!;
    try {
      const stream = await this.zip.openReadStreamPromise(entry);
      try {
        return await read(new ByteReader(stream), entry);
      } finally {
        stream.destroy();
      }
    } catch (error) {
      signal?.throwIfAborted();
      if (error instanceof UserError) throw error;
      if (error instanceof NpyError) {
        throw datasetError(this.#where(name), `${error.message}.`, saveRemedy(name), { cause: error });
      }
      const what = l10n.t('The array cannot be read: {0}.', reasonOf(error));
      throw datasetError(this.#where(name), what, replaceRemedy(), { cause: error });
    }
  }

  #where(name: string): string {
    return `${this.path}, ${name}`;
  }
}

function bytesOf({ type, shape }: NpyHeader): number {
  return shape.reduce((product, extent) => product * extent, BYTES_OF[type]);
}

/** Node 20.0 to 20.14 lack `crc32`. On those versions, damage is detected only if it changes a length. */
function crc(bytes: Uint8Array, before: number): number {
  return 'crc32' in zlib ? zlib.crc32(bytes, before) : 0;
}

function checkCrc(sum: number, entry: Entry): void {
  if (!('crc32' in zlib) || sum === entry.crc32) return;
  throw new Error(l10n.t('its checksum is wrong'));
}

function nameRemedy(): string {
  return l10n.t("Specify a file written by NumPy's {0}.", 'savez');
}

function replaceRemedy(): string {
  return l10n.t('Download or write the file again.');
}

function saveRemedy(name: string): string {
  return l10n.t(
    'Save it as plain numbers, such as {0}.',
    `${name}=np.ascontiguousarray(${name}).astype('uint8')`,
  );
}
