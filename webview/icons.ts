import { html, svg, type TemplateResult } from 'lit';
import type { RunState } from '../src/protocol/manifest';
import { assertNever } from '../src/shared/assertNever';

/** Returns a 16-pixel icon for a run's state. The word next to it says the same. */
export function stateIcon(status: RunState['status']): TemplateResult {
  return html`<svg class="state-icon ${status}" viewBox="0 0 16 16" width="16" height="16" aria-hidden="true">
    ${shape(status)}
  </svg>`;
}

function shape(status: RunState['status']): TemplateResult<2> {
  const disc = svg`<circle cx="8" cy="8" r="7" class="fill"/>`;
  switch (status) {
    case 'queued':
      return svg`<circle cx="8" cy="8" r="6.25"/><path d="M8 4.5V8l2.5 1.5"/>`;
    case 'running':
      return svg`<circle cx="8" cy="8" r="6.25" class="track"/><path d="M8 1.75A6.25 6.25 0 0 1 14.25 8"/>`;
    case 'done':
      return svg`${disc}<path class="mark" d="M4.75 8.25 7 10.5l4.25-5"/>`;
    case 'failed':
      return svg`${disc}<path class="mark" d="m5.5 5.5 5 5m0-5-5 5"/>`;
    case 'stopped':
      return svg`<circle cx="8" cy="8" r="6.25"/><path class="fill" d="M5.5 5.5h5v5h-5z"/>`;
    case 'paused':
      return svg`<circle cx="8" cy="8" r="6.25"/><path d="M6.25 5.5v5M9.75 5.5v5"/>`;
    case 'interrupted':
      return svg`<path d="M8 2 14.5 13.5h-13z"/><path d="M8 6.5v3.25M8 11.4v.6"/>`;
    default:
      return assertNever(status);
  }
}
