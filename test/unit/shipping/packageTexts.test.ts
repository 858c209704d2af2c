import { expect, test } from 'vitest';
import manifest from '../../../package.json';
import texts from '../../../package.nls.json';

/** A text of package.json with its path there. */
type Placed = readonly [place: string, text: string];

/** Returns every text in a part of package.json, with placeholders replaced from package.nls.json. */
function textsIn(part: unknown, place: string): Placed[] {
  if (typeof part === 'string') {
    const key = /^%(.*)%$/.exec(part)?.[1];
    return [[place, key === undefined ? part : (texts[key as keyof typeof texts] ?? `no text ${key}`)]];
  }
  if (typeof part !== 'object' || part === null) return [];
  return Object.entries(part).flatMap(([key, value]) => textsIn(value, `${place}/${key}`));
}

const placed = textsIn({ ...manifest.contributes, capabilities: manifest.capabilities }, '');

/** The texts that VS Code renders as Markdown. */
const isMarkdown = (place: string) =>
  /\/markdown(Description|EnumDescriptions|DeprecationMessage)(\/|$)/.test(place);
/** The texts in which VS Code renders Markdown links and nothing else. */
const mayLink = (place: string) =>
  /^\/(viewsWelcome\/\d+\/contents|walkthroughs\/.*description)$/.test(place);

test('every text that package.json refers to is in package.nls.json', () => {
  expect(placed.filter(([, text]) => text.startsWith('no text '))).toEqual([]);
});

test('no Markdown is used where VS Code would show it literally', () => {
  const raw = placed.filter(([place, text]) => {
    if (isMarkdown(place)) return false;
    const plain = mayLink(place) ? text.replace(/\[[^\]]+\]\([^)]+\)/g, '') : text;
    return /`|\*\*|\]\(|(?<![\w/*])\*\S[^*]*\*(?!\w)/.test(plain);
  });
  expect(raw).toEqual([]);
});
