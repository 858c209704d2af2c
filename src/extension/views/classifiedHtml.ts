import { basename } from 'node:path';
import * as l10n from '@vscode/l10n';
import type { Classified } from '../../protocol/predictor';
import { formatPercent } from '../../shared/format';
import { escapeHtml } from './html';

/** The content of the page of classified images. */
export interface ClassifiedPage {
  readonly runName: string;
  readonly results: readonly Classified[];
  /** Converts an image path to a URI for the webview (`webview.asWebviewUri`). */
  readonly imageUri: (path: string) => string;
  /** `webview.cspSource`. */
  readonly cspSource: string;
  /** Unique to each page. */
  readonly nonce: string;
  /** A language tag, as in `vscode.env.language`. */
  readonly language: string;
}

/** Renders images with a run's predicted classes. The page runs no script and loads nothing but the images. */
export function classifiedHtml({
  runName,
  results,
  imageUri,
  cspSource,
  nonce,
  language,
}: ClassifiedPage): string {
  const policy = `default-src 'none'; img-src ${cspSource}; style-src 'nonce-${nonce}';`;
  const title = l10n.t('Predictions of {0}', runName);
  return `<!DOCTYPE html>
<html lang="${escapeHtml(language)}">
<head>
  <meta charset="utf-8">
  <meta http-equiv="Content-Security-Policy" content="${escapeHtml(policy)}">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <title>${escapeHtml(title)}</title>
  <style nonce="${escapeHtml(nonce)}">${STYLE}</style>
</head>
<body>
  <h1>${escapeHtml(title)}</h1>
${results.map((result) => figure(result, imageUri)).join('\n')}
</body>
</html>
`;
}

function figure(result: Classified, imageUri: (path: string) => string): string {
  const name = escapeHtml(basename(result.path));
  return `  <figure>
    <img src="${escapeHtml(imageUri(result.path))}" alt="${name}">
    <figcaption>
      <h2 title="${escapeHtml(result.path)}">${name}</h2>
${result.ok ? choices(result) : failure(result)}
    </figcaption>
  </figure>`;
}

function choices({ classes }: Extract<Classified, { ok: true }>): string {
  const rows = classes.map(({ class: name, probability }) => {
    const percent = formatPercent(probability);
    return `        <tr>
          <th scope="row">${escapeHtml(name)}</th>
          <td class="bar"><svg width="100%" height="10" aria-hidden="true"><rect class="all" width="100%" height="10" rx="2"/><rect class="share" width="${100 * probability}%" height="10" rx="2"/></svg></td>
          <td class="percent">${percent}</td>
        </tr>`;
  });
  return `      <table>
        <caption>${escapeHtml(l10n.t('Probability of each class'))}</caption>
${rows.join('\n')}
      </table>`;
}

function failure({ failure: { what, remedy } }: Extract<Classified, { ok: false }>): string {
  return `      <p role="alert">${escapeHtml(what)} ${escapeHtml(remedy)}</p>`;
}

const STYLE = `
  body { padding: 0 1.5em 1.5em; color: var(--vscode-foreground); font-family: var(--vscode-font-family); font-size: var(--vscode-font-size); }
  h1 { font-size: 1.4em; font-weight: 600; }
  h2 { margin: 0 0 0.5em; font-size: 1.1em; font-weight: 600; overflow-wrap: anywhere; }
  figure { display: flex; flex-wrap: wrap; gap: 1.5em; margin: 0 0 2em; align-items: flex-start; }
  img { max-width: min(100%, 20em); max-height: 20em; min-width: 10em; object-fit: contain; border: 1px solid var(--vscode-widget-border, transparent); }
  figcaption { flex: 1 1 18em; max-width: 36em; }
  table { width: 100%; border-collapse: collapse; }
  caption { text-align: start; color: var(--vscode-descriptionForeground); padding-bottom: 0.5em; }
  th { text-align: start; font-weight: normal; padding: 0.2em 1em 0.2em 0; overflow-wrap: anywhere; }
  th, td { vertical-align: middle; }
  .bar { width: 50%; }
  .percent { text-align: end; padding-inline-start: 1em; font-variant-numeric: tabular-nums; }
  tr:first-of-type { font-weight: 600; }
  tr:first-of-type th { font-weight: 600; }
  svg { display: block; }
  .all { fill: var(--vscode-editorWidget-background, transparent); }
  .share { fill: var(--vscode-charts-blue); }
  p[role='alert'] { color: var(--vscode-errorForeground); }
`;
