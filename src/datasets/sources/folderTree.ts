/** Walks a folder of images: follows links within it and cuts all others, and gathers what it could not read. */

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

/** A folder below the root. */
export interface Folder {
  /** Relative to the root, with slashes; empty for the root. */
  readonly path: string;
  readonly name: string;
  /** Whether a link leads to it: links to folders are followed once. */
  readonly isLinked: boolean;
}

/** What lies in a folder, both in the order of code points. */
export interface FolderContent {
  readonly folders: readonly Folder[];
  /** Names of files that are images by their names, or by their content where names say nothing. */
  readonly images: readonly string[];
}

/** Entries that a directory's handle reads at once. */
const ENTRIES_AT_ONCE = 512;
/** Entries after which others have their turn. */
const ENTRIES_BETWEEN_TURNS = 8192;

/** A folder and what is below it. */
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
  /** By ending, the files that are no images. */
  private readonly others = new Map<string, number>();

  private constructor(
    readonly root: string,
    private readonly realRoot: string,
    private readonly signal: AbortSignal | undefined,
  ) {}

  /** @throws the file system's error where there is no such folder */
  static async open(root: string, signal?: AbortSignal): Promise<FolderTree> {
    return new FolderTree(root, await realpath(root), signal);
  }

  get top(): Folder {
    return { path: '', name: '', isLinked: false };
  }

  /** What lies in a folder; nothing where it may not be read, which is a problem. */
  async content(folder: Folder): Promise<FolderContent> {
    const folders: Folder[] = [];
    const images: string[] = [];
    for (const entry of await this.entries(folder)) {
      const { name } = entry;
      const path = folder.path === '' ? name : `${folder.path}/${name}`;
      // Names that are no UTF-8 cannot be opened again.
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

  /** Whether there are folders in a folder, which is read for this alone. */
  async hasFolders(folder: Folder): Promise<boolean> {
    const entries = await readdir(join(this.root, folder.path), { withFileTypes: true }).catch(() => []);
    return entries.some(
      (entry) =>
        !isHidden(entry.name) &&
        (entry.isDirectory() || (entry.isSymbolicLink() && kindByName(entry.name) === 'unknown')),
    );
  }

  /** Paths of all images below a folder: its own, then those of each folder in it. */
  async imagesBelow(folder: Folder): Promise<string[]> {
    const { folders, images } = await this.content(folder);
    const paths = images.map((name) => `${folder.path}/${name}`);
    for (const each of folders) for (const path of await this.imagesBelow(each)) paths.push(path);
    return paths;
  }

  /** What was left out, so far. */
  problems(): DataProblem[] {
    const ignored = new Places();
    const byCount = [...this.others].sort(([a, x], [b, y]) => y - x || compareCodePoints(a, b));
    for (const [extension, count] of byCount)
      ignored.add(`${extension === '' ? l10n.t('no extension') : `*${extension}`}: ${count}`, count);
    const remedyOfLink = l10n.t('Copy the images into the folder, or choose the folder that they are in.');
    return [
      ...this.closed.problem((paths) => ({
        severity: 'error',
        kind: 'no_permission',
        what: l10n.t('These folders may not be read: {0}.', paths),
        remedy: l10n.t('Change their permissions, or move them out of the data set.'),
      })),
      ...this.foldersOutside.problem((paths) => ({
        severity: 'error',
        kind: 'link',
        what: l10n.t(
          'These links lead to folders outside of the data set, and are not followed: {0}.',
          paths,
        ),
        remedy: remedyOfLink,
      })),
      ...this.filesOutside.problem((paths) => ({
        severity: 'warning',
        kind: 'link',
        what: l10n.t('These links lead to files outside of the data set, and are not followed: {0}.', paths),
        remedy: remedyOfLink,
      })),
      ...this.loops.problem((paths) => ({
        severity: 'warning',
        kind: 'link',
        what: l10n.t('These links lead back, or on from a linked folder, and are not followed: {0}.', paths),
        remedy: l10n.t('Delete them.'),
      })),
      ...this.broken.problem((paths) => ({
        severity: 'warning',
        kind: 'link',
        what: l10n.t('These links lead nowhere: {0}.', paths),
        remedy: l10n.t('Delete them, or restore what they lead to.'),
      })),
      ...this.vanished.problem((paths) => ({
        severity: 'warning',
        kind: 'unreadable',
        what: l10n.t('These folders vanished while they were listed: {0}.', paths),
        remedy: l10n.t('List the data set again.'),
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
        what: l10n.t('These names are not UTF-8, and are left out: {0}.', paths),
        remedy: l10n.t('Rename them.'),
      })),
      ...this.unsupported.problem((paths) => ({
        severity: 'warning',
        kind: 'unsupported',
        what: l10n.t('These images are of a format that is not read, and are left out: {0}.', paths),
        remedy: l10n.t('Convert them to JPEG or PNG.'),
      })),
      ...this.special.problem((paths) => ({
        severity: 'warning',
        kind: 'ignored',
        what: l10n.t('These are neither files nor folders: {0}.', paths),
        remedy: l10n.t('Delete them, if they should not be there.'),
      })),
      ...ignored.problem((counts) => ({
        severity: 'warning',
        kind: 'ignored',
        what: l10n.t('Files that are not images are left out: {0}.', counts),
        remedy: l10n.t('Nothing needs to be done, if they are not part of the data set.'),
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
        // A promise for each entry would double what a listing takes in memory.
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

  /** What a link leads to; null where it is not followed, which is a problem. */
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
