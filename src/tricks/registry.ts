import type { Trouble } from '../recipe/trouble';
import { cosineDecay } from './cosineDecay';
import { cutmix } from './cutmix';
import { distillation } from './distillation';
import { ema } from './ema';
import { gradientAccumulation } from './gradientAccumulation';
import { gradientClipping } from './gradientClipping';
import { labelSmoothing } from './labelSmoothing';
import { lamb } from './lamb';
import { lars } from './lars';
import { linearScaling } from './linearScaling';
import { mixedPrecision } from './mixedPrecision';
import { mixup } from './mixup';
import { noBiasDecay } from './noBiasDecay';
import { randomErasing } from './randomErasing';
import { resNetB } from './resNetB';
import { resNetC } from './resNetC';
import { resNetD } from './resNetD';
import { sam } from './sam';
import { stochasticDepth } from './stochasticDepth';
import type { Trick } from './trick';
import { warmup } from './warmup';
import { zeroGamma } from './zeroGamma';

/** All tricks by their key in an experiment file, in display order: the paper's, then others. */
export const TRICKS = {
  linear_scaling: linearScaling,
  warmup,
  zero_gamma: zeroGamma,
  no_bias_decay: noBiasDecay,
  lars,
  mixed_precision: mixedPrecision,
  resnet_b: resNetB,
  resnet_c: resNetC,
  resnet_d: resNetD,
  cosine_decay: cosineDecay,
  label_smoothing: labelSmoothing,
  distillation,
  mixup,
  cutmix,
  ema,
  stochastic_depth: stochasticDepth,
  random_erasing: randomErasing,
  gradient_clipping: gradientClipping,
  gradient_accumulation: gradientAccumulation,
  sam,
  lamb,
} as const;

export type TrickName = keyof typeof TRICKS;

/** The tricks as a list. */
export const ALL_TRICKS: readonly Trick<TrickName>[] = Object.values(TRICKS);

/**
 * Returns the trick with that name, or with that alias in another system. Ignores case, and treats hyphens as
 * underscores.
 */
export function trickCalled(written: string): { trick: Trick<TrickName>; option?: string } | undefined {
  const name = written.toLowerCase().replaceAll('-', '_');
  for (const trick of ALL_TRICKS) {
    const alias =
      trick.name === name
        ? // Our name in another system's spelling, such as --label-smoothing 0.1.
          trick.aliases.find((each) => each.option !== undefined)
        : trick.aliases.find((each) => each.name === name);
    if (alias?.option !== undefined) return { trick, option: alias.option };
    if (alias || trick.name === name) return { trick };
  }
  return undefined;
}

/** Whether two tricks exclude each other, no matter which of them declares it. */
export function excludeEachOther(one: Trick, other: Trick): boolean {
  return Boolean(one.excludes?.includes(other.name) || other.excludes?.includes(one.name));
}

/** Returns the tricks that help against a training problem and are compatible with the tricks in `chosen`. */
export function tricksAgainst(trouble: Trouble, chosen: readonly string[]): TrickName[] {
  const present = ALL_TRICKS.filter(({ name }) => chosen.includes(name));
  return ALL_TRICKS.filter(
    (trick) =>
      trick.helpsAgainst?.includes(trouble) &&
      !present.includes(trick) &&
      !present.some((other) => excludeEachOther(trick, other)),
  ).map(({ name }) => name);
}
