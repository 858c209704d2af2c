import type { Precision } from '../recipe/recipe';
import type { TrickFit } from './trickFit';

/** A half format that is slower than float32 on this machine on the tensorflow engine. */
export interface SlowFormat {
  readonly format: Exclude<Precision['compute'], 'float32'>;
  /** The figure, such as "on tensorflow 14 times float32's step, so emulated". */
  readonly fact: string;
  /** The figure, the reason and the consequence, in sentences. */
  readonly text: string;
}

/** Returns the slow format that a trick enables, if the file's engine is tensorflow or `auto`. Null otherwise. */
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
