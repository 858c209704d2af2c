import { basename, dirname } from 'node:path';
import * as vscode from 'vscode';
import { imageFolderRequest, withLargerSplit } from '../../datasets/requestPaths';
import { parseExperiment } from '../../experiment/parse';
import { STARTER_WEIGHTS, type StarterWeights, starterExperiment } from '../../insight/starterExperiment';
import { allowFolder, isAllowed } from '../../system/allowedFolders';
import { failureOf } from '../../system/errors';
import { experimentName } from '../language/experimentFiles';
import { tellFailure } from '../messages';
import type { Services } from '../services';
import { pickRow } from '../shown';
import { indexWithConsent } from './dataCommands';
import { mayRun } from './documents';

const { joinPath } = vscode.Uri;

/**
 * Lets a person choose what to start from: a folder of images, or one of the experiments that ship with the extension,
 * of which it opens a copy: a new file in the first workspace folder, or an unsaved one where no folder is open.
 * `name`, as a keybinding may give it, is that of an example, in place of the choice.
 */
export async function newExperiment(services: Services, name?: unknown): Promise<void> {
  const fromFolder = {
    icon: 'folder-opened',
    label: vscode.l10n.t('From a folder of images...'),
    detail: vscode.l10n.t('Looks at your images and writes an experiment with numbers that suit them.'),
    template: null,
  };
  const examples = await templates(joinPath(services.extensionUri, 'examples'));
  const named = examples.find(({ label }) => label === name);
  if (named) return openTemplate(named);
  const picked = await pickRow([fromFolder, ...examples.map((template) => ({ ...template, template }))], {
    placeHolder: vscode.l10n.t('Choose what to start from'),
    matchOnDetail: true,
  });
  if (!picked) return;
  if (picked.template) await openTemplate(picked.template);
  else await newFromFolder(services);
}

/**
 * Indexes a folder of images, which a person chooses where it is not given, and opens an experiment file with numbers
 * that suit them: a new file in the first workspace folder, else beside the images' folder.
 */
export async function newFromFolder(services: Services, target?: vscode.Uri): Promise<void> {
  if (!mayRun()) return;
  const images = target ?? (await chooseFolder());
  if (!images) return;
  const start = await chooseStart();
  if (!start) return;
  const opened = vscode.workspace.getWorkspaceFolder(images) ?? vscode.workspace.workspaceFolders?.[0];
  const folder = opened?.uri ?? vscode.Uri.file(dirname(images.fsPath));
  const request = imageFolderRequest(images.fsPath, folder.fsPath);
  // Whoever chooses a folder lets it be read.
  try {
    if (!(await isAllowed(images.fsPath, folder.fsPath))) await allowFolder(images.fsPath);
  } catch (error) {
    tellFailure(failureOf(error));
    return;
  }
  const root = folder.fsPath;
  const first = await indexWithConsent(services, { request, root, folder: root });
  if (!first) return;
  const data = withLargerSplit(request, first.facts) ?? request;
  const index =
    data === request ? first : await indexWithConsent(services, { request: data, root, folder: root });
  if (!index) return;
  const name = basename(images.fsPath);
  const text = starterExperiment({ name, data, facts: index.facts, weights: start.weights });
  const uri = await createFile(folder, { label: name, extension: '.experiment.yaml', text: `${text}\n` });
  await vscode.window.showTextDocument(await vscode.workspace.openTextDocument(uri));
}

async function chooseFolder(): Promise<vscode.Uri | undefined> {
  const chosen = await vscode.window.showOpenDialog({
    canSelectFiles: false,
    canSelectFolders: true,
    title: vscode.l10n.t('Choose a folder of images, with a folder for each class'),
    openLabel: vscode.l10n.t('Use these images'),
  });
  return chosen?.[0];
}

/** What the training starts from. */
async function chooseStart(): Promise<{ readonly weights: StarterWeights | null } | undefined> {
  return pickRow(
    [
      {
        label: vscode.l10n.t('From scratch'),
        detail: vscode.l10n.t('A network that has seen nothing yet; wants some thousand images.'),
        weights: null,
      },
      ...STARTER_WEIGHTS.slice(0, 2).map((weights) => ({
        label: vscode.l10n.t('Fine-tune {0}', weights.name),
        detail: vscode.l10n.t('Published weights, which are downloaded; good for few images.'),
        weights,
      })),
    ],
    { placeHolder: vscode.l10n.t('Choose what the training starts from') },
  );
}

/** What a new file begins with. */
interface Beginning {
  /** Its name, without what `extension` is. */
  readonly label: string;
  readonly extension: string;
  readonly text: string;
}

interface Template extends Beginning {
  readonly detail: string | undefined;
}

async function openTemplate(template: Template): Promise<void> {
  const folder = vscode.workspace.workspaceFolders?.[0]?.uri;
  const uri = folder
    ? await createFile(folder, template)
    : vscode.Uri.from({ scheme: 'untitled', path: `${template.label}${template.extension}` });
  const document = await vscode.workspace.openTextDocument(uri);
  const editor = await vscode.window.showTextDocument(document);
  if (document.isUntitled) {
    await editor.edit((edit) => edit.insert(new vscode.Position(0, 0), template.text));
  }
}

/** The experiments of a folder that can run wherever they are: those that name no files of their own. */
async function templates(folder: vscode.Uri): Promise<Template[]> {
  const names = (await vscode.workspace.fs.readDirectory(folder)).map(([name]) => name).sort();
  const texts = names
    .filter((name) => name.includes('.experiment.'))
    .map(async (name) => {
      const uri = joinPath(folder, name);
      const text = new TextDecoder().decode(await vscode.workspace.fs.readFile(uri));
      const label = experimentName(uri);
      return { label, detail: firstComment(text), extension: name.slice(label.length), text };
    });
  return (await Promise.all(texts)).filter(({ text, extension }) => parseExperiment(text, extension).ok);
}

/** What a template's file says of it in its first line. */
function firstComment(text: string): string | undefined {
  return /^(?:#|\/\/)\s*(.+)/.exec(text)?.[1];
}

/** Writes a new file under a name that is free, `name` or `name-2` and so on. */
async function createFile(folder: vscode.Uri, { label, extension, text }: Beginning): Promise<vscode.Uri> {
  const taken = new Set((await vscode.workspace.fs.readDirectory(folder)).map(([name]) => name));
  let name = label + extension;
  for (let count = 2; taken.has(name); count++) name = `${label}-${count}${extension}`;
  const uri = joinPath(folder, name);
  await vscode.workspace.fs.writeFile(uri, new TextEncoder().encode(text));
  return uri;
}
