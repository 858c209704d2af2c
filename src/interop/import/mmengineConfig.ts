import * as l10n from '@vscode/l10n';
import { MAX_LENGTH, type ReadText } from './adapter';
import { joinedPath } from './paths';
import { moduleOf, OMNIPOTENT, type PythonModule } from './pythonModule';
import { type ImportedName, importsOf, type PythonTree, treeOf } from './pythonTree';
import { deletionOf } from './pythonUpdates';
import { detached, emptyDict, type PyDict, type PyEntry, type PyValue, plainOf } from './pythonValues';

/** Limits on the depth of inheritance, and on the number of files that one config may read. */
const MAX_CHAIN = 10;
const MAX_FILES = 64;

/** An MMEngine config, with as much of its inheritance as can be read. */
export interface MmengineConfig {
  /** Whether it imports its bases (`read_base`), so that its names already contain the inherited values. */
  readonly isLazy: boolean;
  readonly module: PythonModule;
  /** The inherited values. */
  readonly base: PyDict;
  /** The result in MMEngine: its own values merged into the inherited ones. */
  readonly merged: PyDict;
  /** The paths of its bases, as written. */
  readonly basePaths: readonly string[];
}

/**
 * Reads the literal parts of a config like MMEngine's `Config.fromfile`, without running it. Null if a long text has
 * errors.
 */
export function readConfig(text: string, fileName: string, readText: ReadText): MmengineConfig | null {
  const tree = treeOf(text);
  return tree && new Reader(readText).config(tree, fileName, [fileName]);
}

/** Caches the files that one config reads, so that none is read twice. */
class Reader {
  readonly #readText: ReadText;
  readonly #texts = new Map<string, string | null>();

  constructor(readText: ReadText) {
    this.#readText = readText;
  }

  config(tree: PythonTree, fileName: string, chain: readonly string[]): MmengineConfig {
    const imports = importsOf(tree);
    const hasPaths = /^_base_\s*=/m.test(tree.text);
    return !hasPaths && isLazy(imports)
      ? this.#lazy(tree, fileName, chain, imports)
      : this.#merging(tree.text, moduleOf(tree), fileName, chain);
  }

  /** Handles `_base_ = [...]`: the file's own mapping is merged into that of each base. */
  #merging(text: string, module: PythonModule, fileName: string, chain: readonly string[]): MmengineConfig {
    const paths = pathsIn(module);
    const base = emptyDict({ open: omnipotence(text) ?? (paths === null ? computedBase() : null) });
    let open = base.open;
    for (const path of paths ?? []) {
      const found = this.#base(path, fileName, chain);
      if (typeof found === 'string') {
        open ??= found;
        continue;
      }
      open ??= found.merged.open;
      for (const [name, entry] of found.merged.entries) {
        const { value } = entry;
        // MMEngine rejects names that two bases define.
        const isTwice = base.entries.has(name);
        base.entries.set(name, {
          value: isTwice ? { kind: 'computed', source: null } : detached(value, false),
          slot: null,
          isPlain: false,
        });
      }
    }
    const inherited = withoutTouched({ ...base, open }, text);
    const own = new Map([...module.names.entries].filter(([name]) => isVariable(name, module)));
    return {
      isLazy: false,
      module,
      base: inherited,
      merged: mergedOver({ ...module.names, entries: own }, inherited),
      basePaths: paths ?? [],
    };
  }

  /** Handles `with read_base():`. The names of the bases exist when the file starts, and the file changes them. */
  #lazy(
    tree: PythonTree,
    fileName: string,
    chain: readonly string[],
    imports: readonly ImportedName[],
  ): MmengineConfig {
    let open: string | null = omnipotence(tree.text);
    const base = emptyDict({ isConfig: true });
    const read = new Map<string, PyDict | null>();
    for (const { module, name, as } of imports.filter(({ isBase }) => isBase)) {
      const path = pathOfModule(module);
      const found = path === null ? packageReason(module) : this.#base(path, fileName, chain);
      if (typeof found === 'string') {
        open ??= found;
        read.set(module, null);
        continue;
      }
      open ??= found.merged.open;
      read.set(module, found.merged);
      for (const [key, entry] of found.merged.entries) {
        if (name === '*' || key === name) base.entries.set(name === '*' ? key : as, entry);
      }
    }
    const heldBy = (imported: ImportedName): PyValue | null => {
      const found = imported.isBase ? read.get(imported.module) : null;
      if (!found) return null;
      if (imported.name === '*') return detached(found, true);
      const entry = found.entries.get(imported.name);
      return entry ? detached(entry.value, true) : null;
    };
    const module = moduleOf(tree, emptyDict({ isConfig: true, open }), heldBy);
    return { isLazy: true, module, base: { ...base, open }, merged: module.names, basePaths: [] };
  }

  /** Returns a base's config, or why it cannot be read. */
  #base(path: string, from: string, chain: readonly string[]): MmengineConfig | string {
    if (path.includes('::')) return packageReason(path);
    if (!/\.py$/i.test(path))
      return l10n.t('The settings in {0} are unknown: only Python files are read.', path);
    const joined = joinedPath(from, path);
    if (chain.includes(joined)) return l10n.t('The settings in {0} are unknown: it includes itself.', path);
    if (chain.length > MAX_CHAIN || this.#texts.size > MAX_FILES) {
      return l10n.t('The settings in {0} are unknown: there are too many files to read.', path);
    }
    if (!this.#texts.has(joined)) this.#texts.set(joined, this.#readText(joined));
    const text = this.#texts.get(joined) ?? null;
    if (text === null) {
      return l10n.t('The settings in {0} are unknown: it cannot be read, or is not in this workspace.', path);
    }
    if (text.length > MAX_LENGTH)
      return l10n.t('The settings in {0} are unknown: it is too large to read.', path);
    const tree = treeOf(text);
    const config = tree && this.config(tree, joined, [...chain, joined]);
    return !config || config.module.hasErrors
      ? l10n.t('The settings in {0} are unknown: it contains an error.', path)
      : config;
  }
}

/** Standard library modules that configs import. */
const PYTHONS_OWN =
  /^(?:collections|copy|datetime|functools|itertools|json|math|os|pathlib|random|re|string|sys|time|typing)(?:\.|$)/;

/** Distinguishes the two config styles as MMEngine does: by imports outside the standard library. */
function isLazy(imports: readonly ImportedName[]): boolean {
  return imports.some(({ module, isBase }) => isBase || !PYTHONS_OWN.test(module));
}

/** Returns the paths in `_base_`, null if they are computed. */
function pathsIn(module: PythonModule): string[] | null {
  const entry = module.names.entries.get('_base_');
  if (!entry) return [];
  const value = plainOf(entry.value);
  const paths = Array.isArray(value) ? value : [value];
  return paths.every((path) => typeof path === 'string') ? paths : null;
}

function pathOfModule(module: string): string | null {
  const [, dots, name] = /^(\.+)([\w.]+)$/.exec(module) ?? [];
  return dots === undefined || name === undefined
    ? null
    : `${'../'.repeat(dots.length - 1)}${name.replaceAll('.', '/')}.py`;
}

function packageReason(path: string): string {
  return l10n.t('The settings in {0} are unknown: installed packages are not read.', path);
}

function computedBase(): string {
  return l10n.t('The file computes {0}.', '_base_');
}

function omnipotence(text: string): string | null {
  const [found] = OMNIPOTENT.exec(text) ?? [];
  return found === undefined ? null : l10n.t('The file changes its own variables with {0}.', found.trim());
}

function isVariable(name: string, { names }: PythonModule): boolean {
  return name !== '_base_' && !name.startsWith('__') && names.entries.get(name)?.value.kind !== 'class';
}

/** Returns the inherited values without the parts that the file uses as `_base_.name`, because it may change them. */
function withoutTouched(base: PyDict, text: string): PyDict {
  if (/\b_base_\s*[[\]),]/.test(text)) return emptyDict({ open: base.open ?? computedBase() });
  const entries = new Map(base.entries);
  for (const [, name] of text.matchAll(/\b_base_\s*\.\s*(\w+)/g)) {
    if (name !== undefined && entries.has(name)) {
      entries.set(name, { value: { kind: 'computed', source: null }, slot: null, isPlain: false });
    }
  }
  return { ...base, entries };
}

/**
 * Implements MMEngine's `_merge_a_into_b`: mappings merge at every depth, everything else is replaced, and
 * `_delete_=True` discards the inherited mapping.
 */
export function mergedOver(own: PyDict, base: PyDict): PyDict {
  const entries = new Map(base.entries);
  for (const [key, entry] of own.entries)
    entries.set(key, mergedEntry(entry, base.entries.get(key), base.open));
  return { ...emptyDict({ open: base.open }), entries };
}

function mergedEntry(entry: PyEntry, base: PyEntry | undefined, open: string | null): PyEntry {
  const { value } = entry;
  if (value.kind !== 'dict' || value.isSpoilt) return entry;
  const deletes = deletionOf(value);
  if (deletes === null) return { ...entry, value: { kind: 'computed', source: value.source } };
  if (!base && open === null) return entry;
  const own: PyDict = {
    ...value,
    entries: new Map([...value.entries].filter(([key]) => key !== '_delete_')),
  };
  if (deletes) return { ...entry, value: { ...own, isSpoilt: false } };
  if (!base) return { ...entry, value: mergedOver(own, emptyDict({ open })) };
  // Unknown, but it must be a mapping, otherwise the file could not be loaded.
  if (base.value.kind === 'computed') {
    return {
      ...entry,
      value: mergedOver(own, emptyDict({ open: l10n.t('A base config computes part of it.') })),
    };
  }
  return base.value.kind === 'dict' && !base.value.isSpoilt
    ? { ...entry, value: mergedOver(own, base.value) }
    : { ...entry, value: { kind: 'computed', source: value.source } };
}
