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
  /** More than what is in the archive takes when it is unpacked. */
  readonly limitBytes: number;
  /** More than the archive has entries; by default enough for a wheel of TensorFlow, which has some 20,000. */
  readonly limitEntries?: number;
  readonly signal?: AbortSignal | undefined;
}

const LIMIT_ENTRIES = 100_000;

/** The upper half of a zip entry's attributes where it was made on a Unix: the kind of the file, and its mode. */
const KIND = 0o170000;
const LINK = 0o120000;
const PERMISSIONS = 0o777;

/**
 * Unpacks entries of a zip archive: `pathOf` gives an entry's path below `folder`, or null to leave it out.
 *
 * @returns the bytes written
 * @throws UserError for an archive that is damaged, too large or leaves the folder; the signal's reason when aborted
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
 * Unpacks those entries of a gzipped tar archive whose path there `isWanted`, with that path below `folder`. Of links,
 * only those to another name in their own folder are taken; a link to a link is an error.
 *
 * @returns the bytes of the files
 * @throws as `unpackZip`
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
    // Where the archive itself ends it, nobody waits for this.
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
      // Streams that end one another may leave a word of that alone.
      throw refusal ?? error;
    }
    if (refusal) throw refusal;
    return bytes;
  });
}

/** Counts what is unpacked, and ends it where it is too much. */
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

/** Does the work, and says of an error of the archive's own which archive it was. */
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

/** Whether a name in an archive stays below a folder. */
function isInside(folder: string, name: string): boolean {
  return join(folder, name).startsWith(normalize(`${folder}/`));
}

const remedy = (): string => l10n.t('Try again; if it stays so, the mirror is not to be trusted.');

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
    '{0} has an entry that is a link or leaves its folder: {1}.',
    basename(archive),
    JSON.stringify(name),
  );
  return new UserError({ what, remedy: remedy() });
}

function damaged(archive: string, reason: string, cause: Error): UserError {
  const what = l10n.t('{0} cannot be unpacked: {1}.', basename(archive), reason);
  return new UserError({ what, remedy: remedy() }, { cause });
}
