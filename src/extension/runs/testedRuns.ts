import { dirname, resolve } from 'node:path';
import * as vscode from 'vscode';
import { imagesKey } from '../../datasets/index/store';
import { recordLook } from '../../datasets/testLooks';
import { networkRecipe } from '../../recipe/anyRecipe';
import { isOwnDataset } from '../../recipe/datasets';
import { RunPredictor } from '../../runs/predictor';
import type { ReadableEntry } from '../../runs/store';
import { dataEnvironment, readSettings } from '../settings';

/**
 * Evaluates a run on its data set's test images. Returns the accuracy in percentage points, and counts the look.
 *
 * @param root the folder that contains the store
 * @throws UserError if the evaluation is impossible
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
    const source = networkRecipe(manifest.recipe)?.data.source;
    if (source && isOwnDataset(source)) {
      const key = imagesKey(source, resolve(root, dirname(manifest.experiment.file)));
      // Count the look before anyone sees the result.
      await recordLook(root, key, { runId: id, time: Date.now() });
    }
    return 100 * accuracy;
  } finally {
    predictor.close();
  }
}
