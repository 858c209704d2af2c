import { isMapping, valueAt } from '../shared/values';
import { trickCalled } from '../tricks/registry';
import { writtenTrick } from './aliases';
import type { ExperimentDocument } from './text/document';
import type { EditResult } from './text/textEdits';

/** Returns the edits that name an experiment. */
export function rename(document: ExperimentDocument, name: string): EditResult {
  return document.setIn(['name'], name);
}

/**
 * Returns the edits that switch a trick on with `value`: `true` or its options. Inserts a new `tricks` after
 * `schedule`.
 */
export function insertTrick(document: ExperimentDocument, trickName: string, value: unknown): EditResult {
  return document.setIn(['tricks', writtenTrick(document.value, trickName) ?? trickName], value, {
    after: 'schedule',
  });
}

/**
 * Explains why a trick cannot be switched on with `value`, or removed from the file if `value` is undefined; null if it
 * can.
 */
export function trickObstacle(
  document: ExperimentDocument,
  trickName: string,
  value: unknown,
): string | null {
  return document.obstacleTo(['tricks', writtenTrick(document.value, trickName) ?? trickName], value);
}

/**
 * Returns the edits that remove a trick from the file, and `tricks` itself with the last one. A trick from a YAML merge
 * key is switched off instead, because other parts may use the merge source too.
 */
export function removeTrick(document: ExperimentDocument, trickName: string): EditResult {
  const path = ['tricks', writtenTrick(document.value, trickName) ?? trickName];
  return document.hasMerged(path) ? document.setIn(path, false) : document.removeIn(path);
}

/**
 * Returns the edits that set an option of a trick in the file. A bare trick becomes a mapping. A bare value under
 * another system's name, such as `warmup_epochs: 5`, belongs to the option that the name refers to.
 */
export function setOption(
  document: ExperimentDocument,
  trickName: string,
  option: string,
  value: unknown,
): EditResult {
  const key = writtenTrick(document.value, trickName) ?? trickName;
  const held = valueAt(document.value, ['tricks', key]);
  if (isMapping(held)) return document.setIn(['tricks', key, option], value);
  const named = typeof held === 'number' || typeof held === 'string' ? trickCalled(key)?.option : undefined;
  if (named === option) return document.setIn(['tricks', key], value);
  return document.setIn(['tricks', key], {
    ...(named !== undefined && { [named]: held }),
    [option]: value,
  });
}
