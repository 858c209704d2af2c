/**
 * Walks a folder of images. Follows links that stay inside it, skips all others, and collects everything that it could
 * not read.
 */

import type { Dirent } from 'node:fs';
import { opendir, readdir, realpath, stat } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import * as l10n from '@vscode/l10n';
import { isSystemError } from '../../system/errors';
import { openRegular } from '../../system/regularFiles';
import { compareCodePoints } from '../codePoints';
import { RECOGNIZED_FROM_BYTES, recognizeImage } from '../formats/imageFormat';
import type { DataProblem } from '../listing';
import { Places } from '../problems';
import { extensionOf, isHidden, kindByName } from './imageFiles';

/** A folder under the root. */
export interface Folder {
  /** Relative to the root, with slashes. Empty for the root. */
  readonly path: string;
  readonly name: string;
  /** Whether a link points to it. Each linked folder is visited only once. */
  readonly isLinked: boolean;
}

/** The contents of a folder, sorted by code point. */
export interface FolderContent {
  readonly folders: readonly Folder[];
  /** Names of files with an image extension, or with image content if the name has no extension. */
  readonly images: readonly string[];
}

/** The number of entries that a directory handle reads at once. */
const ENTRIES_AT_ONCE = 512;
/** The number of entries to read before yielding to other work. */
const ENTRIES_BETWEEN_TURNS = 8192;

/** A folder and everything under it. */
export class FolderTree {
  private readonly foldersOutside = new Places('sorted');
  private readonly filesOutside = new Places('sorted');
  private readonly loops = new Places('sorted');
  private readonly broken = new Places('sorted');
  private readonly closed = new Places('sorted');
  private readonly vanished = new Places('sorted');
  private readonly unnamed = new Places('sorted');
  private readonly unnamedFolders = new Places('sorted');
  private readonly unsupported = new Places('sorted');
  private readonly special = new Places('sorted');
  /** Counts the files that are not images, by extension. */
  private readonly others = new Map<string, number>();

  private constructor(
    readonly root: string,
    private readonly realRoot: string,
    private readonly signal: AbortSignal | undefined,
  ) {}

  /** @throws the file system's error if the folder does not exist */
  static async open(root: string, signal?: AbortSignal): Promise<FolderTree> {
    return new FolderTree(root, await realpath(root), signal);
  }

  get top(): Folder {
    return { path: '', name: '', isLinked: false };
  }

  /** Lists a folder. If it may not be read, returns an empty listing and records a problem. */
  async content(folder: Folder): Promise<FolderContent> {
    const folders: Folder[] = [];
    const images: string[] = [];
    for (const entry of await this.entries(folder)) {
      const { name } = entry;
      const path = folder.path === '' ? name : `${folder.path}/${name}`;
      // A name that is not UTF-8 cannot be used to open the file again.
      if (name.includes('\ufffd')) {
        (kindOf(entry) === 'folder' ? this.unnamedFolders : this.unnamed).add(path);
        continue;
      }
      const kind = entry.isSymbolicLink() ? await this.followed(folder, path) : kindOf(entry);
      if (kind === 'folder')
        folders.push({ path, name, isLinked: folder.isLinked || entry.isSymbolicLink() });
      else if (kind === 'file') {
        if (await this.isImage(path, name)) images.push(name);
      } else if (kind === 'special') this.special.add(path);
    }
    folders.sort((a, b) => compareCodePoints(a.name, b.name));
    images.sort(compareCodePoints);
    return { folders, images };
  }

  /** Whether a folder contains folders. Reads it just for this. */
  async hasFolders(folder: Folder): Promise<boolean> {
    const entries = await readdir(join(this.root, folder.path), { withFileTypes: true }).catch(() => []);
    return entries.some(
      (entry) =>
        !isHidden(entry.name) &&
        (entry.isDirectory() || (entry.isSymbolicLink() && kindByName(entry.name) === 'unknown')),
    );
  }

  /** Returns the paths of all images under a folder: its own first, then those of each subfolder. */
  async imagesBelow(folder: Folder): Promise<string[]> {
    const { folders, images } = await this.content(folder);
    const paths = images.map((name) => `${folder.path}/${name}`);
    for (const each of folders) for (const path of await this.imagesBelow(each)) paths.push(path);
    return paths;
  }

  /** Returns what was skipped so far. */
  problems(): DataProblem[] {
    const ignored = new Places();
    const byCount = [...this.others].sort(([a, x], [b, y]) => y - x || compareCodePoints(a, b));
    for (const [extension, count] of byCount)
      ignored.add(`${extension === '' ? l10n.t('no extension') : `*${extension}`}: ${count}`, count);
    const remedyOfLink = l10n.t('Copy the images into the folder, or use the folder that they are in.');
    return [
      ...this.closed.problem((paths) => ({
        severity: 'error',
        kind: 'no_permission',
        what: l10n.t('You do not have permission to read these folders: {0}.', paths),
        remedy: l10n.t('Change their permissions, or move them out of the data set.'),
      })),
      ...this.foldersOutside.problem((paths) => ({
        severity: 'error',
        kind: 'link',
        what: l10n.t('These links point to folders outside the data set and are not followed: {0}.', paths),
        remedy: remedyOfLink,
      })),
      ...this.filesOutside.problem((paths) => ({
        severity: 'warning',
        kind: 'link',
        what: l10n.t('These links point to files outside the data set and are not followed: {0}.', paths),
        remedy: remedyOfLink,
      })),
      ...this.loops.problem((paths) => ({
        severity: 'warning',
        kind: 'link',
        what: l10n.t(
          'These links form a loop, or are inside a linked folder, and are not followed: {0}.',
          paths,
        ),
        remedy: l10n.t('Delete them.'),
      })),
      ...this.broken.problem((paths) => ({
        severity: 'warning',
        kind: 'link',
        what: l10n.t('These links are broken: {0}.', paths),
        remedy: l10n.t('Delete them, or restore their targets.'),
      })),
      ...this.vanished.problem((paths) => ({
        severity: 'warning',
        kind: 'unreadable',
        what: l10n.t('These folders disappeared while they were being listed: {0}.', paths),
        remedy: l10n.t('Index the data set again.'),
      })),
      ...this.unnamedFolders.problem((paths) => ({
        severity: 'error',
        kind: 'unreadable',
        what: l10n.t('The names of these folders are not UTF-8: {0}.', paths),
        remedy: l10n.t('Rename them, or move them out of the data set.'),
      })),
      ...this.unnamed.problem((paths) => ({
        severity: 'warning',
        kind: 'unreadable',
        what: l10n.t('These file names are not UTF-8, so the files are skipped: {0}.', paths),
        remedy: l10n.t('Rename them.'),
      })),
      ...this.unsupported.problem((paths) => ({
        severity: 'warning',
        kind: 'unsupported',
        what: l10n.t('These images have an unsupported format and are skipped: {0}.', paths),
        remedy: l10n.t('Convert them to JPEG or PNG.'),
      })),
      ...this.special.problem((paths) => ({
        severity: 'warning',
        kind: 'ignored',
        what: l10n.t('These are neither files nor folders: {0}.', paths),
        remedy: l10n.t('If they should not be there, delete them.'),
      })),
      ...ignored.problem((counts) => ({
        severity: 'warning',
        kind: 'ignored',
        what: l10n.t('Files that are not images are skipped: {0}.', counts),
        remedy: l10n.t('If they are not part of the data set, you can ignore this.'),
      })),
    ];
  }

  private async entries(folder: Folder): Promise<Dirent[]> {
    this.signal?.throwIfAborted();
    const entries: Dirent[] = [];
    try {
      const directory = await opendir(join(this.root, folder.path), { bufferSize: ENTRIES_AT_ONCE });
      try {
        let read = 0;
        // A promise per entry would double a listing's memory.
        for (let entry = directory.readSync(); entry; entry = directory.readSync()) {
          if (!isHidden(entry.name)) entries.push(entry);
          if (++read % ENTRIES_BETWEEN_TURNS !== 0) continue;
          await setImmediate();
          this.signal?.throwIfAborted();
        }
      } finally {
        directory.closeSync();
      }
    } catch (error) {
      if (isSystemError(error, 'EACCES', 'EPERM'))
        this.closed.add(folder.path === '' ? this.root : folder.path);
      else if (folder.path !== '' && isSystemError(error, 'ENOENT', 'ENOTDIR'))
        this.vanished.add(folder.path);
      else throw error;
    }
    return entries;
  }

  /** Resolves a link to what it points to; null if it is not followed, which records a problem. */
  private async followed(from: Folder, path: string): Promise<'folder' | 'file' | 'special' | null> {
    const refuse = (places: Places) => {
      places.add(path);
      return null;
    };
    let target: string;
    let kind: 'folder' | 'file' | 'special';
    try {
      target = await realpath(join(this.root, path));
      kind = kindOf(await stat(target));
    } catch (error) {
      if (isSystemError(error, 'ELOOP')) return refuse(this.loops);
      return refuse(isSystemError(error, 'EACCES', 'EPERM') ? this.foldersOutside : this.broken);
    }
    if (!isWithin(target, this.realRoot))
      return refuse(kind === 'folder' ? this.foldersOutside : this.filesOutside);
    const isLoop = kind === 'folder' && (from.isLinked || isWithin(join(this.realRoot, from.path), target));
    return isLoop ? refuse(this.loops) : kind;
  }

  private async isImage(path: string, name: string): Promise<boolean> {
    const kind = kindByName(name);
    if (kind === 'image') return true;
    if (kind === 'unknown' && (await this.isImageInside(path))) return true;
    if (kind === 'unsupported') {
      this.unsupported.add(path);
      return false;
    }
    const extension = extensionOf(name);
    this.others.set(extension, (this.others.get(extension) ?? 0) + 1);
    return false;
  }

  private async isImageInside(path: string): Promise<boolean> {
    const file = await openRegular(join(this.root, path)).catch(() => null);
    if (!file) return false;
    try {
      const bytes = Buffer.alloc(RECOGNIZED_FROM_BYTES);
      const { bytesRead } = await file.read(bytes, 0, bytes.length, 0);
      return recognizeImage(bytes.subarray(0, bytesRead)).kind === 'image';
    } finally {
      await file.close();
    }
  }
}

function kindOf(entry: { isFile(): boolean; isDirectory(): boolean }): 'folder' | 'file' | 'special' {
  if (entry.isDirectory()) return 'folder';
  return entry.isFile() ? 'file' : 'special';
}

function isWithin(path: string, folder: string): boolean {
  return path === folder || path.startsWith(folder.endsWith(sep) ? folder : folder + sep);
}
