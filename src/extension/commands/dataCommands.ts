import { dirname, resolve } from 'node:path';
import * as vscode from 'vscode';
import { pathsToAllow } from '../../datasets/consent';
import type { DatasetIndex } from '../../datasets/index/datasetIndex';
import { assertUsable } from '../../datasets/index/datasetIndex';
import { assertSameImages } from '../../datasets/index/openIndexed';
import { datasetKey, indexLookup, readIndex } from '../../datasets/index/store';
import { requestPaths } from '../../datasets/requestPaths';
import { countLooks } from '../../datasets/testLooks';
import { datasetRequest } from '../../experiment/dataPlan';
import { dataReport, indexSummary } from '../../insight/dataReport';
import { networkRecipe } from '../../recipe/anyRecipe';
import { isOwnDataset, type OwnDatasetRequest } from '../../recipe/datasets';
import { assertNever } from '../../shared/assertNever';
import { UserError } from '../../shared/userError';
import { allowFolder, readAllowedFolders, revokeFolder } from '../../system/allowedFolders';
import { failureOf } from '../../system/errors';
import type { DataTarget } from '../dataTool';
import { experimentName } from '../language/experimentFiles';
import { parsedOf, storeRootOf } from '../language/parsing';
import { asks, tell, tellFailure } from '../messages';
import type { ReadableRun } from '../runs/liveRun';
import type { Services } from '../services';
import { readSettings } from '../settings';
import { pickRows, plainMessage } from '../shown';
import { mayRun, savedDocument, tellProblems } from './documents';
import { experimentTarget, type Target } from './targets';

/** Indexes the images that an experiment file names, and reports the findings. */
export async function indexData(services: Services, target: Target): Promise<void> {
  const uri = await experimentTarget(services, target);
  if (!uri || !mayRun()) return;
  const document = await savedDocument(uri);
  if (!document) return;
  const data = dataTargetOf(document);
  if (!data) return tellNoImages(document);
  const index = await indexWithConsent(services, data);
  if (index) tellIndexed(services, document.uri, index);
}

/**
 * Indexes the images of a file that is about to run, again if they have changed. Returns false with a message if they
 * cannot be trained on. A file without images of its own needs no index.
 */
export async function indexFirst(services: Services, document: vscode.TextDocument): Promise<boolean> {
  const data = dataTargetOf(document);
  if (!data) return true;
  const index = await indexWithConsent(services, data);
  if (!index) return false;
  const parsed = parsedOf(document);
  try {
    assertUsable(index, (parsed.ok && parsed.recipe.data.images?.onBadImage) || 'fail');
    return true;
  } catch (error) {
    tellFailure(failureOf(error), showOffer(services, document.uri));
    return false;
  }
}

/**
 * Indexes the images of a run that is about to repeat, again if they have changed. Returns false with a message if they
 * differ from those that its recipe was made for.
 */
export async function hasSameImages(services: Services, run: ReadableRun): Promise<boolean> {
  const data = networkRecipe(run.manifest.recipe)?.data;
  if (!data || !isOwnDataset(data.source)) return true;
  const { source, dataset, images } = data;
  const folder = dirname(resolve(run.root, run.manifest.experiment.file));
  const index = await indexWithConsent(services, { request: source, root: run.root, folder });
  if (!index) return false;
  try {
    assertSameImages(index, dataset.fingerprint);
    assertUsable(index, images?.onBadImage ?? 'fail');
    return true;
  } catch (error) {
    tellFailure(failureOf(error));
    return false;
  }
}

/** Shows the index report of a file's images as a read-only document. */
export async function showData(services: Services, target: Target): Promise<void> {
  const uri = await experimentTarget(services, target);
  if (!uri) return;
  const document = await vscode.workspace.openTextDocument(uri);
  const data = dataTargetOf(document);
  if (!data) return tellNoImages(document);
  const { request, root, folder } = data;
  const index = await readIndex(root, request, folder);
  if (!index) return tellUnindexed(services, uri);
  const testLooks = await countLooks(root, datasetKey(request, folder));
  const name = vscode.l10n.t('Data of {0}', experimentName(uri));
  const places = requestPaths(request, folder);
  const text = dataReport(name, places, index, testLooks);
  const report = services.dataReports.hold(`${name}.md`, text, uri.toString());
  await vscode.commands.executeCommand('markdown.showPreview', report);
}

/** Shows training images next to their augmented versions. */
export async function showSamples(services: Services, target: Target): Promise<void> {
  await showSheet(services, target, 'augmented', vscode.l10n.t('Drawing augmented samples'));
}

/** Shows some images of each class. */
export async function showContactSheet(services: Services, target: Target): Promise<void> {
  await showSheet(services, target, 'classes', vscode.l10n.t('Drawing a contact sheet'));
}

async function showSheet(
  services: Services,
  target: Target,
  kind: 'augmented' | 'classes',
  title: string,
): Promise<void> {
  const uri = await experimentTarget(services, target);
  if (!uri || !mayRun()) return;
  const document = await savedDocument(uri);
  if (!document) return;
  const data = dataTargetOf(document);
  if (!data) return tellNoImages(document);
  if (!(await consents(data))) return;
  const location = vscode.ProgressLocation.Notification;
  try {
    const picture = await vscode.window.withProgress({ location, title }, () =>
      services.dataTool.sheet(document.uri.fsPath, data, kind),
    );
    await vscode.commands.executeCommand('vscode.open', picture, {
      viewColumn: vscode.ViewColumn.Beside,
      preserveFocus: true,
    });
  } catch (error) {
    services.log.error('The sheet was not drawn:', error);
    tellFailure(failureOf(error), openLogOffer(services));
  }
}

/** Lists the allowed image folders outside the open folders, and revokes those that the user unchecks. */
export async function allowedFolders(): Promise<void> {
  const folders = await readAllowedFolders();
  if (folders.length === 0) {
    tell('info', vscode.l10n.t('No folder is allowed yet. You are asked when an experiment uses one.'));
    return;
  }
  const kept = await pickRows(
    folders.map((label) => ({ label, picked: true })),
    {
      title: vscode.l10n.t('Folders that experiments may read images from'),
      placeHolder: vscode.l10n.t('Uncheck folders to stop allowing them'),
    },
  );
  if (!kept) return;
  const revoked = folders.filter((folder) => !kept.some(({ label }) => label === folder));
  for (const folder of revoked) await revokeFolder(folder);
  if (revoked.length > 0) tell('info', vscode.l10n.t('No longer allowed: {0}', revoked.join(', ')));
}

/**
 * Indexes a data set with the user's consent and shows progress. Returns null with a message if there is no index
 * afterwards.
 */
export async function indexWithConsent(
  services: Pick<Services, 'dataTool' | 'log'>,
  data: DataTarget,
): Promise<DatasetIndex | null> {
  if (!(await consents(data))) return null;
  const options = {
    location: vscode.ProgressLocation.Notification,
    title: vscode.l10n.t('Indexing the images'),
    cancellable: true,
  };
  const end = await vscode.window.withProgress(options, (progress, cancel) => {
    let shown = 0;
    return services.dataTool.index(
      data,
      ({ what, share }) => {
        const percent = 100 * (share ?? 0);
        progress.report({ message: plainMessage(what), increment: Math.max(0, percent - shown) });
        shown = Math.max(shown, percent);
      },
      cancel,
    );
  });
  switch (end.outcome) {
    case 'indexed':
      return end.index;
    case 'failed':
      tellFailure(end.failure, openLogOffer(services));
      return null;
    case 'cancelled':
      tell('info', vscode.l10n.t('The images were not indexed.'));
      return null;
    default:
      return assertNever(end);
  }
}

/** Some images were not indexed. A message has already said why. */
export class ImagesNotIndexed extends UserError {
  constructor() {
    super({
      what: vscode.l10n.t('The images of a fold are not indexed.'),
      remedy: vscode.l10n.t('Resume the study, and allow the images to be read.'),
    });
  }
}

/**
 * Indexes images that have no index yet, such as those of a study's folds.
 *
 * @param folder base of the requests' relative paths
 * @throws ImagesNotIndexed
 */
export async function indexMissing(
  services: Pick<Services, 'dataTool' | 'log'>,
  root: string,
  folder: string,
  requests: readonly OwnDatasetRequest[],
): Promise<void> {
  for (const request of requests) {
    if (indexLookup(root, request, folder)) continue;
    if (!(await indexWithConsent(services, { request, root, folder }))) throw new ImagesNotIndexed();
  }
}

/** Reports that a file's images are not indexed, for a feature that needs the index. */
export function tellUnindexed(services: Services, uri: vscode.Uri): void {
  const name = experimentName(uri);
  tell(
    'warning',
    vscode.l10n.t('The images of {0} are not indexed yet, so their numbers are unknown.', name),
    {
      title: vscode.l10n.t('Index the data'),
      run: () => indexData(services, uri),
    },
  );
}

/** The image data set that a file names, or null if it names none. */
function dataTargetOf(document: vscode.TextDocument): DataTarget | null {
  const parsed = parsedOf(document);
  const request = parsed.ok ? datasetRequest(parsed.experiment) : parsed.unindexed?.request;
  if (!request || !isOwnDataset(request)) return null;
  return { request, root: storeRootOf(document.uri), folder: dirname(document.uri.fsPath) };
}

/** Whether the user consents to reading images outside the folder of the store. Asks if necessary. */
async function consents({ request, root, folder }: DataTarget): Promise<boolean> {
  const paths = readSettings().filesOutside ? [] : await pathsToAllow(request, { root, folder });
  for (const path of paths) {
    const allow = vscode.l10n.t('Allow');
    const question = vscode.l10n.t(
      'The images are in {0}, outside the open folder. Allow experiments to read that folder?',
      path,
    );
    if (!(await asks('warning', question, allow))) {
      tell('info', vscode.l10n.t('The images were not read.'));
      return false;
    }
    await allowFolder(path);
  }
  return true;
}

function tellNoImages(document: vscode.TextDocument): void {
  const parsed = parsedOf(document);
  if (!parsed.ok) tellProblems(document, parsed.problems);
  else {
    const { name } = parsed.recipe.data.dataset;
    tell('info', vscode.l10n.t('{0} is built in and needs no index.', name));
  }
}

function tellIndexed(services: Services, uri: vscode.Uri, index: DatasetIndex): void {
  const { problems } = index.report;
  const [first, ...others] = problems;
  const more = others.length === 0 ? '' : vscode.l10n.t('And {0} more warnings.', others.length);
  const severity = problems.some((problem) => problem.severity === 'error')
    ? 'error'
    : first
      ? 'warning'
      : 'info';
  tell(
    severity,
    [indexSummary(index), first?.what ?? '', more].filter(Boolean).join(' '),
    showOffer(services, uri),
  );
}

function showOffer(services: Services, uri: vscode.Uri) {
  return { title: vscode.l10n.t('Show'), run: () => showData(services, uri) };
}

export function openLogOffer({ log }: Pick<Services, 'log'>) {
  return { title: vscode.l10n.t('Open log'), run: () => log.show() };
}
