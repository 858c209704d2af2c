import { escapeHtml } from './html';

/** What the dashboard's page is made of. */
export interface DashboardPage {
  /** `dist/webview/dashboard.js` and `.css`, as the webview reaches them (`webview.asWebviewUri`). */
  readonly scriptUri: string;
  readonly styleUri: string;
  /** `webview.cspSource`. */
  readonly cspSource: string;
  /** Fresh for every page. */
  readonly nonce: string;
  /** A language tag, as in `vscode.env.language`. */
  readonly language: string;
  /** Translations by English text, as in `vscode.l10n.bundle`; none for English. */
  readonly translations?: Readonly<Record<string, string>>;
}

/**
 * The dashboard's page. Its policy lets it run the one script, use the one stylesheet, and nothing else: no
 * inline script or style, no image, no font, no connection. Translations travel as data on the body, which
 * needs no leave from the policy.
 */
export function dashboardHtml(page: DashboardPage): string {
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
