import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import * as l10n from '@vscode/l10n';
import manifest from '../../../data/fashion-mnist-sample/manifest.json';
import type { DatasetFacts } from '../../recipe/datasets';
import type { MemoryDataset } from './dataset';
import { openIdxFolder } from './idxFolder';

/** Opens the Fashion-MNIST sample in the package at `root`. Its checksums are part of the bundle. */
export function openSample(root: string, facts: DatasetFacts, signal?: AbortSignal): Promise<MemoryDataset> {
  const remedy = l10n.t('The sample is part of Bag of Tricks. Reinstall Bag of Tricks.');
  return openIdxFolder(sampleFolder(root), manifest.files, facts, remedy, signal);
}

/** Returns the folder of the sample in the package at `root`. */
export function sampleFolder(root: string): string {
  return join(root, 'data', 'fashion-mnist-sample');
}

/** Returns the package that contains `folder`. The bundles are in its dist/, the sources deeper. */
export function packageRoot(folder: string = __dirname): string {
  if (existsSync(join(folder, 'package.json'))) return folder;
  const parent = dirname(folder);
  if (parent === folder) throw new Error('No package.json above the program.');
  return packageRoot(parent);
}
