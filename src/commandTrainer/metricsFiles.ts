import {
  closeSync,
  type Dirent,
  type FSWatcher,
  fstatSync,
  lstatSync,
  readdirSync,
  readSync,
  watch,
} from 'node:fs';
import { dirname, join } from 'node:path';
import * as l10n from '@vscode/l10n';
import { LineSplitter } from '../interop/output/lines';
import type { OutputReader, OutputSource, Reading } from '../interop/output/reading';
import { messageOf } from '../shared/failure';
import { openPlainSync } from '../system/plainFiles';

/** Interval at which files are looked at, whether or not the system reports a change. */
const POLL_MS = 1000;
/** Delay after a reported change, because programs write a line in several parts. */
const SETTLE_MS = 50;
/** At most this part of the time is spent looking for files. */
const MOST_LOOKING = 0.05;

/** Bounds of what is looked at, so that a program with many or large files only loses metrics. */
const MOST_ENTRIES = 20_000;
const MOST_FILES = 200;
const MOST_DEPTH = 12;
/** A file that is read whole each time has at most this size. */
const MOST_WHOLE_BYTES = 32 << 20;
const CHUNK_BYTES = 1 << 20;
/** Bytes of a growing file that are read before the output is read again. */
const BYTES_AT_ONCE = 16 << 20;

/** Our own files in a run's folder, which no pattern means. */
const OURS =
  /^(?:run\.json|metrics\.ndjson|trainer\.\w+|queue\.json|lease\.\d+|origin|reserve|name|stop)(?:\.|$)/;

/** A source with the pattern of its files. */
type FileSource = OutputSource & { readonly where: { readonly files: string } };

const isFileSource = (source: OutputSource): source is FileSource => source.where !== 'output';

interface WatchedFile {
  readonly path: string;
  readonly name: string;
  readonly source: FileSource;
  readonly device: number;
  readonly inode: number;
  reader: OutputReader;
  lines: LineSplitter | null;
  offset: number;
  size: number;
  /** The size and time of the content that was read. */
  readVersion: string;
  /** The size and time that a file had at the last look, if it was shorter than before. */
  shorterVersion: string;
  /** Each reading of the last time, of a file that is read whole. */
  readonly seen: string[];
  isBroken: boolean;
}

/** Called with new readings, and the name of the file that they are from. */
export type OnFileReadings = (name: string, readings: readonly Reading[]) => void;

/**
 * Reads the files in a run's folder that a command writes its metrics to. Reads only regular files, and follows no
 * links. All calls are synchronous, so that the metrics in files and in the output stay in order.
 */
export class MetricsFiles {
  readonly #sources: readonly FileSource[];
  readonly #files = new Map<string, WatchedFile>();
  readonly #watchers = new Map<string, FSWatcher>();
  #timer: NodeJS.Timeout | null = null;
  #isClosed = false;

  /** @param onNote called with a note for the log about a file that cannot be read as metrics */
  constructor(
    private readonly runFolder: string,
    sources: readonly OutputSource[],
    private readonly onReadings: OnFileReadings,
    private readonly onNote: (text: string) => void = () => {},
  ) {
    this.#sources = sources.filter(isFileSource);
  }

  /** Looks for changes from now on. */
  watch(): void {
    if (this.#sources.length > 0) this.#schedule(POLL_MS);
  }

  /** Reads everything that is new. Returns whether anything was, and whether more is left. */
  read(): { readonly hasChanged: boolean; readonly hasMore: boolean } {
    let [hasChanged, hasMore] = [false, false];
    for (const [path, name, source] of this.#matches()) {
      const key = `${source.where.files} ${path}`;
      try {
        const result = this.#readFile(key, path, name, source);
        hasChanged ||= result !== 'same';
        hasMore ||= result === 'more';
      } catch {
        // It was removed, is a link or is not readable yet. The next time may differ.
      }
    }
    return { hasChanged, hasMore };
  }

  /** Reads to the end of all files. Call it when the command has ended. */
  readToEnd(): void {
    // What is shorter at the first look stays so.
    this.read();
    while (this.read().hasMore);
  }

  /** Stops looking. */
  close(): void {
    this.#isClosed = true;
    if (this.#timer) clearTimeout(this.#timer);
    for (const watcher of this.#watchers.values()) watcher.close();
    this.#watchers.clear();
  }

  #schedule(ms: number): void {
    if (this.#timer) clearTimeout(this.#timer);
    if (this.#isClosed) return;
    this.#timer = setTimeout(() => {
      const before = performance.now();
      const { hasMore } = this.read();
      this.#watchFolders();
      const took = performance.now() - before;
      this.#schedule(hasMore ? 0 : Math.max(POLL_MS, took / MOST_LOOKING));
    }, ms);
  }

  /** Has the system report changes in the folders of the files. Not in the run's, which we ourselves write to. */
  #watchFolders(): void {
    for (const { path } of this.#files.values()) {
      const folder = dirname(path);
      if (folder === this.runFolder || this.#watchers.has(folder)) continue;
      try {
        const watcher = watch(folder, { persistent: false }, () => this.#schedule(SETTLE_MS));
        watcher.on('error', () => {});
        this.#watchers.set(folder, watcher);
      } catch {
        // Looking now and then remains.
      }
    }
  }

  #readFile(key: string, path: string, name: string, source: FileSource): 'same' | 'changed' | 'more' {
    // Without this, each look opens every file.
    const { dev, ino, size, mtimeMs } = lstatSync(path);
    const version = `${size} ${mtimeMs}`;
    let file = this.#files.get(key);
    const isShorter = file !== undefined && size < file.size;
    const isReplaced = file !== undefined && (file.device !== dev || file.inode !== ino);
    if (file && isShorter && !isReplaced && file.shorterVersion !== version) {
      // A program that writes its file anew may be between emptying it and writing all that it had before.
      file.shorterVersion = version;
      return 'same';
    }
    const isOther = isReplaced || isShorter;
    if (!file || isOther) {
      if (!file && this.#files.size >= MOST_FILES) return 'same';
      const reader = source.reader();
      const lines = reader.from === 'lines' ? new LineSplitter() : null;
      // A program may replace its file with a longer one. A shorter one was begun anew.
      const seen = file === undefined || isShorter ? [] : file.seen;
      file = { path, name, source, device: dev, inode: ino, reader, lines, seen, ...UNREAD };
      this.#files.set(key, file);
    }
    file.size = size;
    if (file.isBroken || file.readVersion === version) return 'same';
    const descriptor = openPlainSync(path);
    try {
      const isAll =
        file.reader.from === 'whole' ? this.#readWhole(file, descriptor) : this.#readOn(file, descriptor);
      file.readVersion = isAll ? version : '';
      return isAll ? 'changed' : 'more';
    } finally {
      closeSync(descriptor);
    }
  }

  /** Returns true: the whole file was read. */
  #readWhole(file: WatchedFile, descriptor: number): boolean {
    const { size } = fstatSync(descriptor);
    if (size > MOST_WHOLE_BYTES) {
      this.#giveUp(file, l10n.t('it is too large'));
      return true;
    }
    const text = bytesOf(descriptor, 0, size).toString('utf8');
    const readings = this.#attempt(file, (reader) => (reader.from === 'whole' ? reader.read(text) : []));
    const news = readings.filter((reading, index) => {
      const said = JSON.stringify(reading);
      const isNew = file.seen[index] !== said;
      file.seen[index] = said;
      return isNew;
    });
    if (news.length > 0) this.onReadings(file.name, news);
    return true;
  }

  /** Reads the next bytes of a growing file. Returns whether these are all. */
  #readOn(file: WatchedFile, descriptor: number): boolean {
    for (let read = 0; read < BYTES_AT_ONCE && !file.isBroken; ) {
      const bytes = bytesOf(descriptor, file.offset, CHUNK_BYTES);
      if (bytes.length === 0) return true;
      file.offset += bytes.length;
      read += bytes.length;
      const readings = this.#attempt(file, (reader) => {
        if (reader.from === 'bytes') return reader.read(bytes);
        if (reader.from === 'lines')
          return (file.lines?.push(bytes) ?? []).flatMap((line) => reader.read(line));
        return [];
      });
      if (readings.length > 0) this.onReadings(file.name, readings);
    }
    return file.isBroken;
  }

  /** Calls a file's reader. A file that it fails on is not read again. */
  #attempt(file: WatchedFile, read: (reader: OutputReader) => readonly Reading[]): readonly Reading[] {
    try {
      return read(file.reader);
    } catch (error) {
      this.#giveUp(file, messageOf(error));
      return [];
    }
  }

  #giveUp(file: WatchedFile, reason: string): void {
    file.isBroken = true;
    this.onNote(l10n.t('{0} is not read as metrics: {1}.', file.name, reason));
  }

  /** Yields the files of each source: path, name below the run's folder, source. */
  *#matches(): Generator<[path: string, name: string, source: FileSource]> {
    const budget = { entries: MOST_ENTRIES };
    for (const source of this.#sources) {
      const segments = source.where.files.split('/').filter((segment) => segment !== '' && segment !== '.');
      // A pattern never leads out of the run's folder.
      if (segments.includes('..')) continue;
      for (const name of namesBelow(this.runFolder, '', segments, budget, MOST_DEPTH)) {
        if (!OURS.test(name)) yield [join(this.runFolder, name), name, source];
      }
    }
  }
}

const UNREAD = { offset: 0, size: 0, readVersion: '', shorterVersion: '', isBroken: false } as const;

function bytesOf(descriptor: number, offset: number, most: number): Buffer {
  const buffer = Buffer.allocUnsafe(most);
  let length = 0;
  while (length < most) {
    const read = readSync(descriptor, buffer, length, most - length, offset + length);
    if (read === 0) break;
    length += read;
  }
  return buffer.subarray(0, length);
}

/** Yields the names of the files below a folder that match a pattern, in the order of their names. */
function* namesBelow(
  folder: string,
  above: string,
  [segment, ...rest]: readonly string[],
  budget: { entries: number },
  depth: number,
): Generator<string> {
  if (segment === undefined || depth === 0) return;
  if (segment === '**') yield* namesBelow(folder, above, rest, budget, depth);
  const pattern = segment === '**' ? /^/ : patternOf(segment);
  for (const entry of entriesOf(folder)) {
    if (--budget.entries < 0) return;
    const name = above === '' ? entry.name : `${above}/${entry.name}`;
    if (entry.isDirectory() && (segment === '**' || rest.length > 0) && pattern.test(entry.name)) {
      const next = segment === '**' ? [segment, ...rest] : rest;
      yield* namesBelow(join(folder, entry.name), name, next, budget, depth - 1);
    }
    if (entry.isFile() && segment !== '**' && rest.length === 0 && pattern.test(entry.name)) yield name;
  }
}

function patternOf(segment: string): RegExp {
  const parts = segment.split('*').map((part) => part.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&'));
  return new RegExp(`^${parts.join('.*')}$`);
}

function entriesOf(folder: string): Dirent[] {
  try {
    return readdirSync(folder, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1));
  } catch {
    return [];
  }
}
