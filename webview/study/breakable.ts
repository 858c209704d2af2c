import { html, type TemplateResult } from 'lit';

/** Allows line breaks in a name after its dots and underscores, but not within a word. */
export function breakable(name: string): TemplateResult[] {
  return name.split(/(?<=[._])(?=\p{L})/u).map((part) => html`${part}<wbr />`);
}
