import * as l10n from '@vscode/l10n';
import {
  type Alias,
  Composer,
  type CST,
  type Document,
  isAlias,
  isCollection,
  isMap,
  isPair,
  isScalar,
  isSeq,
  Lexer,
  type Node,
  Parser,
  stringify,
  visit,
  type YAMLError,
  type YAMLMap,
  type YAMLSeq,
} from 'yaml';
import {
  type Entry,
  MAX_DEPTH,
  MAX_TOKENS,
  NestingError,
  type Notation,
  type Span,
  type SyntaxNode,
  type SyntaxProblem,
  type SyntaxTree,
  TokenCountError,
} from './syntax';

/** Aliases may repeat what they stand for this many times in all; more is an alias bomb. */
const MAX_ALIAS_COUNT = 100;

const ONE_LINE = {
  collectionStyle: 'flow',
  lineWidth: 0,
  blockQuote: false,
  doubleQuotedMinMultiLineLength: Number.POSITIVE_INFINITY,
} as const;

/** How new parts of a YAML file are written. */
export const YAML_NOTATION: Notation = {
  comment: /#[^\r\n]*/y,
  canBeCompact: false,
  key: (name) => stringify(name, ONE_LINE).trimEnd(),
  inline: (value) => stringify(value, ONE_LINE).trimEnd(),
  expanded: (value, indent) =>
    stringify(value, { ...ONE_LINE, collectionStyle: 'block', indent: indent.length }).trimEnd(),
};

/**
 * The first document of a YAML 1.2 file. Only plain data is taken: custom tags, unknown aliases and a second
 * document are problems.
 */
export function parseYaml(text: string): SyntaxTree {
  const tokens = tokensOf(text);
  if (depthOf(tokens) > MAX_DEPTH) throw new NestingError();
  const composer = new Composer({
    prettyErrors: false,
    resolveKnownTags: false,
    logLevel: 'silent',
    // Looked for below: the library compares each key with all before it.
    uniqueKeys: false,
  });
  const documents = Array.from(composer.compose(tokens)).filter(
    (document) => document.contents !== null || document.errors.length > 0,
  );
  const [document, second] = documents;
  if (!document) return { root: null, value: null, problems: [] };

  const problems = [...document.errors, ...document.warnings].map((error) => explain(error, text));
  const anchors = new Set<string>();
  let aliases = 0;
  visit(document, {
    Node: (_, node) => {
      if (isMap(node)) problems.push(...duplicateKeys(node, text));
      if (isAlias(node)) aliases += 1;
      if (isAlias(node) && !anchors.has(node.source)) problems.push(unknownAlias(node));
      if (!isAlias(node) && node.anchor) anchors.add(node.anchor);
    },
  });
  if (second?.contents?.range) {
    const [start] = second.contents.range;
    problems.push({
      start,
      end: start,
      what: l10n.t('A second document begins here, but a file holds one experiment.'),
      remedy: l10n.t('Move it to a file of its own.'),
    });
  }
  const root = document.contents ? syntaxOf(document.contents) : null;
  // Each alias looks through the whole file for its anchor.
  if (aliases > MAX_ALIAS_COUNT) {
    return { root, value: undefined, problems: [...problems, tooManyAliases(document)] };
  }
  try {
    return { root, value: document.toJS({ maxAliasCount: MAX_ALIAS_COUNT }), problems };
  } catch (error) {
    return {
      root,
      value: undefined,
      problems: problems.length > 0 ? problems : [aliasProblem(document, error)],
    };
  }
}

/**
 * The tokens of a text, which is given up where it has too many: the parser takes more than linear time for some.
 *
 * @throws TokenCountError
 */
function tokensOf(text: string): CST.Token[] {
  const parser = new Parser();
  const tokens: CST.Token[] = [];
  let count = 0;
  for (const source of new Lexer().lex(text)) {
    if (++count > MAX_TOKENS) throw new TokenCountError();
    tokens.push(...parser.next(source));
  }
  tokens.push(...parser.end());
  return tokens;
}

/** How many collections stand in one another; the tokens are a tree that is as deep as the text makes it. */
function depthOf(tokens: readonly CST.Token[]): number {
  let depth = 0;
  for (let level = tokens; level.length > 0 && depth <= MAX_DEPTH; depth++) {
    level = level.flatMap((token) => {
      if (token.type === 'document') return token.value ? [token.value] : [];
      if (!('items' in token)) return [];
      return token.items.flatMap(({ key, value }) => [key, value].filter((child) => child != null));
    });
  }
  return depth;
}

function syntaxOf(node: Node): SyntaxNode {
  const [start, end] = node.range ?? [0, 0];
  if (isAlias(node)) return { kind: 'alias', start, end };
  if (isMap(node)) return { kind: 'map', style: node.flow ? 'flow' : 'block', ...mapSyntax(node) };
  if (isSeq(node)) return { kind: 'list', ...listSyntax(node) };
  return { kind: 'scalar', start, end: start + trimmedLength(node, end - start) };
}

/** A block scalar's range takes in the line breaks after it. */
function trimmedLength(node: Node, length: number): number {
  const isBlock = isScalar(node) && (node.type === 'BLOCK_LITERAL' || node.type === 'BLOCK_FOLDED');
  const source = isBlock && typeof node.source === 'string' ? node.source : '';
  return length - (source.length - source.trimEnd().length);
}

function mapSyntax(node: YAMLMap): Span & { entries: Entry[] } {
  const [start, end] = node.range ?? [0, 0];
  const entries = node.items.flatMap(({ key, value }): Entry[] => {
    if (!isScalar(key) || !key.range) return [];
    const [keyStart, keyEnd] = key.range;
    const syntax: SyntaxNode =
      value && isNodeWithRange(value) ? syntaxOf(value) : { kind: 'scalar', start: keyEnd, end: keyEnd };
    return [
      {
        key: String(key.value),
        keySpan: { start: keyStart, end: keyEnd },
        value: syntax,
        start: keyStart,
        end: syntax.end,
      },
    ];
  });
  return { start, end: node.flow ? end : (entries.at(-1)?.end ?? end), entries };
}

function listSyntax(node: YAMLSeq): Span & { items: SyntaxNode[] } {
  const [start, end] = node.range ?? [0, 0];
  const items = node.items.filter(isNodeWithRange).map(syntaxOf);
  return { start, end: node.flow ? end : (items.at(-1)?.end ?? end), items };
}

function isNodeWithRange(value: unknown): value is Node {
  return (isScalar(value) || isAlias(value) || isCollection(value)) && !isPair(value) && Boolean(value.range);
}

/** The keys of a map that stand there before. */
function duplicateKeys({ items }: YAMLMap, text: string): SyntaxProblem[] {
  const seen = new Set<unknown>();
  return items.flatMap(({ key }) => {
    if (!isScalar(key) || !key.range) return [];
    if (!seen.has(key.value)) {
      seen.add(key.value);
      return [];
    }
    const [start, end] = keyAt(text, key.range[0]);
    return [{ start, end, what: keyTwice(text.slice(start, end)), remedy: l10n.t('Keep one of them.') }];
  });
}

function keyTwice(key: string): string {
  return l10n.t('The key {0} is written twice.', key);
}

function unknownAlias(alias: Alias): SyntaxProblem {
  const [start, end] = alias.range ?? [0, 0];
  return {
    start,
    end,
    what: l10n.t('The alias *{0} has no anchor before it.', alias.source),
    remedy: l10n.t('Write &{0} before the value it stands for, or write the value here.', alias.source),
  };
}

/** Aliases whose expansion is too large, or a value that holds itself. */
function aliasProblem(document: Document, error: unknown): SyntaxProblem {
  if (!(error instanceof ReferenceError || error instanceof RangeError)) throw error;
  return tooManyAliases(document);
}

function tooManyAliases(document: Document): SyntaxProblem {
  const [start, end] = firstAliasRange(document);
  return {
    start,
    end,
    what: l10n.t('The aliases of this file stand for too much.'),
    remedy: l10n.t('Write the values out, or use at most {0} aliases.', MAX_ALIAS_COUNT),
  };
}

function firstAliasRange(document: Document): readonly [number, number] {
  let range: readonly [number, number] = [0, 0];
  visit(document, {
    Alias: (_, { range: found }) => {
      range = found ? [found[0], found[1]] : range;
      return visit.BREAK;
    },
  });
  return range;
}

function explain(error: YAMLError, text: string): SyntaxProblem {
  const [start, end] = error.pos;
  return { start, end, ...explanation(error, text.slice(start, end)) };
}

function keyAt(text: string, start: number): readonly [number, number] {
  const key = /"[^"]*"|'[^']*'|[^\s:,{}]+/y;
  key.lastIndex = start;
  return [start, start + (key.exec(text)?.[0].length ?? 1)];
}

function explanation({ code, message }: YAMLError, source: string): { what: string; remedy: string } {
  switch (code) {
    case 'TAB_AS_INDENT':
      return { what: l10n.t('YAML cannot be indented with tabs.'), remedy: l10n.t('Use spaces.') };
    case 'TAG_RESOLVE_FAILED':
      return {
        what: l10n.t('The tag {0} is not allowed: an experiment is plain data.', source),
        remedy: l10n.t('Remove the tag.'),
      };
    case 'BLOCK_AS_IMPLICIT_KEY':
      return {
        what: l10n.t('A second key stands on this line.'),
        remedy: l10n.t('Give it a line of its own, or put the text in quotes.'),
      };
    case 'MISSING_CHAR': {
      const quote = /^Missing closing (["'])quote/.exec(message)?.[1];
      if (quote !== undefined) {
        return {
          what: l10n.t('A text in quotes is not closed.'),
          remedy: l10n.t('End it with {0}.', quote),
        };
      }
      return {
        what: l10n.t('Malformed YAML: {0}.', sentence(message)),
        remedy: l10n.t('Add what is missing, such as a colon or comma.'),
      };
    }
    case 'BAD_INDENT': {
      const bracket = / end with an? ([}\]])$/.exec(message)?.[1];
      if (bracket !== undefined) {
        return {
          what: l10n.t('The closing {0} is missing before this.', bracket),
          remedy: l10n.t('Add {0}, or indent what stands inside.', bracket),
        };
      }
      return {
        what: l10n.t('Malformed YAML: {0}.', sentence(message)),
        remedy: l10n.t('Align it with the lines it belongs to.'),
      };
    }
    default:
      return {
        what: l10n.t('Malformed YAML: {0}.', sentence(message)),
        remedy: l10n.t('Write key: value, one a line, indented with spaces.'),
      };
  }
}

/** The library's message as the end of a sentence. */
function sentence(message: string): string {
  return message.charAt(0).toLowerCase() + message.slice(1).replace(/\.$/, '');
}
