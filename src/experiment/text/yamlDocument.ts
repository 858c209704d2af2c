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
  type Pair,
  Parser,
  Scalar,
  stringify,
  visit,
  type YAMLError,
  type YAMLMap,
  type YAMLSeq,
} from 'yaml';
import { isMapping } from '../../shared/values';
import {
  type Entry,
  MAX_DEPTH,
  MAX_TOKENS,
  type MapNode,
  NestingError,
  type Notation,
  type Span,
  type SyntaxNode,
  type SyntaxProblem,
  type SyntaxTree,
  TokenCountError,
} from './syntax';
import {
  isMergedTooMuch,
  isMergeKey,
  keyText,
  mergedInto,
  mergeProblems,
  type ResolveAlias,
} from './yamlMerges';

/** The maximum number of alias expansions in a file. More are an alias bomb. */
const MAX_ALIAS_COUNT = 100;

const ONE_LINE = {
  collectionStyle: 'flow',
  lineWidth: 0,
  blockQuote: false,
  doubleQuotedMinMultiLineLength: Number.POSITIVE_INFINITY,
} as const;

/** The notation for new parts of a YAML file. */
export const YAML_NOTATION: Notation = {
  comment: /#[^\r\n]*/y,
  canBeCompact: false,
  key: (name) => stringify(name, ONE_LINE).trimEnd(),
  inline: (value) =>
    typeof value === 'object' && value !== null ? flow(value) : stringify(value, ONE_LINE).trimEnd(),
  expanded: (value, indent) =>
    stringify(value, { ...ONE_LINE, collectionStyle: 'block', indent: indent.length }).trimEnd(),
};

/** Formats like `{ a: [1, 2] }`. The library pads brackets like braces, but people do not. */
function flow(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(flow).join(', ')}]`;
  if (!isMapping(value)) return stringify([value], ONE_LINE).trim().slice(2, -2);
  const entries = Object.entries(value).map(([key, child]) => `${flow(key)}: ${flow(child)}`);
  return entries.length === 0 ? '{}' : `{ ${entries.join(', ')} }`;
}

/**
 * Parses the first document of a YAML 1.2 file. Accepts only plain data: custom tags, unknown aliases and a second
 * document are problems.
 */
export function parseYaml(text: string): SyntaxTree {
  const tokens = tokensOf(text);
  if (depthOf(tokens) > MAX_DEPTH) throw new NestingError();
  const composer = new Composer({
    prettyErrors: false,
    resolveKnownTags: false,
    merge: true,
    logLevel: 'silent',
    // Checked below instead: the library compares each key with all earlier ones.
    uniqueKeys: false,
  });
  const documents = Array.from(composer.compose(tokens)).filter(
    (document) => document.contents !== null || document.errors.length > 0,
  );
  const [document, second] = documents;
  if (!document) return { root: null, value: null, problems: [] };

  const problems = [...document.errors, ...document.warnings].map((error) => explain(error, text));
  const anchors = new Map<string, Node>();
  const meant = new Map<Alias, Node | undefined>();
  const maps: YAMLMap[] = [];
  visit(document, {
    Node: (_, node) => {
      if (isMap(node)) {
        maps.push(node);
        problems.push(...duplicateKeys(node, text));
      }
      if (isAlias(node)) {
        const anchored = anchors.get(node.source);
        meant.set(node, anchored);
        if (!anchored) problems.push(unknownAlias(node));
      } else if (node.anchor) anchors.set(node.anchor, node);
    },
  });
  const resolve: ResolveAlias = (alias) => meant.get(alias);
  const wrongMerges = maps.flatMap((map) => mergeProblems(map, resolve));
  problems.push(...wrongMerges);
  if (second?.contents?.range) {
    const [start] = second.contents.range;
    problems.push({
      start,
      end: start,
      what: l10n.t('A second document begins here, but a file holds one experiment.'),
      remedy: l10n.t('Move it to a separate file.'),
      isReadable: true,
    });
  }
  // The library searches the whole file for each alias's anchor.
  const isTooMuch = meant.size > MAX_ALIAS_COUNT || isMergedTooMuch(document.contents, resolve);
  const root = document.contents ? syntaxOf(document.contents, isTooMuch ? () => undefined : resolve) : null;
  if (isTooMuch) return { root, value: undefined, problems: [...problems, tooManyAliases(document)] };
  // The library throws on these.
  if (wrongMerges.length > 0) return { root, value: undefined, problems };
  withoutUnknownAliases(document, resolve);
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
 * Tokenizes a text. Gives up if it has too many tokens, because the parser takes more than linear time on some texts.
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

/**
 * Returns the nesting depth of the collections. Avoids recursion, because the token tree is as deep as the text makes
 * it.
 */
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

/** Replaces aliases without an anchor with null, so the rest of the file can be read. */
function withoutUnknownAliases(document: Document, resolve: ResolveAlias): void {
  visit(document, { Alias: (_, alias) => (resolve(alias) ? undefined : new Scalar(null)) });
}

function syntaxOf(node: Node, resolve: ResolveAlias): SyntaxNode {
  const [start, end] = node.range ?? [0, 0];
  if (isAlias(node)) return { kind: 'alias', start, end };
  if (isMap(node)) return { kind: 'map', style: node.flow ? 'flow' : 'block', ...mapSyntax(node, resolve) };
  if (isSeq(node)) return { kind: 'list', ...listSyntax(node, resolve) };
  const isNull = isScalar(node) && node.value === null && end > start;
  return { kind: 'scalar', start, end: start + trimmedLength(node, end - start), ...(isNull && { isNull }) };
}

/** The range of a block scalar includes the line breaks after it. */
function trimmedLength(node: Node, length: number): number {
  const isBlock = isScalar(node) && (node.type === 'BLOCK_LITERAL' || node.type === 'BLOCK_FOLDED');
  const source = isBlock && typeof node.source === 'string' ? node.source : '';
  return length - (source.length - source.trimEnd().length);
}

function mapSyntax(
  node: YAMLMap,
  resolve: ResolveAlias,
): Span & Pick<MapNode, 'merged'> & { entries: Entry[] } {
  const [start, end] = node.range ?? [0, 0];
  const entries = node.items.flatMap((pair) => entrySyntax(pair, resolve));
  const merged = mergedInto(node).flatMap((source) => mergedSyntax(source, resolve));
  return {
    start,
    end: node.flow ? end : (entries.at(-1)?.end ?? end),
    entries,
    ...(merged.length > 0 && { merged }),
  };
}

function entrySyntax({ key, value }: Pair, resolve: ResolveAlias): Entry[] {
  if (!isScalar(key) || !key.range) return [];
  const [keyStart, keyEnd] = key.range;
  const syntax: SyntaxNode =
    value && isNodeWithRange(value)
      ? syntaxOf(value, resolve)
      : { kind: 'scalar', start: keyEnd, end: keyEnd };
  return [
    {
      key: keyText(key),
      keySpan: { start: keyStart, end: keyEnd },
      value: syntax,
      start: keyStart,
      end: syntax.end,
      ...(isMergeKey(key) && { isMerge: true }),
    },
  ];
}

/**
 * Returns the entries that a merge key provides from an alias or a mapping. Those from an alias get the alias's
 * position.
 */
function mergedSyntax(source: Node, resolve: ResolveAlias): Entry[] {
  if (!isAlias(source)) {
    const { entries, merged = [] } = isMap(source) ? mapSyntax(source, resolve) : { entries: [] };
    return [...entries.filter(({ isMerge }) => !isMerge), ...merged];
  }
  const [start, end] = source.range ?? [0, 0];
  const span = { start, end };
  return [...keysOf(resolve(source), resolve)].map((key) => ({
    key,
    keySpan: span,
    value: { kind: 'alias', ...span },
    ...span,
  }));
}

/** Returns the keys of a mapping, including merged ones. */
function keysOf(node: Node | undefined, resolve: ResolveAlias): Set<string> {
  if (!isMap(node)) return new Set();
  const own = node.items.filter(({ key }) => !isMergeKey(key)).map(({ key }) => keyText(key));
  const merged = mergedInto(node).flatMap((source) => [
    ...keysOf(isAlias(source) ? resolve(source) : source, resolve),
  ]);
  return new Set([...own, ...merged]);
}

function listSyntax(node: YAMLSeq, resolve: ResolveAlias): Span & { items: SyntaxNode[] } {
  const [start, end] = node.range ?? [0, 0];
  const items = node.items.filter(isNodeWithRange).map((item) => syntaxOf(item, resolve));
  return { start, end: node.flow ? end : (items.at(-1)?.end ?? end), items };
}

function isNodeWithRange(value: unknown): value is Node {
  return (isScalar(value) || isAlias(value) || isCollection(value)) && !isPair(value) && Boolean(value.range);
}

/** Returns the problems of repeated keys in a map. */
function duplicateKeys({ items }: YAMLMap, text: string): SyntaxProblem[] {
  const seen = new Set<unknown>();
  return items.flatMap(({ key }) => {
    if (!isScalar(key) || !key.range) return [];
    const name = isMergeKey(key) ? keyText(key) : key.value;
    if (!seen.has(name)) {
      seen.add(name);
      return [];
    }
    const [start, end] = keyAt(text, key.range[0]);
    const what = keyTwice(text.slice(start, end));
    return [{ start, end, what, remedy: l10n.t('Keep one of them.'), isReadable: true }];
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
    isReadable: true,
  };
}

/** Describes aliases that expand too far, or a value that contains itself. */
function aliasProblem(document: Document, error: unknown): SyntaxProblem {
  if (!(error instanceof ReferenceError || error instanceof RangeError)) throw error;
  return tooManyAliases(document);
}

function tooManyAliases(document: Document): SyntaxProblem {
  const [start, end] = firstAliasRange(document);
  return {
    start,
    end,
    what: l10n.t('The aliases in this file expand to too much content.'),
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
  const isReadable = error.code === 'TAG_RESOLVE_FAILED';
  return { start, end, ...explanation(error, text.slice(start, end)), isReadable };
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
        what: l10n.t('There is a second key on this line.'),
        remedy: l10n.t('Put it on a separate line, or put the text in quotes.'),
      };
    case 'MISSING_CHAR': {
      const quote = /^Missing closing (["'])quote/.exec(message)?.[1];
      if (quote !== undefined) {
        return {
          what: l10n.t('Text in quotes is not closed.'),
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
          remedy: l10n.t('Add {0}, or indent the lines inside.', bracket),
        };
      }
      return {
        what: l10n.t('Malformed YAML: {0}.', sentence(message)),
        remedy: l10n.t('Align it with the lines that it belongs to.'),
      };
    }
    case 'BAD_DQ_ESCAPE':
      return {
        what: l10n.t('Malformed YAML: {0}.', sentence(message)),
        remedy: l10n.t('Use single quotes, in which a backslash is just a backslash.'),
      };
    default:
      return {
        what: l10n.t('Malformed YAML: {0}.', sentence(message)),
        remedy: l10n.t('Write key: value, one per line, indented with spaces.'),
      };
  }
}

/** Adapts the library's message to the end of a sentence. */
function sentence(message: string): string {
  return message.charAt(0).toLowerCase() + message.slice(1).replace(/\.$/, '');
}
