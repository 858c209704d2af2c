import { escapeHtml } from './html';

/** The content of a panel's page. */
export interface PanelPage {
  /** The page's script and stylesheet in `dist/webview`, as URIs for the webview (`webview.asWebviewUri`). */
  readonly scriptUri: string;
  readonly styleUri: string;
  /** `webview.cspSource`. */
  readonly cspSource: string;
  /** Unique to each page. */
  readonly nonce: string;
  /** A language tag, as in `vscode.env.language`. */
  readonly language: string;
  /** Translations by English text, as in `vscode.l10n.bundle`. Not set for English. */
  readonly translations?: Readonly<Record<string, string>>;
}

/**
 * Renders a panel's page. Its content security policy allows the one script and the one stylesheet, and nothing else:
 * no inline script or style, no image, no font, no connection. Translations travel as data on the body, which the
 * policy does not restrict.
 */
export function pageHtml(page: PanelPage): string {
  const policy = `default-src 'none'; script-src 'nonce-${page.nonce}'; style-src ${page.cspSource};`;
  return `<!DOCTYPE html>
<html lang="${escapeHtml(page.language)}">
<head>
  <meta charset="utf-8">
  <meta http-equiv="Content-Security-Policy" content="${escapeHtml(policy)}">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <title>Bag of Tricks</title>
  <link rel="stylesheet" href="${escapeHtml(page.styleUri)}">
</head>
<body data-translations="${escapeHtml(JSON.stringify(page.translations ?? {}))}">
  <script type="module" nonce="${escapeHtml(page.nonce)}" src="${escapeHtml(page.scriptUri)}"></script>
</body>
</html>
`;
}
