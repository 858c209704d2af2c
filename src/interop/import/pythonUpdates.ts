import type { PyDict, PyEntry, PyValue } from './pythonValues';

/** Implements `dict.update`, or MMEngine's version, which merges nested mappings. */
export function updated(held: PyDict, given: PyDict): void {
  for (const [key, entry] of given.entries) {
    const before = held.entries.get(key)?.value;
    const isMerged =
      held.isConfig && entry.value.kind === 'dict' && before?.kind === 'dict' && !before.isSpoilt;
    if (isMerged && entry.value.kind === 'dict') updated(before, entry.value);
    else held.entries.set(key, held.isConfig ? adopted(entry, before, held) : entry);
  }
}

/** Implements MMEngine's `merge`: like its `update`, but `_delete_=True` discards the old entries. */
export function merged(held: PyDict, given: PyDict): void {
  for (const [key, entry] of given.entries) {
    if (key === '_delete_') continue;
    const before = held.entries.get(key)?.value;
    const { value } = entry;
    const deletes = value.kind === 'dict' ? deletionOf(value) : false;
    if (deletes === null) held.entries.set(key, { ...entry, value: { kind: 'computed', source: null } });
    else if (value.kind === 'dict' && before?.kind === 'dict' && !before.isSpoilt && !deletes)
      merged(before, value);
    else
      held.entries.set(
        key,
        adopted(deletes ? withoutDeletion(entry) : entry, deletes ? undefined : before, held),
      );
  }
}

/** Whether a mapping has `_delete_`, null if its value is computed. */
export function deletionOf(dict: PyDict): boolean | null {
  const entry = dict.entries.get('_delete_');
  if (!entry) return false;
  return entry.value.kind === 'scalar' ? Boolean(entry.value.value) : null;
}

function withoutDeletion(entry: PyEntry): PyEntry {
  if (entry.value.kind !== 'dict') return entry;
  const entries = new Map(entry.value.entries);
  entries.delete('_delete_');
  return { ...entry, value: { ...entry.value, entries } };
}

/**
 * Adopts an entry into an MMEngine mapping: nested mappings become MMEngine mappings, too, and may have unknown
 * entries.
 */
function adopted(entry: PyEntry, before: PyValue | undefined, holder: PyDict): PyEntry {
  if (entry.value.kind !== 'dict') return entry;
  const open = before === undefined ? holder.open : null;
  const entries = new Map(
    [...entry.value.entries].map(
      ([key, each]) => [key, adopted(each, undefined, { ...holder, open })] as const,
    ),
  );
  return { ...entry, value: { ...entry.value, entries, isConfig: true, open } };
}
