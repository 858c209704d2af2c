// A fake of Red Hat's YAML extension (redhat.vscode-yaml), which comes from a marketplace that tests cannot count on.
// It has that extension's id. It provides completion and hovers through the same library, the published
// yaml-language-server, with the schemas that extensions contribute under yamlValidation. It lacks that extension's
// client and settings: tests see the library's answers, passed to VS Code unchanged.
import { basename } from 'node:path';
import * as vscode from 'vscode';
import { TextDocument } from 'vscode-languageserver-textdocument';
import {
  type CompletionItem,
  getLanguageService,
  type LanguageService,
  type MarkupContent,
} from 'yaml-language-server';
import { SettingsState } from 'yaml-language-server/out/server/src/yamlSettings';

interface Contribution {
  readonly fileMatch: string | readonly string[];
  readonly url: string;
}

export async function activate({ subscriptions }: vscode.ExtensionContext): Promise<void> {
  const service = getLanguageService({
    schemaRequestService: () => Promise.reject(new Error('Schemas are given, not asked for.')),
    workspaceContext: { resolveRelativePath: (path, resource) => new URL(path, resource).href },
    yamlSettings: new SettingsState(),
  } as Parameters<typeof getLanguageService>[0]);
  service.configure({ completion: true, hover: true, validate: false, schemas: await contributedSchemas() });
  subscriptions.push(
    vscode.languages.registerCompletionItemProvider('yaml', {
      provideCompletionItems: async (document, position) => {
        const list = await service.doComplete(copyOf(document), position, false);
        return list.items.map(itemOf);
      },
    }),
    vscode.languages.registerHoverProvider('yaml', {
      provideHover: async (document, position) => hoverOf(service, document, position),
    }),
  );
}

async function contributedSchemas() {
  const contributions = vscode.extensions.all.flatMap(({ extensionUri, packageJSON }) =>
    ((packageJSON.contributes?.yamlValidation ?? []) as Contribution[]).map((each) => ({
      ...each,
      uri: vscode.Uri.joinPath(extensionUri, each.url),
    })),
  );
  return Promise.all(
    contributions.map(async ({ fileMatch, uri }) => ({
      uri: uri.toString(),
      fileMatch: [fileMatch].flat(),
      schema: JSON.parse(new TextDecoder().decode(await vscode.workspace.fs.readFile(uri))),
    })),
  );
}

function copyOf(document: vscode.TextDocument): TextDocument {
  const uri = `file:///${basename(document.uri.path)}`;
  return TextDocument.create(uri, 'yaml', document.version, document.getText());
}

function itemOf({ label, insertText, textEdit }: CompletionItem): vscode.CompletionItem {
  const item = new vscode.CompletionItem(label);
  item.insertText = new vscode.SnippetString(textEdit?.newText ?? insertText ?? label);
  return item;
}

async function hoverOf(
  service: LanguageService,
  document: vscode.TextDocument,
  position: vscode.Position,
): Promise<vscode.Hover | null> {
  const hover = await service.doHover(copyOf(document), position);
  return hover && new vscode.Hover((hover.contents as MarkupContent).value);
}
