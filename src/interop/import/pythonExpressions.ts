import type { SyntaxNode, TreeCursor } from '@lezer/common';
import { arithmetic, numberOf, stringOf } from './pythonScalars';
import {
  emptyDict,
  entryAt,
  type Literal,
  type PyDict,
  type PyEntry,
  type PyValue,
  type Slot,
  spoil,
} from './pythonValues';

/** Maximum nesting of values. The reader is recursive and does not read deeper ones. */
const MAX_DEPTH = 12;

/** The module that contains an expression. */
export interface Scope {
  readonly text: string;
  readonly names: PyDict;
  readonly references: References;
}

/** The number of references to mappings and lists, and how many of their values may still be visited. */
export interface References {
  count: number;
  valuesLeft: number;
}

/**
 * Maximum number of values that a module's names may refer to, counted per use. Without it, a short text could create a
 * huge mapping.
 */
export const MAX_REFERRED = 100_000;
const MAX_REFERRED_DEPTH = 24;

/** Whether a value is not too large, not too deep and does not contain itself. */
export function isBounded(value: PyValue, references: References, depth = 0): boolean {
  if (value.kind !== 'list' && value.kind !== 'dict') return true;
  if (depth > MAX_REFERRED_DEPTH) return false;
  const entries = value.kind === 'list' ? value.items : [...value.entries.values()];
  references.valuesLeft -= 1 + entries.length;
  return references.valuesLeft > 0 && entries.every((entry) => isBounded(entry.value, references, depth + 1));
}

/** Evaluates an expression and returns its value as the entry of its slot. */
export function evaluated(node: SyntaxNode, scope: Scope, slot: Slot, depth = 0): PyEntry {
  const inner = unwrapped(node);
  const value = depth > MAX_DEPTH ? null : literalOf(inner, scope, slot, depth);
  if (value) return { value, slot, isPlain: true };
  const other = depth > MAX_DEPTH ? null : (referenceOf(inner, scope) ?? sumOf(inner, scope, depth));
  if (other) return { value: other, slot, isPlain: false };
  // The callee may change its arguments.
  if (hasCall(inner, scope)) spoilNames(inner, scope);
  return { value: { kind: 'computed', source: { start: node.from, end: node.to } }, slot, isPlain: true };
}

function unwrapped(node: SyntaxNode): SyntaxNode {
  let inner = node;
  while (inner.name === 'ParenthesizedExpression') {
    const child = inner.firstChild?.nextSibling;
    if (!child || child.type.isError) return inner;
    inner = child;
  }
  return inner;
}

function literalOf(node: SyntaxNode, scope: Scope, slot: Slot, depth: number): PyValue | null {
  const source = { start: node.from, end: node.to };
  const written = scope.text.slice(node.from, node.to);
  switch (node.name) {
    case 'Number':
    case 'UnaryExpression': {
      const value = numberOf(written);
      return value === null ? null : { kind: 'scalar', value, written, source };
    }
    case 'Boolean':
      return { kind: 'scalar', value: written === 'True', written, source };
    case 'None':
      return { kind: 'scalar', value: null, written, source };
    case 'String':
    case 'ContinuedString': {
      const parts = node.name === 'String' ? [node] : childrenOf(node);
      const texts = parts.map((part) =>
        part.name === 'String' ? stringOf(scope.text.slice(part.from, part.to)) : null,
      );
      return texts.includes(null) ? null : { kind: 'scalar', value: texts.join(''), written, source };
    }
    case 'ArrayExpression':
    case 'TupleExpression':
      return listOf(node, scope, slot, depth);
    case 'DictionaryExpression':
      return dictOf(node, pairsOfBraces(node, scope), 'braces', scope, slot, depth);
    case 'CallExpression': {
      const [callee, args] = childrenOf(node);
      const isDict = callee?.name === 'VariableName' && nameAt(callee, scope) === 'dict';
      return isDict && args ? dictOf(args, argumentsOf(args, scope), 'call', scope, slot, depth) : null;
    }
    default:
      return null;
  }
}

function listOf(node: SyntaxNode, scope: Scope, slot: Slot, depth: number): PyValue | null {
  const parts = childrenOf(node).slice(1, -1);
  if (node.lastChild?.type.isError || parts.some((part) => part.name === '*' || part.type.isError))
    return null;
  const literal: Literal = { style: 'list', inner: node.from + 1, slots: [], slot };
  const items = parts
    .filter(({ name }) => name !== ',' && name !== 'Comment')
    .map((part) => {
      const place: Slot = { start: part.from, end: part.to, keyEnd: part.to, holder: literal };
      literal.slots.push(place);
      return evaluated(part, scope, place, depth + 1);
    });
  const isTuple = node.name === 'TupleExpression';
  const source = { start: node.from, end: node.to };
  return { kind: 'list', isTuple, items, literal: isTuple ? null : literal, source, isSpoilt: false };
}

/** A key and the node of its value. */
export interface Pair {
  readonly key: string;
  readonly start: number;
  readonly keyEnd: number;
  readonly value: SyntaxNode;
}

/** Returns the arguments of a call if all are `key=value`, else null. */
export function argumentsOf(args: SyntaxNode, scope: Scope): Pair[] | null {
  const parts = childrenOf(args)
    .slice(1, -1)
    .filter(({ name }) => name !== 'Comment');
  const pairs: Pair[] = [];
  for (let at = 0; at < parts.length; at += 4) {
    const [key, equals, value, comma] = parts.slice(at, at + 4);
    if (key?.name !== 'VariableName' || equals?.name !== 'AssignOp' || !value || value.type.isError)
      return null;
    if (comma && comma.name !== ',') return null;
    pairs.push({ key: nameAt(key, scope), start: key.from, keyEnd: key.to, value });
  }
  return args.lastChild?.name === ')' ? pairs : null;
}

function pairsOfBraces(node: SyntaxNode, scope: Scope): Pair[] | null {
  const parts = childrenOf(node)
    .slice(1, -1)
    .filter(({ name }) => name !== 'Comment');
  const pairs: Pair[] = [];
  for (let at = 0; at < parts.length; at += 4) {
    const [key, colon, value, comma] = parts.slice(at, at + 4);
    if (key?.name !== 'String' || colon?.name !== ':' || !value || value.type.isError) return null;
    if (comma && comma.name !== ',') return null;
    const name = stringOf(scope.text.slice(key.from, key.to));
    if (name === null) return null;
    pairs.push({ key: name, start: key.from, keyEnd: key.to, value });
  }
  return node.lastChild?.name === '}' ? pairs : null;
}

function dictOf(
  holder: SyntaxNode,
  pairs: readonly Pair[] | null,
  style: 'call' | 'braces',
  scope: Scope,
  slot: Slot,
  depth: number,
): PyDict | null {
  if (!pairs) return null;
  const literal: Literal = { style, inner: holder.from + 1, slots: [], slot };
  const start = style === 'call' ? (holder.parent ?? holder).from : holder.from;
  const dict: PyDict = { ...emptyDict(), literal, source: { start, end: holder.to } };
  for (const { key, start: from, keyEnd, value } of pairs) {
    const place: Slot = { start: from, end: value.to, keyEnd, holder: literal };
    literal.slots.push(place);
    dict.entries.set(key, evaluated(value, scope, place, depth + 1));
  }
  return dict;
}

/** Returns the arguments of a call as a mapping, null if they do not form one. */
export function argumentDict(args: SyntaxNode, scope: Scope, slot: Slot): PyDict | null {
  const parts = childrenOf(args).slice(1, -1);
  const [only, comma] = parts.filter(({ name }) => name !== 'Comment');
  if (
    only &&
    (!comma || comma.name === ',') &&
    parts.filter(({ name }) => name !== ',' && name !== 'Comment').length === 1
  ) {
    const { value, isPlain } = evaluated(only, scope, slot);
    return value.kind === 'dict' && isPlain ? value : null;
  }
  return dictOf(args, argumentsOf(args, scope), 'call', scope, slot, 0);
}

/** A name followed by keys, such as `model['backbone'].depth`. */
export interface Target {
  readonly name: string;
  readonly keys: readonly string[];
}

/** Returns the target that an expression names, null if a key is computed. */
export function targetOf(node: SyntaxNode, scope: Scope): Target | null {
  const keys: string[] = [];
  for (let at = node; ; ) {
    if (at.name === 'VariableName') return { name: nameAt(at, scope), keys: keys.reverse() };
    const parts = childrenOf(at);
    const [object, mark, key] = parts;
    if (at.name !== 'MemberExpression' || !object || !key) return null;
    const text = scope.text.slice(key.from, key.to);
    const value =
      mark?.name === '.' ? text : key.name === 'String' ? stringOf(text) : /^\d+$/.test(text) ? text : null;
    if (value === null || (mark?.name === '[' && parts.length !== 4)) return null;
    keys.push(value);
    at = object;
  }
}

function referenceOf(node: SyntaxNode, scope: Scope): PyValue | null {
  if (node.name !== 'VariableName' && node.name !== 'MemberExpression') return null;
  const target = targetOf(node, scope);
  const value = target && entryAt(scope.names, [target.name, ...target.keys])?.value;
  if (value?.kind !== 'list' && value?.kind !== 'dict') return value ?? null;
  scope.references.count += 1;
  return isBounded(value, scope.references) ? value : null;
}

/** Evaluates plain arithmetic that gives the same result in Python and JavaScript. */
function sumOf(node: SyntaxNode, scope: Scope, depth: number): PyValue | null {
  if (node.name !== 'BinaryExpression') return null;
  const [left, operator, right] = childrenOf(node);
  if (!left || !operator || !right) return null;
  const [a, b] = [left, right].map((part): unknown => {
    const inner = unwrapped(part);
    if (inner.name === 'BinaryExpression') {
      const value = depth < MAX_DEPTH ? sumOf(inner, scope, depth + 1) : null;
      return value?.kind === 'scalar' ? value.value : null;
    }
    return numberOf(scope.text.slice(inner.from, inner.to));
  });
  if (typeof a !== 'number' || typeof b !== 'number') return null;
  const value = arithmetic(a, scope.text.slice(operator.from, operator.to), b);
  if (value === null || !Number.isFinite(value) || Math.abs(value) > Number.MAX_SAFE_INTEGER) return null;
  return { kind: 'scalar', value, written: scope.text.slice(node.from, node.to), source: null };
}

export function childrenOf(node: SyntaxNode): SyntaxNode[] {
  const children: SyntaxNode[] = [];
  for (let child = node.firstChild; child; child = child.nextSibling) children.push(child);
  return children;
}

export function nameAt(node: SyntaxNode, { text }: Pick<Scope, 'text'>): string {
  return text.slice(node.from, node.to);
}

/** Calls that do not change their arguments. */
const HARMLESS = [
  'dict',
  'list',
  'tuple',
  'set',
  'len',
  'int',
  'float',
  'str',
  'bool',
  'range',
  'min',
  'max',
  'sum',
  'round',
];

function hasCall(node: SyntaxNode, scope: Scope): boolean {
  let found = false;
  walk(node, ({ name, node: at }) => {
    if (name !== 'CallExpression' || found) return;
    const callee = at.firstChild;
    found = callee?.name !== 'VariableName' || !HARMLESS.includes(nameAt(callee, scope));
  });
  return found;
}

/** Visits a node and its descendants without recursion. */
export function walk(node: SyntaxNode, visit: (at: TreeCursor) => void): void {
  const cursor = node.cursor();
  do visit(cursor);
  while (cursor.next() && cursor.from < node.to && cursor.to <= node.to);
}

/** Returns the names within a node, including argument names. */
export function namesIn(node: SyntaxNode, { text }: Pick<Scope, 'text'>): Set<string> {
  const names = new Set<string>();
  walk(node, ({ name, from, to }) => {
    if (name === 'VariableName') names.add(text.slice(from, to));
  });
  return names;
}

/** Marks the values of all names within a node as changed in an unknown way. */
export function spoilNames(node: SyntaxNode, scope: Scope): void {
  for (const name of namesIn(node, scope)) {
    const entry = scope.names.entries.get(name);
    if (entry && name !== '_base_') spoil(entry.value);
  }
}
