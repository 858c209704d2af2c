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

/** An array in the file, by its name, which is not read yet. */
export interface NpzEntry extends NpyHeader {
  readonly name: string;
  /** Where it is, for errors. */
  readonly where: string;
}

/** A deflated byte stands for no more than so many. */
const MAX_INFLATION = 1032;
/** The longest header, with what comes before it. */
const MAX_HEADER_BYTES = 10_012;
const BYTES_OF = { uint8: 1, int32: 4, int64: 8, float32: 4, float64: 8 } as const;

/** A .npz file: a zip archive of .npy files, stored or deflated, as NumPy's `savez` writes it. */
export class NpzFile {
  private constructor(
    readonly path: string,
    private readonly zip: ZipFile,
    private readonly entries: ReadonlyMap<string, Entry>,
    private readonly options: Pick<ListingOptions, 'signal' | 'onProgress'>,
  ) {}

  /** @throws UserError when there is no such file, or it is no zip archive */
  static async open(path: string, options: Pick<ListingOptions, 'signal' | 'onProgress'>): Promise<NpzFile> {
    let zip: ZipFile | undefined;
    try {
      const found = await stat(path);
      // A pipe would keep a reader waiting for a writer.
      if (!found.isFile()) throw datasetError(path, l10n.t('This is not a file.'), nameRemedy());
      zip = await yauzl.openPromise(path, { autoClose: false });
      const entries = new Map<string, Entry>();
      for await (const entry of zip.eachEntry()) {
        const [, name] = /^(.+)\.npy$/.exec(entry.fileName) ?? [];
        if (name === undefined) continue;
        // Its central directory is what an archive says of itself.
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
      const what = l10n.t('This is no .npz file that can be read: {0}.', reasonOf(error));
      throw datasetError(path, what, nameRemedy(), { cause: error });
    }
  }

  /** The names of its arrays. */
  get names(): string[] {
    return [...this.entries.keys()];
  }

  close(): void {
    this.zip.close();
  }

  /** @throws UserError when an array is not of plain numbers in C order */
  async headerOf(name: string): Promise<NpzEntry> {
    return this.#reading(name, async (reader, entry) => {
      const header = decodeNpyHeader(await reader.peek(Math.min(MAX_HEADER_BYTES, entry.uncompressedSize)));
      const expected = header.start + bytesOf(header);
      if (entry.uncompressedSize !== expected) {
        throw new NpyError(
          l10n.t(
            'It has {0} bytes, and {1} of [{2}] has {3}',
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
   * Reads an array of bytes straight to where they belong.
   *
   * @param target as long as the array
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
      // Asks for the end, where the archive's reader says that an entry is longer or shorter than stated.
      const rest = await reader.countRest(1);
      if (filled !== target.length || rest > 0) throw new NpyError(l10n.t('It is cut short or too long'));
      checkCrc(sum, entry);
    });
  }

  /** Reads an array's values, small enough to be in memory twice. */
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

/** Node 20.0 to 20.14 have no such function; there damage shows only where it changes a length. */
function crc(bytes: Uint8Array, before: number): number {
  return 'crc32' in zlib ? zlib.crc32(bytes, before) : 0;
}

function checkCrc(sum: number, entry: Entry): void {
  if (!('crc32' in zlib) || sum === entry.crc32) return;
  throw new Error(l10n.t('its checksum is wrong'));
}

function nameRemedy(): string {
  return l10n.t("Name a file as NumPy's {0} writes it.", 'savez');
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
