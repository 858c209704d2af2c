import * as l10n from '@vscode/l10n';
import { type Node, type ParseError, parseTree, printParseErrorCode } from 'jsonc-parser';
import { stringify } from 'yaml';
import {
  type Entry,
  MAX_DEPTH,
  MAX_TOKENS,
  NestingError,
  type Notation,
  type SyntaxNode,
  type SyntaxProblem,
  type SyntaxTree,
  TokenCountError,
} from './syntax';

/** The notation for new parts of a JSON file. */
export const JSON_NOTATION: Notation = {
  comment: /\/\/[^\r\n]*|\/\*[\s\S]*?\*\//y,
  canBeCompact: true,
  key: (name) => JSON.stringify(name),
  // Single-line YAML in double quotes is JSON, with a space after each comma and colon.
  inline: (value) =>
    stringify(value, {
      collectionStyle: 'flow',
      defaultStringType: 'QUOTE_DOUBLE',
      defaultKeyType: 'QUOTE_DOUBLE',
      doubleQuotedAsJSON: true,
      lineWidth: 0,
    }).trimEnd(),
  expanded: (value, indent) => JSON.stringify(value, null, indent),
};

/** Parses a JSON file. Accepts comments and trailing commas. */
export function parseJson(text: string): SyntaxTree {
  if (text.trim() === '') return { root: null, value: null, problems: [] };
  // Checked before parsing.
  if (depthOf(text) > MAX_DEPTH) throw new NestingError();
  const errors: ParseError[] = [];
  const tree = parseTree(text.replace(/^\uFEFF/, ' '), errors, { allowTrailingComma: true });
  const problems = errors.map((error) => ({
    start: error.offset,
    end: error.offset + error.length,
    ...explanation(printParseErrorCode(error.error)),
  }));
  if (!tree) return { root: null, value: undefined, problems };
  return { root: syntaxOf(tree), value: plainValue(tree), problems: [...problems, ...duplicateKeys(tree)] };
}

/**
 * Returns the maximum nesting depth of braces and brackets, ignoring strings and comments.
 *
 * @throws TokenCountError
 */
function depthOf(text: string): number {
  let open = 0;
  let depth = 0;
  let count = 0;
  for (const [token] of text.matchAll(
    /"(?:\\.|[^"\\\r\n])*"?|\/\/[^\r\n]*|\/\*[\s\S]*?(?:\*\/|$)|[[\]{},:]|[-+]?[\w.]+|[^\s]/g,
  )) {
    if (++count > MAX_TOKENS) throw new TokenCountError();
    if (token === '[' || token === '{') depth = Math.max(depth, ++open);
    if (token === ']' || token === '}') open--;
  }
  return depth;
}

function syntaxOf(node: Node): SyntaxNode {
  const span = { start: node.offset, end: node.offset + node.length };
  switch (node.type) {
    case 'object':
      return { kind: 'map', style: 'flow', ...span, entries: (node.children ?? []).flatMap(entrySyntax) };
    case 'array':
      return { kind: 'list', ...span, items: (node.children ?? []).map(syntaxOf) };
    default:
      return { kind: 'scalar', ...span, ...(node.type === 'null' && { isNull: true }) };
  }
}

function entrySyntax(property: Node): Entry[] {
  const [key, value] = property.children ?? [];
  if (!key) return [];
  const keySpan = { start: key.offset, end: key.offset + key.length };
  const syntax: SyntaxNode = value
    ? syntaxOf(value)
    : { kind: 'scalar', start: keySpan.end, end: keySpan.end };
  return [{ key: String(key.value), keySpan, value: syntax, start: keySpan.start, end: syntax.end }];
}

function plainValue(node: Node | undefined): unknown {
  switch (node?.type) {
    case 'object':
      return Object.fromEntries(
        (node.children ?? []).map(({ children: [key, value] = [] }) => [
          String(key?.value),
          plainValue(value),
        ]),
      );
    case 'array':
      return (node.children ?? []).map(plainValue);
    default:
      return node?.value;
  }
}

function duplicateKeys(node: Node): SyntaxProblem[] {
  const seen = new Set<unknown>();
  return (node.children ?? []).flatMap((child) => {
    const key = child.type === 'property' ? child.children?.[0] : undefined;
    if (!key || !seen.has(key.value)) {
      seen.add(key?.value);
      return duplicateKeys(child);
    }
    return [
      {
        start: key.offset,
        end: key.offset + key.length,
        what: l10n.t('The key {0} is written twice.', String(key.value)),
        remedy: l10n.t('Keep one of them.'),
        isReadable: true,
      },
    ];
  });
}

function explanation(code: string): { what: string; remedy: string } {
  switch (code) {
    case 'PropertyNameExpected':
      return {
        what: l10n.t('Malformed JSON: a key is expected here.'),
        remedy: l10n.t('Write the key in double quotes.'),
      };
    case 'ValueExpected':
      return {
        what: l10n.t('Malformed JSON: a value is expected here.'),
        remedy: l10n.t('Write a number, true, false, or text in double quotes.'),
      };
    case 'ColonExpected':
      return {
        what: l10n.t('Malformed JSON: a colon is missing here.'),
        remedy: l10n.t('Write "key": value.'),
      };
    case 'CommaExpected':
      return {
        what: l10n.t('Malformed JSON: a comma is missing before this.'),
        remedy: l10n.t('End the entry before it with a comma.'),
      };
    case 'CloseBraceExpected':
      return { what: l10n.t('Malformed JSON: a brace is not closed.'), remedy: l10n.t('Add a }.') };
    case 'CloseBracketExpected':
      return { what: l10n.t('Malformed JSON: a bracket is not closed.'), remedy: l10n.t('Add a ].') };
    case 'EndOfFileExpected':
      return {
        what: l10n.t('Malformed JSON: the experiment ends before this.'),
        remedy: l10n.t('Keep everything inside one pair of braces.'),
      };
    case 'UnexpectedEndOfComment':
      return { what: l10n.t('Malformed JSON: a comment is not closed.'), remedy: l10n.t('End it with */.') };
    case 'UnexpectedEndOfString':
      return {
        what: l10n.t('Malformed JSON: a string is not closed.'),
        remedy: l10n.t('End it with a double quote on the same line.'),
      };
    case 'InvalidNumberFormat':
    case 'UnexpectedEndOfNumber':
      return {
        what: l10n.t('Malformed JSON: this is not a number.'),
        remedy: l10n.t('Write it as 0.1 or 1e-4.'),
      };
    default:
      return {
        what: l10n.t('Malformed JSON: this is not allowed here.'),
        remedy: l10n.t('Put text in double quotes, and double each backslash.'),
      };
  }
}
