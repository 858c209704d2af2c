import { html, type TemplateResult } from 'lit';

/** A name that may break after its dots and underscores, not within a word. */
export function breakable(name: string): TemplateResult[] {
  return name.split(/(?<=[._])(?=\p{L})/u).map((part) => html`${part}<wbr />`);
}
