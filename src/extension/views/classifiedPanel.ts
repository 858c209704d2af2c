import { randomBytes } from 'node:crypto';
import { dirname } from 'node:path';
import * as vscode from 'vscode';
import type { Classified } from '../../protocol/predictor';
import { classifiedHtml } from './classifiedHtml';

/**
 * Shows images with a run's predicted classes in a panel that can read only the folders of the images. The panel is not
 * restored after a reload, because the run may have changed by then.
 */
export function showClassified(
  extensionUri: vscode.Uri,
  runName: string,
  results: readonly Classified[],
): void {
  const folders = [...new Set(results.map(({ path }) => dirname(path)))];
  const panel = vscode.window.createWebviewPanel(
    'bagOfTricks.classified',
    vscode.l10n.t('{0}: classified images', runName),
    vscode.window.activeTextEditor ? vscode.ViewColumn.Beside : vscode.ViewColumn.Active,
    { enableScripts: false, localResourceRoots: folders.map((folder) => vscode.Uri.file(folder)) },
  );
  panel.iconPath = vscode.Uri.joinPath(extensionUri, 'media', 'icon.png');
  const { webview } = panel;
  webview.html = classifiedHtml({
    runName,
    results,
    imageUri: (path) => webview.asWebviewUri(vscode.Uri.file(path)).toString(),
    cspSource: webview.cspSource,
    nonce: randomBytes(16).toString('base64'),
    language: vscode.env.language,
  });
}
