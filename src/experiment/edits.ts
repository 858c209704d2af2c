import { isMapping, valueAt } from '../shared/values';
import { trickCalled } from '../tricks/registry';
import { writtenTrick } from './aliases';
import type { ExperimentDocument } from './text/document';
import type { EditResult } from './text/textEdits';

/** Edits that switch a trick on with `value`: `true` or its options. A new `tricks` comes after `schedule`. */
export function insertTrick(document: ExperimentDocument, trickName: string, value: unknown): EditResult {
  return document.setIn(['tricks', writtenTrick(document.value, trickName) ?? trickName], value, {
    after: 'schedule',
  });
}

/** Why a trick cannot be switched on with `value`, or out of the file where it is undefined; null where it can. */
export function trickObstacle(
  document: ExperimentDocument,
  trickName: string,
  value: unknown,
): string | null {
  return document.obstacleTo(['tricks', writtenTrick(document.value, trickName) ?? trickName], value);
}

/** Edits that take a trick out of the file, `tricks` with it where it is the last one. */
export function removeTrick(document: ExperimentDocument, trickName: string): EditResult {
  return document.removeIn(['tricks', writtenTrick(document.value, trickName) ?? trickName]);
}

/**
 * Edits that give an option of a trick that is in the file a value; a bare trick becomes a mapping for it. A bare
 * value under another system's name, such as `warmup_epochs: 5`, is that of the option which the name says.
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
