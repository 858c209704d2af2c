import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import * as l10n from '@vscode/l10n';
import manifest from '../../../data/fashion-mnist-sample/manifest.json';
import type { DatasetFacts } from '../../recipe/datasets';
import type { MemoryDataset } from './dataset';
import { openIdxFolder } from './idxFolder';

/** Opens the sample of Fashion-MNIST in the package at `root`; its checksums are part of the bundle. */
export function openSample(root: string, facts: DatasetFacts, signal?: AbortSignal): Promise<MemoryDataset> {
  const remedy = l10n.t('The sample is part of Bag of Tricks: install it again.');
  return openIdxFolder(sampleFolder(root), manifest.files, facts, remedy, signal);
}

/** Where the package at `root` has the sample. */
export function sampleFolder(root: string): string {
  return join(root, 'data', 'fashion-mnist-sample');
}

/** The package that `folder` is part of: the bundles lie in its dist/, the sources deeper. */
export function packageRoot(folder: string = __dirname): string {
  if (existsSync(join(folder, 'package.json'))) return folder;
  const parent = dirname(folder);
  if (parent === folder) throw new Error('No package.json above the program.');
  return packageRoot(parent);
}
