import { randomBytes } from 'node:crypto';
import * as vscode from 'vscode';
import { pageHtml } from './pageHtml';

const resourcesOf = (extensionUri: vscode.Uri) => vscode.Uri.joinPath(extensionUri, 'dist', 'webview');

/** What a panel's page may do and load. */
export function pageOptions(extensionUri: vscode.Uri): vscode.WebviewOptions {
  return { enableScripts: true, localResourceRoots: [resourcesOf(extensionUri)] };
}

/**
 * Sets a panel's title, icon and page.
 *
 * @param name of the page's script and stylesheet in dist/webview
 */
export function fillPanel(
  panel: vscode.WebviewPanel,
  extensionUri: vscode.Uri,
  { name, title }: { readonly name: 'dashboard' | 'study'; readonly title: string },
): void {
  const { webview } = panel;
  const uri = (file: string) =>
    webview.asWebviewUri(vscode.Uri.joinPath(resourcesOf(extensionUri), file)).toString();
  panel.iconPath = vscode.Uri.joinPath(extensionUri, 'media', 'icon.png');
  panel.title = title;
  webview.html = pageHtml({
    scriptUri: uri(`${name}.js`),
    styleUri: uri(`${name}.css`),
    cspSource: webview.cspSource,
    nonce: randomBytes(16).toString('base64'),
    language: vscode.env.language,
    translations: vscode.l10n.bundle,
  });
}
