import { resolve } from 'node:path';
import * as l10n from '@vscode/l10n';
import type { OwnDatasetRequest } from '../../recipe/datasets';
import { messageOf } from '../../shared/failure';
import { formatCount } from '../../shared/format';
import { UserError } from '../../shared/userError';
import { isSystemError } from '../../system/errors';
import { inOrder } from '../inOrder';
import { type SplitName, SplitsBuilder, TrainSplitter } from '../listedSplits';
import type { DataProblem, Lister } from '../listing';
import { Places } from '../problems';
import { groupPattern } from '../split';
import { type Folder, type FolderContent, FolderTree } from './folderTree';

type Request = Extract<OwnDatasetRequest, { dataset: 'image_folder' }>;

/** Accepted names of split folders, in lower case. */
const SPLIT_FOLDERS: Readonly<Record<SplitName, readonly string[]>> = {
  train: ['train', 'training'],
  validation: ['val', 'valid', 'validation'],
  test: ['test', 'testing'],
};

/** The number of class folders to read concurrently. */
const FOLDERS_AT_ONCE = 4;
/** Images between progress reports. */
const PROGRESS_EVERY = 5000;

/** A folder's listing. Each folder is read only once, because reading records problems. */
interface ReadFolder {
  readonly folder: Folder;
  readonly content: FolderContent;
}

/**
 * The folders that contain each split's class folders. Null if validation images are split from the training images.
 */
interface Layout {
  readonly train: ReadFolder;
  readonly validation: ReadFolder | null;
  readonly test: ReadFolder | null;
  /** Folders next to the split folders. */
  readonly others: readonly Folder[];
}

/**
 * Lists a folder of images in the layout of torchvision's `ImageFolder` and timm: `train` and `val` (and `test`) with
 * one folder per class, or just the class folders. Subfolders of a class belong to the class. Classes are sorted by
 * code point.
 *
 * @throws UserError if the folder does not exist or contains no classes; the signal's reason if aborted
 */
export const listImageFolder: Lister<Request> = async (request, { folder, signal, onProgress }) => {
  const root = resolve(folder, request.path);
  const tree = await FolderTree.open(root, signal).catch((error: unknown) => {
    throw noSuchFolder(root, error);
  });
  const grouping = request.split.group_by === undefined ? null : groupPattern(request.split.group_by);
  const layout = await layoutOf(tree);
  const splits = new SplitsBuilder(root);
  const splitter = new TrainSplitter(request.split);
  let reported = 0;
  const add = (split: SplitName, path: string, label: number) => {
    splits.add(split, path, label);
    if (splits.count < reported + PROGRESS_EVERY) return;
    reported = splits.count;
    onProgress?.(l10n.t('{0} images found', formatCount(reported)), null);
  };

  const classes = layout.train.content.folders.map((each, label) => ({ folder: each, label }));
  if (classes.length === 0) throw noClasses(root, tree);
  const classNames = classes.map((each) => each.folder.name);
  for await (const { item, result } of imagesOf(tree, classes)) {
    for (const path of result) {
      const side = layout.validation
        ? 'train'
        : splitter.side(path, item.label, grouping ? grouping(path) : undefined);
      add(side, path, item.label);
    }
  }
  const labelOf = labels(classNames);
  const strangers = new Places('sorted');
  for (const split of ['validation', 'test'] as const) {
    const known = (layout[split]?.content.folders ?? []).flatMap((each) => {
      const label = labelOf(each.name);
      if (label === null) strangers.add(each.path);
      return label === null ? [] : [{ folder: each, label }];
    });
    for await (const { item, result } of imagesOf(tree, known))
      for (const path of result) add(split, path, item.label);
  }

  const problems: DataProblem[] = [
    ...tree.problems(),
    ...strangers.problem((names) => ({
      severity: 'error',
      kind: 'unknown_class',
      what: l10n.t('These folders do not match any class of the training images: {0}.', names),
      remedy: l10n.t('Rename them to match {0}, or add training images for them.', layout.train.folder.name),
    })),
    ...looseImages(layout),
    ...ignoredFolders(layout),
    ...splitter.problems(),
  ];
  return splits.finish(classNames, problems);
};

/** Reports images next to the class folders, which belong to no class. */
function looseImages({ train, validation, test }: Layout): DataProblem[] {
  const places = new Places();
  for (const read of [train, validation, test])
    for (const name of read?.content.images ?? [])
      places.add(read?.folder.path ? `${read.folder.path}/${name}` : name);
  return places.problem((paths) => ({
    severity: 'warning',
    kind: 'ignored',
    what: l10n.t('Images outside the class folders are skipped: {0}.', paths),
    remedy: l10n.t('Move them into their class folders.'),
  }));
}

function ignoredFolders({ others, train }: Layout): DataProblem[] {
  const places = new Places();
  for (const { name } of others) places.add(name);
  return places.problem((names) => ({
    severity: 'warning',
    kind: 'ignored',
    what: l10n.t('Folders next to {0} are skipped: {1}.', train.folder.name, names),
    remedy: l10n.t('If they are classes, move them into {0}.', train.folder.name),
  }));
}

/**
 * Finds the split folders. A vehicle data set may have a class named `train`: that folder has images but no subfolders.
 */
async function layoutOf(tree: FolderTree): Promise<Layout> {
  const read = async (folder: Folder): Promise<ReadFolder> => ({
    folder,
    content: await tree.content(folder),
  });
  const top = await read(tree.top).catch((error: unknown) => {
    throw isSystemError(error, 'ENOTDIR', 'ENOENT', 'EIO') ? noSuchFolder(tree.root, error) : error;
  });
  const { folders } = top.content;
  const find = (split: SplitName): Folder | null => {
    const found = folders.filter(({ name }) => SPLIT_FOLDERS[split].includes(name.toLowerCase()));
    if (found.length > 1) throw twoFolders(tree.root, found);
    return found[0] ?? null;
  };
  const [train, validation, test] = [find('train'), find('validation'), find('test')];
  const splits = [train, validation, test];
  const others = folders.filter((each) => !splits.includes(each));
  const asClasses: Layout = { train: top, validation: null, test: null, others: [] };
  if (!train) {
    if (others.length === 0 && (validation || test)) throw noTrainFolder(tree.root);
    return asClasses;
  }
  const isAlone = !validation && !test && others.length > 0;
  if (isAlone && !(await tree.hasFolders(train))) return asClasses;
  return {
    train: await read(train),
    validation: validation && (await read(validation)),
    test: test && (await read(test)),
    others,
  };
}

function imagesOf(tree: FolderTree, classes: readonly { readonly folder: Folder; readonly label: number }[]) {
  return inOrder(classes, FOLDERS_AT_ONCE, ({ folder }) => tree.imagesBelow(folder));
}

/** Returns a function from class name to label. macOS may have decomposed a name in only one of the splits. */
function labels(classNames: readonly string[]): (name: string) => number | null {
  const exact = new Map(classNames.map((name, label) => [name, label]));
  const composed = new Map(classNames.map((name, label) => [name.normalize('NFC'), label]));
  return (name) => exact.get(name) ?? composed.get(name.normalize('NFC')) ?? null;
}

function noSuchFolder(root: string, error: unknown): UserError {
  const remedy = l10n.t("Change data.path. It is relative to the experiment file's folder.");
  if (isSystemError(error, 'ENOENT'))
    return new UserError({ what: l10n.t('The folder {0} does not exist.', root), remedy }, { cause: error });
  if (isSystemError(error, 'ENOTDIR'))
    return new UserError({ what: l10n.t('{0} is not a folder.', root), remedy }, { cause: error });
  return new UserError(
    { what: l10n.t('The folder {0} cannot be read: {1}', root, messageOf(error)), remedy },
    { cause: error },
  );
}

function noClasses(root: string, tree: FolderTree): UserError {
  const gaps = tree.problems().find(({ kind }) => kind === 'link' || kind === 'no_permission');
  return new UserError({
    what: [l10n.t('{0} has no class folders.', root), ...(gaps ? [gaps.what] : [])].join(' '),
    remedy: gaps?.remedy ?? l10n.t('Put the images of each class into a folder with the class name.'),
  });
}

function noTrainFolder(root: string): UserError {
  return new UserError({
    what: l10n.t('{0} has no train folder.', root),
    remedy: l10n.t('Put the training images into a train folder, in one folder per class.'),
  });
}

function twoFolders(root: string, found: readonly Folder[]): UserError {
  return new UserError({
    what: l10n.t(
      '{0} has {1}, but only one of them is expected.',
      root,
      found.map(({ name }) => name).join(', '),
    ),
    remedy: l10n.t('Merge them, or rename one.'),
  });
}
