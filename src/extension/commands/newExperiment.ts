import * as vscode from 'vscode';
import { experimentName } from '../language/experimentFiles';

const { joinPath } = vscode.Uri;

/**
 * Lets a person choose among the experiments that ship with the extension, and opens a copy: a new file in the
 * first workspace folder, or an unsaved one where no folder is open.
 */
export async function newExperiment(extensionUri: vscode.Uri): Promise<void> {
  const template = await vscode.window.showQuickPick(templates(joinPath(extensionUri, 'examples')), {
    placeHolder: vscode.l10n.t('Choose what to start from'),
    matchOnDetail: true,
  });
  if (!template) return;
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

interface Template extends vscode.QuickPickItem {
  readonly extension: string;
  readonly text: string;
}

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
  return Promise.all(texts);
}

/** What a template's file says of it in its first line. */
function firstComment(text: string): string | undefined {
  return /^(?:#|\/\/)\s*(.+)/.exec(text)?.[1];
}

/** Writes the template under a name that is free, `name` or `name-2` and so on. */
async function createFile(folder: vscode.Uri, { label, extension, text }: Template): Promise<vscode.Uri> {
  const taken = new Set((await vscode.workspace.fs.readDirectory(folder)).map(([name]) => name));
  let name = label + extension;
  for (let count = 2; taken.has(name); count++) name = `${label}-${count}${extension}`;
  const uri = joinPath(folder, name);
  await vscode.workspace.fs.writeFile(uri, new TextEncoder().encode(text));
  return uri;
}
