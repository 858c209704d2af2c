import type { Precision } from '../recipe/recipe';
import type { TrickFit } from './trickFit';

/** A half format that is slower than float32 on this machine, on the engine tensorflow. */
export interface SlowFormat {
  readonly format: Exclude<Precision['compute'], 'float32'>;
  /** Its figure, such as "on tensorflow 14 times float32's step, so emulated". */
  readonly fact: string;
  /** Figure, reason and what becomes of it, in sentences. */
  readonly text: string;
}

/** The slow format that a trick brings, where the file's engine is, or with `auto` may be, tensorflow; else null. */
export function slowFormatOf(
  { recipes }: Pick<TrickFit, 'recipes'>,
  slow: readonly SlowFormat[],
): SlowFormat | null {
  if (slow.length === 0) return null;
  const both = recipes();
  if (!both || (both.with.engine !== 'auto' && both.with.engine !== 'tensorflow')) return null;
  const { compute } = both.with.precision;
  return both.without.precision.compute === compute
    ? null
    : (slow.find(({ format }) => format === compute) ?? null);
}
