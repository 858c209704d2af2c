import type { StudySetting } from '../../protocol/study';

/** All factors at level 0, then one factor at a time at another level. */
export function oneAtATime(levels: readonly number[]): StudySetting[] {
  const none = levels.map(() => 0);
  return [none, ...changedOneByOne(none, levels)];
}

/** All factors at their last level, then one factor at a time at another level. */
export function leaveOneOut(levels: readonly number[]): StudySetting[] {
  const all = levels.map((count) => count - 1);
  return [all, ...changedOneByOne(all, levels)];
}

/** Cumulative changes, one after another, like the rows of tables 4 and 6 of He et al. 2018. */
export function stack(levels: readonly number[]): StudySetting[] {
  const rows: StudySetting[] = [levels.map(() => 0)];
  for (const [factor, count] of levels.entries())
    for (let level = 1; level < count; level++) rows.push((rows.at(-1) as StudySetting).with(factor, level));
  return rows;
}

function changedOneByOne(from: StudySetting, levels: readonly number[]): StudySetting[] {
  return levels.flatMap((count, factor) =>
    Array.from({ length: count }, (_, level) => level)
      .filter((level) => level !== from[factor])
      .map((level) => from.with(factor, level)),
  );
}
