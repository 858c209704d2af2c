import type { SyntaxNode } from '@lezer/common';
import type { Span } from '../../experiment/text/syntax';
import {
  argumentDict,
  childrenOf,
  evaluated,
  isBounded,
  MAX_REFERRED,
  nameAt,
  namesIn,
  type Scope,
  spoilNames,
  type Target,
  targetOf,
  walk,
} from './pythonExpressions';
import { baseImports, type ImportedName, importedBy, isReadBase, type PythonTree } from './pythonTree';
import { merged, updated } from './pythonUpdates';
import {
  emptyDict,
  type Literal,
  type PyDict,
  type PyEntry,
  type PyValue,
  type Slot,
  spoil,
} from './pythonValues';

/** A module as far as its text alone determines it. */
export interface PythonModule {
  /** Its names, with their values at the end of the module. */
  readonly names: PyDict;
  readonly imports: readonly ImportedName[];
  /** The first name that it sets. */
  readonly first: Slot | null;
  /** Whether it contains invalid Python. */
  readonly hasErrors: boolean;
}

/** Returns what a module imports from a base: a value, or all names. */
export type BaseOf = (imported: ImportedName) => PyDict | PyValue | null;

/** Words that may change any name. */
export const OMNIPOTENT =
  /\b(?:exec|eval|globals|locals|vars|setattr|__import__)\s*\(|\bdict\s*=[^=]|\b(?:def|class|as|import)\s+dict\b/;

/** Runs the literal statements of a module. `initial` holds the names that exist before. */
export function moduleOf(
  { text, tree, hasErrors }: PythonTree,
  initial: PyDict = emptyDict(),
  baseOf: BaseOf = () => null,
): PythonModule {
  const run = new Run(text, initial, baseOf, hasErrors);
  for (const node of childrenOf(tree)) run.statement(node);
  return run.finished();
}

class Run {
  readonly #scope: Scope;
  readonly #baseOf: BaseOf;
  readonly #imports: ImportedName[] = [];
  /** Names that a function of the module may change at any call. */
  readonly #unsteady = new Set<string>();
  #first: Slot | null = null;
  readonly #hasErrors: boolean;

  constructor(text: string, names: PyDict, baseOf: BaseOf, hasErrors: boolean) {
    this.#scope = { text, names, references: { count: 0, valuesLeft: MAX_REFERRED } };
    this.#baseOf = baseOf;
    this.#hasErrors = hasErrors;
  }

  finished(): PythonModule {
    const { text, names } = this.#scope;
    const isOmnipotent = OMNIPOTENT.test(text);
    for (const [name, { value }] of names.entries) {
      if (isOmnipotent || this.#unsteady.has(name)) {
        spoil(value);
        this.#compute(name, null);
      }
    }
    return { names, imports: this.#imports, first: this.#first, hasErrors: this.#hasErrors };
  }

  statement(node: SyntaxNode): void {
    if (this.#hasErrors && hasError(node)) {
      this.#leave(node);
      return;
    }
    const { text } = this.#scope;
    const { count } = this.#scope.references;
    this.#run(node, text);
    if (this.#scope.references.count > count) this.#bound(node);
  }

  /** Handles a statement that may have put a mapping into itself, or many times into another. */
  #bound(node: SyntaxNode): void {
    for (const name of namesIn(node, this.#scope)) {
      const value = this.#scope.names.entries.get(name)?.value;
      if (value && name !== '_base_' && !isBounded(value, this.#scope.references)) this.#lose(name, null);
    }
  }

  #run(node: SyntaxNode, text: string): void {
    switch (node.name) {
      case 'Comment':
      case 'PassStatement':
        return;
      case 'StatementGroup':
        for (const child of childrenOf(node)) if (child.name !== ';') this.statement(child);
        return;
      case 'AssignStatement':
        this.#assign(node);
        return;
      case 'DeleteStatement':
        for (const child of childrenOf(node).slice(1)) if (child.name !== ',') this.#remove(child);
        return;
      case 'UpdateStatement':
        this.#leave(node);
        return;
      case 'ExpressionStatement':
        this.#express(node);
        return;
      case 'ImportStatement':
        for (const imported of importedBy(node, text, false)) this.#import(imported);
        return;
      case 'WithStatement':
        if (isReadBase(node, text)) for (const imported of baseImports(node, text)) this.#import(imported);
        else this.#leave(node);
        return;
      case 'FunctionDefinition':
      case 'ClassDefinition':
      case 'DecoratedStatement':
        for (const name of namesIn(node, this.#scope)) this.#unsteady.add(name);
        this.#leave(node);
        return;
      default:
        this.#leave(node);
    }
  }

  /** Treats all names of a statement as computed. */
  #leave(node: SyntaxNode): void {
    spoilNames(node, this.#scope);
    const slot = statementSlot(node);
    for (const name of namesIn(node, this.#scope)) if (!BUILT_IN.has(name)) this.#compute(name, slot);
  }

  #compute(name: string, slot: Slot | null): void {
    // Operations on `_base_` affect the inherited values, not the paths.
    if (name === '_base_') return;
    this.#scope.names.entries.set(name, { value: { kind: 'computed', source: slot }, slot, isPlain: true });
  }

  #assign(node: SyntaxNode): void {
    const groups: SyntaxNode[][] = [[]];
    for (const child of childrenOf(node)) {
      if (child.name === 'AssignOp') groups.push([]);
      else if (child.name !== 'TypeDef' && child.name !== 'Comment') groups.at(-1)?.push(child);
    }
    const values = groups.pop() ?? [];
    const [value] = values;
    const [[target] = []] = groups;
    if (groups.length === 0 || !value || !target) return;
    const slot: Slot = { start: node.from, end: value.to, keyEnd: target.to, holder: null };
    this.#first ??= slot;
    const entry: PyEntry =
      values.length === 1
        ? evaluated(value, this.#scope, slot)
        : { value: { kind: 'computed', source: slot }, slot, isPlain: true };
    if (values.length > 1) for (const each of values) spoilNames(each, this.#scope);
    for (const group of groups) {
      const path = group.length === 1 && group[0] ? targetOf(group[0], this.#scope) : null;
      if (path) this.#set(path, groups.length > 1 ? { ...entry, isPlain: false } : entry);
      else for (const each of group) this.#leave(each);
    }
  }

  #set({ name, keys }: Target, entry: PyEntry): void {
    const { entries } = this.#scope.names;
    const last = keys.at(-1);
    // MMEngine uses the first `_base_`.
    if (name === '_base_' && entries.has(name)) return;
    if (last === undefined) {
      entries.set(name, entry);
      return;
    }
    const holder = this.#heldAt({ name, keys: keys.slice(0, -1) }, entry.slot);
    if (holder?.kind === 'dict') holder.entries.set(last, entry);
    else if (holder?.kind === 'list' && holder.items[Number(last)]) holder.items[Number(last)] = entry;
    else this.#lose(name, entry.slot);
  }

  /** Returns the value at a path. Creates it if a partly unknown mapping may contain it. */
  #heldAt({ name, keys }: Target, slot: Slot | null): PyValue | null {
    let at: PyValue = this.#scope.names;
    for (const key of [name, ...keys]) {
      if ((at.kind !== 'dict' && at.kind !== 'list') || at.isSpoilt) return null;
      const entry: PyEntry | undefined = at.kind === 'dict' ? at.entries.get(key) : at.items[Number(key)];
      if (entry) {
        at = entry.value;
      } else {
        if (at.kind !== 'dict' || at.open === null) return null;
        const made = emptyDict({ isConfig: true, open: at.open });
        at.entries.set(key, { value: made, slot, isPlain: false });
        at = made;
      }
    }
    return at;
  }

  /** Marks a name's value as unknown. */
  #lose(name: string, slot: Slot | null): void {
    const entry = this.#scope.names.entries.get(name);
    if (entry && name !== '_base_') spoil(entry.value);
    this.#compute(name, slot);
  }

  #remove(node: SyntaxNode): void {
    const target = targetOf(node, this.#scope);
    if (!target) {
      this.#leave(node);
      return;
    }
    const { name, keys } = target;
    const slot = statementSlot(node);
    const last = keys.at(-1) ?? name;
    const holder =
      keys.length === 0 ? this.#scope.names : this.#heldAt({ name, keys: keys.slice(0, -1) }, slot);
    // If the mapping is partly unknown, what remains in it is unknown, too.
    if (holder?.kind !== 'dict' || holder.open !== null || !holder.entries.delete(last))
      this.#lose(name, slot);
  }

  #express(node: SyntaxNode): void {
    const call = node.firstChild;
    if (call?.name !== 'CallExpression') {
      if (call?.name !== 'String' && call?.name !== 'ContinuedString') this.#leave(node);
      return;
    }
    const [callee, args] = childrenOf(call);
    if (callee?.name === 'VariableName' && nameAt(callee, this.#scope) === 'print') return;
    const method = callee?.name === 'MemberExpression' ? callee.lastChild : null;
    const object = callee?.firstChild;
    const target = method?.name === 'PropertyName' && object ? targetOf(object, this.#scope) : null;
    if (!target || !method || !args) {
      this.#leave(node);
      return;
    }
    const slot: Slot = { start: node.from, end: call.to, keyEnd: object?.to ?? call.to, holder: null };
    const given = argumentDict(args, this.#scope, slot);
    const held = this.#heldAt(target, slot);
    const name = nameAt(method, this.#scope);
    if (given && held?.kind === 'dict' && !held.isSpoilt && name === 'update') updated(held, given);
    else if (given && held?.kind === 'dict' && !held.isSpoilt && name === 'merge' && held.isConfig)
      merged(held, given);
    else {
      spoilNames(args, this.#scope);
      this.#lose(target.name, slot);
    }
  }

  #import(imported: ImportedName): void {
    this.#imports.push(imported);
    const { entries } = this.#scope.names;
    const found = this.#baseOf(imported);
    if (imported.name === '*') {
      if (found?.kind === 'dict') for (const [name, entry] of found.entries) entries.set(name, entry);
      return;
    }
    const value: PyValue = found ?? classOf(imported) ?? { kind: 'computed', source: null };
    entries.set(imported.as, { value, slot: null, isPlain: false });
  }
}

/** Names that configs often call but never set. */
const BUILT_IN = new Set([
  'dict',
  'list',
  'tuple',
  'range',
  'len',
  'print',
  'int',
  'float',
  'str',
  'read_base',
  'True',
  'False',
]);

function statementSlot(node: Span | SyntaxNode): Slot {
  const [start, end] = 'from' in node ? [node.from, node.to] : [node.start, node.end];
  return { start, end, keyEnd: end, holder: null as Literal | null };
}

function hasError(node: SyntaxNode): boolean {
  let found = false;
  walk(node, ({ type }) => {
    found ||= type.isError;
  });
  return found;
}

/** Classes of packages that register them by name. Others may be anything. */
function classOf({ module, name }: ImportedName): PyValue | null {
  if (/^(?:torch\.optim|mmengine)(?:\.|$)/.test(module)) return { kind: 'class', name, source: null };
  if (/^mmpretrain(?:\.|$)/.test(module)) return { kind: 'class', name: `mmpretrain.${name}`, source: null };
  return null;
}
