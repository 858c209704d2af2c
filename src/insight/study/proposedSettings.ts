import type { RunIndex } from '../../study/effect';
import { ASSUMED_NOISE, type DesignSubject, knownNoise } from '../../study/file/precision';
import { settingsOf } from '../../study/file/settings';
import type { Baseline } from '../../study/file/study';
import type { NamedFactor } from './proposal';
import { asWritten } from './writtenFactors';

/** Facts about a study that are known before it is written. */
export interface ExperimentKnowledge {
  readonly subject: DesignSubject;
  /** Standard deviation of accuracy over seeds, in points. */
  readonly noise: { readonly value: number; readonly isKnown: boolean };
}

/** Returns the design for the factors in an experiment, and the noise of its runs. */
export function experimentKnowledge(
  baseline: Baseline,
  factors: readonly NamedFactor[],
  runs: RunIndex,
): ExperimentKnowledge {
  const written = factors.map(({ trick, value }) => asWritten(trick.name, value));
  const known = knownNoise(baseline, runs);
  return {
    subject: { design: 'auto', settings: settingsOf({ factors: written }, baseline) },
    noise: { value: known ?? ASSUMED_NOISE, isKnown: known !== null },
  };
}
