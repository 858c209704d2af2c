import * as vscode from 'vscode';
import type { Classified } from '../../protocol/predictor';
import { RunPredictor } from '../../runs/predictor';
import { failureOf } from '../../system/errors';
import { tellFailure } from '../messages';
import type { ReadableRun } from '../runs/liveRun';
import type { Services } from '../services';
import { dataEnvironment, readSettings } from '../settings';
import { showClassified } from '../views/classifiedPanel';
import { mayRun } from './documents';
import { isReadable, runTarget, type Target } from './targets';

/** Number of classes to show per image. */
const SHOWN_CLASSES = 5;

const IMAGE_EXTENSIONS = ['jpg', 'jpeg', 'png', 'webp', 'gif', 'bmp', 'tif', 'tiff', 'avif'];

/** Asks for images and shows a trained run's predictions for them. */
export async function classifyImage(services: Services, target: Target, images?: unknown): Promise<void> {
  if (!mayRun()) return;
  const run = await runTarget(services, target, isReadable);
  if (!run) return;
  const chosen = areFiles(images) ? images : await chooseImages();
  if (!chosen || chosen.length === 0) return;
  const name = services.labels.of(run).full;
  const title = vscode.l10n.t('Classifying with {0}', name);
  const location = vscode.ProgressLocation.Notification;
  try {
    const results = await vscode.window.withProgress({ location, title }, () =>
      classified(services, run, chosen),
    );
    showClassified(services.extensionUri, name, results);
  } catch (error) {
    services.log.error(`${run.id} could not be asked:`, error);
    tellFailure(failureOf(error), { title: vscode.l10n.t('Open log'), run: () => services.log.show() });
  }
}

/** @throws UserError if the run cannot classify, for example without a checkpoint */
async function classified(
  { extensionUri }: Services,
  run: ReadableRun,
  images: readonly vscode.Uri[],
): Promise<Classified[]> {
  const { predictor } = await RunPredictor.start(
    run.folder,
    { weights: 'best' },
    {
      nodePath: readSettings().nodePath,
      predictorPath: vscode.Uri.joinPath(extensionUri, 'dist', 'predictor.js').fsPath,
      env: { ...process.env, ...dataEnvironment() },
    },
  );
  try {
    const results: Classified[] = [];
    const paths = images.map(({ fsPath }) => fsPath);
    await predictor.classify(paths, SHOWN_CLASSES, (result) => results.push(result));
    return results;
  } finally {
    predictor.close();
  }
}

/** From a tree menu, the second argument is the selected rows of the tree. */
function areFiles(images: unknown): images is readonly vscode.Uri[] {
  return Array.isArray(images) && images.every((image) => image instanceof vscode.Uri);
}

async function chooseImages(): Promise<readonly vscode.Uri[] | undefined> {
  return vscode.window.showOpenDialog({
    canSelectMany: true,
    title: vscode.l10n.t('Choose images to classify'),
    openLabel: vscode.l10n.t('Classify'),
    filters: { [vscode.l10n.t('Images')]: IMAGE_EXTENSIONS },
  });
}
