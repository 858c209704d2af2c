import { dirname, resolve } from 'node:path';
import * as vscode from 'vscode';
import { imagesKey } from '../../datasets/index/store';
import { recordLook } from '../../datasets/testLooks';
import { isOwnDataset } from '../../recipe/datasets';
import { RunPredictor } from '../../runs/predictor';
import type { ReadableEntry } from '../../runs/store';
import { dataEnvironment, readSettings } from '../settings';

/**
 * The accuracy of a run on its data set's test images, in points of a percent. The look at them is counted.
 *
 * @param root the folder that has the store
 * @throws UserError where it cannot be told
 */
export async function testAccuracy(
  extensionUri: vscode.Uri,
  root: string,
  { id, folder, manifest }: ReadableEntry,
  weights: 'last' | 'averaged',
): Promise<number> {
  const { predictor } = await RunPredictor.start(
    folder,
    { weights },
    {
      nodePath: readSettings().nodePath,
      predictorPath: vscode.Uri.joinPath(extensionUri, 'dist', 'predictor.js').fsPath,
      env: { ...process.env, ...dataEnvironment() },
    },
  );
  try {
    const { accuracy } = await predictor.test(() => {});
    const { source } = manifest.recipe.data;
    if (isOwnDataset(source)) {
      const key = imagesKey(source, resolve(root, dirname(manifest.experiment.file)));
      // Before anybody has seen the result.
      await recordLook(root, key, { runId: id, time: Date.now() });
    }
    return 100 * accuracy;
  } finally {
    predictor.close();
  }
}
