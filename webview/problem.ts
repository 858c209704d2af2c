import * as l10n from '@vscode/l10n';
import { html, nothing, type TemplateResult } from 'lit';
import type { Failure } from '../src/shared/failure';
import { withLogApart } from '../src/shared/logApart';
import { stateIcon } from './icons';

/**
 * Shows what went wrong and what to do about it. The log's last lines are collapsed below.
 *
 * @param aside content at the right
 */
export function problemPanel(
  failure: Failure,
  aside: TemplateResult | typeof nothing = nothing,
): TemplateResult {
  const { what, remedy, log } = withLogApart(failure);
  return html`<div class="problem">
    ${stateIcon('failed')}
    <div>
      <div role="alert">
        <p class="what">${what}</p>
        <p>${remedy}</p>
      </div>
      ${
        log === undefined
          ? nothing
          : html`<details>
              <summary>${l10n.t('Last lines of the log')}</summary>
              <pre tabindex="0" aria-label=${l10n.t('Last lines of the log')}>${log}</pre>
            </details>`
      }
    </div>
    ${aside}
  </div>`;
}
