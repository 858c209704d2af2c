import * as l10n from '@vscode/l10n';
import { formatNumber } from '../../shared/format';
import { amount, numberAt, type Settings, settingAt, type TrickMapping, textAt } from './mapping';

/** How timm's files write augmentations and label changes (release 1.0). */

/** Returns the fraction of batches that timm mixes with mixup and with CutMix. */
function mixingIn(settings: Settings): { readonly mixup: number; readonly cutmix: number } {
  const probability = numberAt(settings, 'mixup_prob') ?? 1;
  const hasMixup = (numberAt(settings, 'mixup') ?? 0) > 0;
  const hasCutmix = isMinMax(settings) || (numberAt(settings, 'cutmix') ?? 0) > 0;
  const cutmix = !hasCutmix ? 0 : hasMixup ? (numberAt(settings, 'mixup_switch_prob') ?? 0.5) : 1;
  return { mixup: hasMixup ? probability * (1 - cutmix) : 0, cutmix: probability * cutmix };
}

function isMinMax(settings: Settings): boolean {
  const value = settingAt(settings, 'cutmix_minmax');
  return Array.isArray(value) && value.length > 0;
}

/** Returns why neither can be inserted or removed by its own number, null if it can. */
function mixingObstacle(settings: Settings, isIn: boolean): string | null {
  if (numberAt(settings, 'mixup_prob') === 0) return l10n.t('{0} is 0, so nothing is mixed.', 'mixup_prob');
  const splits = numberAt(settings, 'aug_splits') ?? 0;
  if (splits > 0 && !isIn)
    return l10n.t('{0} is {1}, which timm cannot combine with mixing.', 'aug_splits', splits);
  return null;
}

/** Returns the epoch until which images are mixed, if that is not the end. */
function untilText(settings: Settings): string {
  const until = numberAt(settings, 'mixup_off_epoch') ?? 0;
  return until > 0 ? l10n.t(', until epoch {0}', until) : '';
}

function percent(share: number): string {
  return formatNumber(100 * share);
}

export const timmMixup: TrickMapping = {
  ...amount('mixup', 'alpha', { off: 0 }),
  read: (settings) => (mixingIn(settings).mixup > 0 ? { alpha: numberAt(settings, 'mixup') ?? 0 } : null),
  obstacle: (settings) => {
    const { mixup, cutmix } = mixingIn(settings);
    if (mixup === 0 && cutmix > 0 && numberAt(settings, 'mixup_switch_prob') === 1) {
      return l10n.t('{0} is {1}, so CutMix replaces mixup.', 'mixup_switch_prob', 1);
    }
    return mixingObstacle(settings, mixup > 0);
  },
  effect: ({ alpha }, settings) => {
    if ((textAt(settings, 'mixup_mode') ?? 'batch') !== 'batch') return null;
    const { mixup } = mixingIn(withMixing(settings, 'mixup', alpha));
    return (
      l10n.t('{0}% of batches mixed, λ from Beta({1}, {1})', percent(mixup), formatNumber(Number(alpha))) +
      untilText(settings)
    );
  },
};

export const timmCutmix: TrickMapping = {
  settings: ['cutmix', 'cutmix_minmax'],
  read: (settings) => {
    if (mixingIn(settings).cutmix === 0) return null;
    return { alpha: isMinMax(settings) ? 1 : (numberAt(settings, 'cutmix') ?? 0) };
  },
  // Both share the probability in timm. Ours is the probability of CutMix alone.
  more: (settings) => {
    const { mixup, cutmix } = mixingIn(settings);
    return { probability: mixup > 0 ? 1 : cutmix };
  },
  settable: ['alpha'],
  write: (options) => ({ cutmix: options.alpha }),
  erase: amount('cutmix', 'alpha', { off: 0 }).erase,
  obstacle: (settings) => {
    const { mixup, cutmix } = mixingIn(settings);
    if (cutmix === 0 && mixup > 0 && numberAt(settings, 'mixup_switch_prob') === 0) {
      return l10n.t('{0} is {1}, so mixup replaces CutMix.', 'mixup_switch_prob', 0);
    }
    if (isMinMax(settings)) {
      return l10n.t('{0} sets the areas and enables CutMix, whatever {1} is.', 'cutmix_minmax', 'cutmix');
    }
    return mixingObstacle(settings, cutmix > 0);
  },
  effect: ({ alpha }, settings) => {
    if ((textAt(settings, 'mixup_mode') ?? 'batch') !== 'batch' || isMinMax(settings)) return null;
    const { cutmix } = mixingIn(withMixing(settings, 'cutmix', alpha));
    return (
      l10n.t('{0}% of batches patched, λ from Beta({1}, {1})', percent(cutmix), formatNumber(Number(alpha))) +
      untilText(settings)
    );
  },
};

/** Returns the settings with mixup or CutMix inserted, if it is missing. */
function withMixing(settings: Settings, setting: string, alpha: unknown): Settings {
  const absentBecause = settings.absentBecause?.bind(settings);
  return Object.assign(new Map(settings).set(setting, alpha), absentBecause ? { absentBecause } : {});
}

const smoothing = amount('smoothing', 'epsilon', { byDefault: 0.1 });

/** Label smoothing, which all of timm's losses support. A BCE threshold turns its targets back into 0 and 1. */
export const timmSmoothing: TrickMapping = {
  ...smoothing,
  read: (settings) => (isThresholded(settings) ? null : smoothing.read(settings)),
  obstacle: (settings) =>
    isThresholded(settings) ? l10n.t('{0} turns every target into 0 or 1.', 'bce_target_thresh') : null,
};

function isThresholded(settings: Settings): boolean {
  return (
    settingAt(settings, 'bce_loss') === true &&
    settingAt(settings, 'jsd_loss') !== true &&
    (settingAt(settings, 'bce_target_thresh') ?? null) !== null
  );
}

/** Maps an augmentation that is off if all augmentations are off. */
export function unlessNoAugmentation(mapping: TrickMapping): TrickMapping {
  return {
    ...mapping,
    read: (settings) => (settingAt(settings, 'no_aug') === true ? null : mapping.read(settings)),
    obstacle: (settings) =>
      settingAt(settings, 'no_aug') === true ? l10n.t('{0} disables it.', 'no_aug') : null,
  };
}
