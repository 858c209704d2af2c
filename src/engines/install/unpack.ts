import { once } from 'node:events';
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { basename, dirname, join, normalize } from 'node:path';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import * as l10n from '@vscode/l10n';
import { extract } from 'tar';
import yauzl from 'yauzl';
import { UserError } from '../../shared/userError';

export interface UnpackOptions {
  /** An upper bound of the archive's unpacked size. */
  readonly limitBytes: number;
  /** An upper bound of the number of entries. The default is enough for a TensorFlow wheel, which has about 20,000. */
  readonly limitEntries?: number;
  readonly signal?: AbortSignal | undefined;
}

const LIMIT_ENTRIES = 100_000;

/** The upper half of a zip entry's attributes, if it was created on Unix: the file type and mode. */
const KIND = 0o170000;
const LINK = 0o120000;
const PERMISSIONS = 0o777;

/**
 * Unpacks entries of a zip archive. `pathOf` returns an entry's path relative to `folder`, or null to skip it.
 *
 * @returns the bytes written
 * @throws UserError if the archive is damaged, too large or would write outside the folder; the signal's reason if
 *   aborted
 */
export async function unpackZip(
  archive: string,
  folder: string,
  pathOf: (name: string) => string | null,
  options: UnpackOptions,
): Promise<number> {
  const { signal, limitEntries = LIMIT_ENTRIES } = options;
  return unpacking(archive, options, async (limit) => {
    const zip = await yauzl.openPromise(archive);
    try {
      if (zip.entryCount > limitEntries) throw tooManyEntries(archive, limitEntries);
      for await (const entry of zip.eachEntry()) {
        signal?.throwIfAborted();
        const place = entry.fileName.endsWith('/') ? null : pathOf(entry.fileName);
        if (place === null) continue;
        const path = join(folder, place);
        const unixMode = entry.externalFileAttributes >>> 16;
        if ((unixMode & KIND) === LINK || !isInside(folder, place))
          throw unsafeEntry(archive, entry.fileName);
        await mkdir(dirname(path), { recursive: true });
        const mode = unixMode & PERMISSIONS || 0o644;
        const content = await zip.openReadStreamPromise(entry);
        await pipeline(content, limit.counter(), createWriteStream(path, { mode }), { signal });
      }
      return limit.bytes;
    } finally {
      zip.close();
    }
  });
}

/**
 * Unpacks the entries of a gzipped tar archive whose path passes `isWanted`, at the same path in `folder`. Accepts only
 * links to another name in their own folder. A link to a link is an error.
 *
 * @returns the size of the files in bytes
 * @throws like `unpackZip`
 */
export async function unpackTar(
  archive: string,
  folder: string,
  isWanted: (path: string) => boolean,
  options: UnpackOptions,
): Promise<number> {
  const { signal, limitEntries = LIMIT_ENTRIES } = options;
  await mkdir(folder, { recursive: true });
  return unpacking(archive, options, async (limit) => {
    let [bytes, entries] = [0, 0];
    let refusal: UserError | null = null;
    const refusalOf = (path: string, type: string, link: string | undefined): UserError | null => {
      if (entries > limitEntries) return tooManyEntries(archive, limitEntries);
      if (!isWanted(path)) return null;
      const isFile = ['File', 'OldFile', 'Directory'].includes(type);
      const isNear = type === 'SymbolicLink' && isPlainName(link ?? '');
      return (isFile || isNear) && isInside(folder, path) ? null : unsafeEntry(archive, path);
    };
    const unpack = extract({
      cwd: folder,
      strict: true,
      filter: (name, entry) => {
        entries++;
        const path = name.replace(/^\.\//, '');
        if ('type' in entry) refusal ??= refusalOf(path, entry.type, entry.linkpath);
        return refusal === null && isWanted(path);
      },
      onReadEntry: ({ size }) => {
        bytes += size;
      },
    });
    const closed = new Promise<void>((resolve, reject) => {
      unpack.on('close', resolve);
      unpack.on('error', reject);
    });
    // If the archive itself ends the stream, nobody awaits this promise.
    closed.catch(() => {});
    const write = async (chunks: AsyncIterable<Buffer>) => {
      for await (const chunk of chunks) {
        if (!unpack.write(chunk)) await Promise.race([once(unpack, 'drain'), closed]);
        if (refusal) throw refusal;
      }
      unpack.end();
      await closed;
    };
    try {
      await pipeline(createReadStream(archive), createGunzip(), limit.counter(), write, { signal });
    } catch (error) {
      // When one stream ends another, the error may report only that.
      throw refusal ?? error;
    }
    if (refusal) throw refusal;
    return bytes;
  });
}

/** Counts the unpacked entries and bytes, and throws above the limits. */
class Limit {
  #bytes = 0;

  constructor(
    readonly archive: string,
    readonly limitBytes: number,
  ) {}

  get bytes(): number {
    return this.#bytes;
  }

  counter(): Transform {
    return new Transform({
      transform: (chunk: Buffer, _, done) => {
        this.#bytes += chunk.length;
        if (this.#bytes > this.limitBytes) done(tooLarge(this.archive, this.limitBytes));
        else done(null, chunk);
      },
    });
  }
}

/** Runs work on an archive. Adds the archive's name to its errors. */
async function unpacking(
  archive: string,
  { limitBytes, signal }: UnpackOptions,
  work: (limit: Limit) => Promise<number>,
): Promise<number> {
  try {
    return await work(new Limit(archive, limitBytes));
  } catch (error) {
    signal?.throwIfAborted();
    const isOfDisk = error instanceof Error && 'syscall' in error;
    if (error instanceof UserError || isOfDisk || !(error instanceof Error)) throw error;
    throw damaged(archive, error.message, error);
  }
}

function isPlainName(path: string): boolean {
  return path !== '' && path !== '.' && path !== '..' && !/[/\\]/.test(path);
}

/** Whether a name in an archive stays inside a folder. */
function isInside(folder: string, name: string): boolean {
  return join(folder, name).startsWith(normalize(`${folder}/`));
}

const remedy = (): string => l10n.t('Try again. If this happens again, do not trust the mirror.');

function tooLarge(archive: string, limitBytes: number): UserError {
  const what = l10n.t('{0} unpacks to more than {1} MB.', basename(archive), Math.ceil(limitBytes / 1e6));
  return new UserError({ what, remedy: remedy() });
}

function tooManyEntries(archive: string, limitEntries: number): UserError {
  const what = l10n.t('{0} has more than {1} entries.', basename(archive), limitEntries);
  return new UserError({ what, remedy: remedy() });
}

function unsafeEntry(archive: string, name: string): UserError {
  const what = l10n.t(
    '{0} has an entry that is a link or is outside its folder: {1}.',
    basename(archive),
    JSON.stringify(name),
  );
  return new UserError({ what, remedy: remedy() });
}

function damaged(archive: string, reason: string, cause: Error): UserError {
  const what = l10n.t('{0} cannot be unpacked: {1}.', basename(archive), reason);
  return new UserError({ what, remedy: remedy() }, { cause });
}
