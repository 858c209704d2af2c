import type { SyntaxNode } from '@lezer/common';
import { parser } from '@lezer/python';
import { childrenOf } from './pythonExpressions';

export interface ImportedName {
  /** Including leading dots. */
  readonly module: string;
  /** `*` for all names. */
  readonly name: string;
  /** Its name in this module. */
  readonly as: string;
  /** Whether it is inside `with read_base():`. */
  readonly isBase: boolean;
}

/** MMEngine's placeholders, which are not valid Python outside of strings. */
const PLACEHOLDER = /\{\{[^{}'"\n]*\}\}/g;

/** The dot of a number such as `1.`, which the grammar does not support. */
const OPEN_FRACTION = /(?<=\d)\.(?=[eE][-+\d]|[\s,)\]}:;*/+-]|$)/g;

/** A text with its Python syntax tree. */
export interface PythonTree {
  readonly text: string;
  readonly tree: SyntaxNode;
  readonly hasErrors: boolean;
}

/**
 * A longer text is read only if it is entirely valid Python, because parse errors are slow. See docs/performance.md.
 */
const MAX_LENGTH_WITH_ERRORS = 1 << 14;

const strictParser = parser.configure({ strict: true });

/** The last text and its tree. Parsing takes most of the time, and the same text is often needed again. */
let latest: { readonly text: string; readonly tree: PythonTree | null } | null = null;

/** Parses a text, null if a long text has errors. */
export function treeOf(text: string): PythonTree | null {
  if (latest?.text !== text) latest = { text, tree: parsed(text) };
  return latest.tree;
}

function parsed(text: string): PythonTree | null {
  // Replacements keep the length, so all offsets stay valid. Values are taken from the original text.
  const readable = text
    .replace(PLACEHOLDER, (found) => `_${'x'.repeat(found.length - 1)}`)
    .replace(OPEN_FRACTION, '0');
  try {
    return { text, tree: strictParser.parse(readable).topNode, hasErrors: false };
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    if (text.length > MAX_LENGTH_WITH_ERRORS) return null;
    return { text, tree: parser.parse(readable).topNode, hasErrors: true };
  }
}

/** Returns only the module's imports, to determine its style before its bases are read. */
export function importsOf({ text, tree }: PythonTree): readonly ImportedName[] {
  const found: ImportedName[] = [];
  for (const node of childrenOf(tree)) {
    if (node.name === 'ImportStatement') found.push(...importedBy(node, text, false));
    else if (isReadBase(node, text)) found.push(...baseImports(node, text));
  }
  return found;
}

export function isReadBase(node: SyntaxNode, text: string): boolean {
  return (
    node.name === 'WithStatement' && /^with\s+read_base\s*\(\s*\)\s*:/.test(text.slice(node.from, node.to))
  );
}

export function baseImports(node: SyntaxNode, text: string): ImportedName[] {
  return childrenOf(node.getChild('Body') ?? node).flatMap((child) =>
    child.name === 'ImportStatement' ? importedBy(child, text, true) : [],
  );
}

export function importedBy(node: SyntaxNode, text: string, isBase: boolean): ImportedName[] {
  const statement = text.slice(node.from, node.to).replace(/#[^\n]*|[()\\]/g, ' ');
  const [, module, names] = /^from\s+([.\s]*[\w.]*)\s+import\s+([\s\S]*)$/.exec(statement) ?? [];
  if (module === undefined || names === undefined) {
    const list = /^import\s+([\s\S]*)$/.exec(statement)?.[1] ?? '';
    return list.split(',').map((each) => {
      const [name = '', , as] = each.trim().split(/\s+/);
      return { module: name, name, as: as ?? name.split('.')[0] ?? name, isBase };
    });
  }
  return names
    .split(',')
    .map((each) => each.trim())
    .filter((each) => each !== '')
    .map((each) => {
      const [name = '', , as] = each.split(/\s+/);
      return { module: module.replace(/\s/g, ''), name, as: as ?? name, isBase };
    });
}
