import type { Verdict } from '../../protocol/study';
import { errorForVerdict, type Measured } from './estimates';
import { equivalenceP, LEAST_DEGREES, twoSidedP } from './fit/distributions';
import { holm } from './holm';
import type { Look } from './looks/schedule';
import { LEVEL } from './looks/schedule';

export interface Judged {
  readonly verdict: Verdict;
  readonly pDifferent: number | null;
  readonly pTooSmall: number | null;
}

/**
 * Judges all effects together. There are two families of hypotheses: that an effect is not 0, and that it is within
 * plus and minus `smallestEffect`. Each family has a false rejection in at most 5% of studies.
 *
 * @param effects null if the runs do not determine one
 * @param look set if the study looks early; each hypothesis then uses the look's level instead of Holm's
 */
export function judge(
  effects: readonly (Measured | null)[],
  smallestEffect: number,
  higherIsBetter: boolean,
  look: Look | null,
): Judged[] {
  const errors = effects.map((measured) => {
    const error = measured && errorForVerdict(measured);
    return measured && error && error.degrees >= LEAST_DEGREES ? { ...error, value: measured.value } : null;
  });
  const different = errors.map((each) => each && twoSidedP(each.value / each.error, each.degrees));
  const tooSmall = errors.map(
    (each) => each && equivalenceP(each.value, each.error, each.degrees, smallestEffect),
  );
  const pDifferent = look ? different : holm(different);
  const pTooSmall = look ? tooSmall : holm(tooSmall);
  return errors.map((each, index) => {
    const p = { pDifferent: pDifferent[index] ?? null, pTooSmall: pTooSmall[index] ?? null };
    const isDifferent = p.pDifferent !== null && p.pDifferent <= (look?.different.nominal ?? LEVEL);
    const isTooSmall = p.pTooSmall !== null && p.pTooSmall <= (look?.tooSmall.nominal ?? LEVEL);
    const isBetter = each !== null && each.value > 0 === higherIsBetter;
    return { ...p, verdict: verdictOf(isDifferent, isTooSmall, isBetter) };
  });
}

function verdictOf(isDifferent: boolean, isTooSmall: boolean, isBetter: boolean): Verdict {
  if (isDifferent && isTooSmall) return isBetter ? 'helps_but_too_small' : 'hurts_but_too_small';
  if (isDifferent) return isBetter ? 'helps' : 'hurts';
  return isTooSmall ? 'too_small' : 'undecided';
}
