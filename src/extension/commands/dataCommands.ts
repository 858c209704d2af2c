import { dirname } from 'node:path';
import * as vscode from 'vscode';
import { pathsToAllow } from '../../datasets/consent';
import type { DatasetIndex } from '../../datasets/index/datasetIndex';
import { assertUsable } from '../../datasets/index/datasetIndex';
import { datasetKey, indexLookup, readIndex } from '../../datasets/index/store';
import { requestPaths } from '../../datasets/requestPaths';
import { countLooks } from '../../datasets/testLooks';
import { datasetRequest } from '../../experiment/dataPlan';
import { dataReport, indexSummary } from '../../insight/dataReport';
import { isOwnDataset, type OwnDatasetRequest } from '../../recipe/datasets';
import { assertNever } from '../../shared/assertNever';
import { UserError } from '../../shared/userError';
import { allowFolder, readAllowedFolders, revokeFolder } from '../../system/allowedFolders';
import { failureOf } from '../../system/errors';
import type { DataTarget } from '../dataTool';
import { experimentName } from '../language/experimentFiles';
import { parsedOf, storeRootOf } from '../language/parsing';
import { asks, tell, tellFailure } from '../messages';
import type { Services } from '../services';
import { readSettings } from '../settings';
import { pickRows, plainMessage } from '../shown';
import { mayRun, savedDocument, tellProblems } from './documents';
import { experimentTarget, type Target } from './targets';

/** Indexes the images that an experiment file names, and says what was found. */
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
 * Indexes the images of a file that is to be run, anew where they have changed. False, and a message, where it cannot
 * be trained on them; a file without images of its own has nothing to index.
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

/** Shows what the index knows of a file's images, as a document to read. */
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

/** Shows training images beside what the network sees of them. */
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

/** Lists the folders outside of the open ones whose images may be read, and takes back those that a person unchecks. */
export async function allowedFolders(): Promise<void> {
  const folders = await readAllowedFolders();
  if (folders.length === 0) {
    tell('info', vscode.l10n.t('No folder is allowed yet. It is asked when an experiment names one.'));
    return;
  }
  const kept = await pickRows(
    folders.map((label) => ({ label, picked: true })),
    {
      title: vscode.l10n.t('Folders that experiments may read images of'),
      placeHolder: vscode.l10n.t('Uncheck those that they may read no longer'),
    },
  );
  if (!kept) return;
  const revoked = folders.filter((folder) => !kept.some(({ label }) => label === folder));
  for (const folder of revoked) await revokeFolder(folder);
  if (revoked.length > 0) tell('info', vscode.l10n.t('No longer allowed: {0}', revoked.join(', ')));
}

/** Indexes a data set where a person consents, with progress; null, and a message, where there is no index then. */
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

/** Images were not indexed, of which a message has told why. */
export class ImagesNotIndexed extends UserError {
  constructor() {
    super({
      what: vscode.l10n.t('The images of a fold are not indexed.'),
      remedy: vscode.l10n.t('Resume the study, and let them be read.'),
    });
  }
}

/**
 * Has images indexed that are not yet, such as those of a study's folds.
 *
 * @param folder from which the paths of the requests start
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

/** Says that a file's images are not indexed, where something needs what an index knows. */
export function tellUnindexed(services: Services, uri: vscode.Uri): void {
  const name = experimentName(uri);
  tell(
    'warning',
    vscode.l10n.t('The images of {0} are not indexed yet, so their numbers are not known.', name),
    {
      title: vscode.l10n.t('Index the data'),
      run: () => indexData(services, uri),
    },
  );
}

/** The images of its own that a file names; null where it names none. */
function dataTargetOf(document: vscode.TextDocument): DataTarget | null {
  const parsed = parsedOf(document);
  const request = parsed.ok ? datasetRequest(parsed.experiment) : parsed.unindexed?.request;
  if (!request || !isOwnDataset(request)) return null;
  return { request, root: storeRootOf(document.uri), folder: dirname(document.uri.fsPath) };
}

/** Whether a person lets images be read that lie outside of the folder that keeps the runs; asks, if need be. */
async function consents({ request, root, folder }: DataTarget): Promise<boolean> {
  const paths = readSettings().filesOutside ? [] : await pathsToAllow(request, { root, folder });
  for (const path of paths) {
    const allow = vscode.l10n.t('Allow');
    const question = vscode.l10n.t(
      'The images are in {0}, outside of the open folder. May experiments read that folder?',
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
    tell('info', vscode.l10n.t('{0} is part of the product, and needs no index.', name));
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

function openLogOffer({ log }: Pick<Services, 'log'>) {
  return { title: vscode.l10n.t('Open log'), run: () => log.show() };
}
