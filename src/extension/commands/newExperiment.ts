import { basename, dirname } from 'node:path';
import * as vscode from 'vscode';
import { imageFolderRequest, withLargerSplit } from '../../datasets/requestPaths';
import { parseExperiment } from '../../experiment/parse';
import {
  fileNameFor,
  namedExample,
  SMALL_EXAMPLE,
  STARTER_WEIGHTS,
  type StarterWeights,
  starterExperiment,
} from '../../insight/starterExperiment';
import { allowFolder, isAllowed } from '../../system/allowedFolders';
import { failureOf } from '../../system/errors';
import { experimentName } from '../language/experimentFiles';
import { tellFailure } from '../messages';
import type { Services } from '../services';
import { pickRow } from '../shown';
import { indexWithConsent } from './dataCommands';
import { mayRun } from './documents';

const { joinPath } = vscode.Uri;

/** Most file systems allow no longer file names. */
const MAX_NAME = 100;

/**
 * Lets the user start from an image folder or from one of the bundled example experiments. For an example, asks for a
 * name and opens a copy: a new file in the first workspace folder, or an unsaved one if no folder is open. `name`, for
 * example from a keybinding, names an example and skips both questions.
 */
export async function newExperiment(services: Services, name?: unknown): Promise<void> {
  const fromFolder = {
    icon: 'folder-opened',
    label: vscode.l10n.t('From a folder of images...'),
    detail: vscode.l10n.t('Reads your images and writes an experiment with settings that suit them.'),
    template: null,
  };
  const examples = await templates(joinPath(services.extensionUri, 'examples'));
  const named = examples.find(({ label }) => label === name);
  if (named) return openTemplate(named);
  const rows = examples.map((template) => ({ ...template, template }));
  const isSmall = ({ label }: Template) => label === SMALL_EXAMPLE;
  const ordered = [...rows.filter(isSmall), fromFolder, ...rows.filter((row) => !isSmall(row))];
  const picked = await pickRow(ordered, {
    placeHolder: vscode.l10n.t('Choose what to start from'),
    matchOnDetail: true,
  });
  if (!picked) return;
  if (!picked.template) return newFromFolder(services);
  const own = await askName(picked.template.label);
  if (own === undefined) return;
  await openTemplate({
    ...picked.template,
    label: fileNameFor(own),
    text: namedExample(picked.template.text, own),
  });
}

/** Asks for the name of a new experiment. Returns undefined on cancel. */
async function askName(value: string): Promise<string | undefined> {
  const name = await vscode.window.showInputBox({
    value,
    prompt: vscode.l10n.t('Name of the experiment, also used for its file and its runs.'),
    validateInput: (text) =>
      /^\s*$/.test(text) || text.trim().length > MAX_NAME
        ? vscode.l10n.t('Enter a name of 1 to {0} characters.', MAX_NAME)
        : null,
  });
  return name?.trim();
}

/**
 * Indexes an image folder and opens an experiment file with suitable settings. Asks for the folder if it is not given.
 * Creates the file in the workspace folder of the images, otherwise in the first workspace folder, otherwise next to
 * the image folder.
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
  // Choosing a folder gives consent to read it.
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
    title: vscode.l10n.t('Choose a folder of images with one folder per class'),
    openLabel: vscode.l10n.t('Use these images'),
  });
  return chosen?.[0];
}

/** Asks for the starting weights. */
async function chooseStart(): Promise<{ readonly weights: StarterWeights | null } | undefined> {
  return pickRow(
    [
      {
        label: vscode.l10n.t('From scratch'),
        detail: vscode.l10n.t('Random initial weights. Needs several thousand images.'),
        weights: null,
      },
      ...STARTER_WEIGHTS.slice(0, 2).map((weights) => ({
        label: vscode.l10n.t('Fine-tune {0}', weights.name),
        detail: vscode.l10n.t('Downloads published weights. Works well with few images.'),
        weights,
      })),
    ],
    { placeHolder: vscode.l10n.t('Choose the initial weights') },
  );
}

/** The initial content of a new file. */
interface Beginning {
  /** The file name without `extension`. */
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

/** The experiments in a folder that can run anywhere, because they refer to no files of their own. */
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

/** The description in the first line of a template file. */
function firstComment(text: string): string | undefined {
  return /^(?:#|\/\/)\s*(.+)/.exec(text)?.[1];
}

/** Creates a file under a free name: `name`, `name-2` and so on. */
async function createFile(folder: vscode.Uri, { label, extension, text }: Beginning): Promise<vscode.Uri> {
  const taken = new Set((await vscode.workspace.fs.readDirectory(folder)).map(([name]) => name));
  let name = label + extension;
  for (let count = 2; taken.has(name); count++) name = `${label}-${count}${extension}`;
  const uri = joinPath(folder, name);
  await vscode.workspace.fs.writeFile(uri, new TextEncoder().encode(text));
  return uri;
}
