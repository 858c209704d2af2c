import { createRequire } from 'node:module';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { markdownCode, markdownText } from '../../../src/shared/markdown';

interface Renderer {
  renderInline(text: string): string;
  render(text: string): string;
}

/** An independent Markdown parser, with HTML, tables and automatic links enabled. */
const renderer: Renderer = createRequire(import.meta.url)('markdown-it')({ html: true, linkify: true });

/** Returns the text that a person reads in rendered Markdown, and the elements around it. */
function read(html: string): { text: string; elements: string[] } {
  const elements = [...html.matchAll(/<(\w+)/g)].map(([, name]) => name!);
  const text = html
    .replace(/<[^>]*>/g, '')
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&quot;', '"')
    .replaceAll('&amp;', '&');
  return { text, elements };
}

const HOSTILE = [
  '`](command:workbench.action.quit)',
  '[x](command:workbench.action.quit) ![x](https://example.org/x.png)',
  '``` ` `` <img src=x> <b>bold</b> &amp;',
  '# no title',
  '- no list',
  '1. no list',
  'www.example.org https://example.org a@example.org mailto:a@example.org',
  '**bold** _slanted_ ~~gone~~ $(zap) | cell',
  '\\`\\',
];

describe('a text in Markdown', () => {
  test.each(HOSTILE)('%j renders as it is, and as nothing else', (text) => {
    expect(read(renderer.render(markdownText(text)))).toEqual({ text: `${text}\n`, elements: ['p'] });
    expect(read(renderer.render(`**${markdownText(text)}**`)).elements).toEqual(['p', 'strong']);
  });

  test('has no line break, which would end a row or begin a list', () => {
    expect(markdownText('a\n\n- b')).toBe('a\\\\n\\\\n- b');
  });

  test('is only text, whatever it contains', () => {
    const pieces = fc.constantFrom(
      ...HOSTILE,
      '`',
      '[',
      '](',
      '<',
      '\\',
      '*',
      '_',
      '\n',
      ' ',
      'a',
      '!',
      '://',
    );
    fc.assert(
      fc.property(fc.array(pieces), fc.string({ unit: 'binary' }), (parts, end) => {
        const text = [...parts, end].join('');
        expect(read(renderer.render(`Here: ${markdownText(text)}.`)).elements).toEqual(['p']);
      }),
    );
  });
});

describe('code in Markdown', () => {
  test.each(HOSTILE)('%j stays within its span', (text) => {
    expect(read(renderer.renderInline(`Here: ${markdownCode(text)}.`))).toEqual({
      text: `Here: ${text}.`,
      elements: ['code'],
    });
  });

  test('is one span, whatever it is', () => {
    const ticks = fc.constantFrom('`', '``', '```', ' ', 'a', '](command:x)', '\n', '\\');
    fc.assert(
      fc.property(fc.array(ticks), (parts) => {
        const { elements } = read(renderer.renderInline(`\`a\` ${markdownCode(parts.join(''))} \`b\``));
        expect(elements).toEqual(['code', 'code', 'code']);
      }),
    );
  });
});
