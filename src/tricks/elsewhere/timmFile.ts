import * as l10n from '@vscode/l10n';
import { counted } from '../../shared/counted';
import { formatNumber } from '../../shared/format';
import {
  amount,
  choice,
  numberAt,
  offOr,
  type Settings,
  settingAt,
  type Told,
  type TrickMapping,
  textAt,
  UnknownHere,
  without,
} from './mapping';

/** How timm's train.py interprets its settings (release 1.0). Shared by the tricks' mappings. */

/** timm scales the learning rate with the square root for optimizers whose name contains one of these. */
const SCALED_BY_ROOT = /ada|lamb/;

/** timm's schedules. With any other name, the learning rate is constant. */
const SCHEDULES = ['cosine', 'tanh', 'step', 'multistep', 'plateau', 'poly'];

/** The schedules with cycles, which are followed by a cooldown. */
const CYCLIC = ['cosine', 'tanh', 'poly'];

/** Returns timm's name of a file's optimizer. */
export function optimizerIn(settings: Settings): string {
  return (textAt(settings, 'opt') ?? 'sgd').toLowerCase();
}

/** Returns a file's weight decay. */
export function weightDecayIn(settings: Settings): number {
  return numberAt(settings, 'weight_decay') ?? 2e-5;
}

/** Whether the learning rate is computed from `lr_base`. A learning rate of 0 also counts as unset. */
export function isRateOpen(settings: Settings): boolean {
  return (numberAt(settings, 'lr') ?? 0) === 0;
}

/** Returns a file's learning rate, before scaling if it is computed from `lr_base`. */
export function rateIn(settings: Settings): number {
  return (numberAt(settings, 'lr') || numberAt(settings, 'lr_base')) ?? 0.1;
}

/** Returns how timm scales a learning rate that is not set. */
export function scalingIn(settings: Settings): 'linear' | 'sqrt' {
  const written = textAt(settings, 'lr_base_scale') ?? '';
  if (written !== '') return written === 'sqrt' ? 'sqrt' : 'linear';
  return SCALED_BY_ROOT.test(optimizerIn(settings)) ? 'sqrt' : 'linear';
}

/** Returns the batch size that scales the learning rate: over all processes, including accumulation. */
function globalBatchIn(settings: Settings, { batchSize }: Told): number | null {
  return batchSize.known ? batchSize.value * (numberAt(settings, 'grad_accum_steps') ?? 1) : null;
}

/** Returns the peak learning rate, null if it depends on something that the file does not determine. */
export function peakRateIn(settings: Settings, told: Told): number | null {
  if (!isRateOpen(settings)) return rateIn(settings);
  const batch = globalBatchIn(settings, told);
  if (batch === null) return null;
  const ratio = batch / (numberAt(settings, 'lr_base_size') ?? 256);
  return rateIn(settings) * (scalingIn(settings) === 'sqrt' ? Math.sqrt(ratio) : ratio);
}

/** Describes how timm scales, or would scale, the base learning rate. */
export function scalingEffect(settings: Settings, told: Told, reference: number): string | null {
  const batch = globalBatchIn(settings, told);
  if (batch === null) return null;
  const isByRoot = isRateOpen(settings) && scalingIn(settings) === 'sqrt';
  const ratio = batch / reference;
  const rate = rateIn(settings) * (isByRoot ? Math.sqrt(ratio) : ratio);
  return l10n.t(
    '{0} at {1} gives {2} at {3}',
    formatNumber(rateIn(settings)),
    reference,
    formatNumber(rate),
    batch,
  );
}

/** Returns the total epochs of a training: those of the schedule, plus a separate warmup and cooldown. */
export function epochsIn(settings: Settings): number {
  const warmup = settingAt(settings, 'warmup_prefix') === true ? warmupEpochsIn(settings) : 0;
  if (!CYCLIC.includes(scheduleIn(settings))) return scheduledEpochsIn(settings) + warmup;
  if ((numberAt(settings, 'lr_cycle_limit') ?? 1) > 1) {
    throw new UnknownHere(l10n.t('{0} changes the number of epochs.', 'lr_cycle_limit'));
  }
  return scheduledEpochsIn(settings) + warmup + (numberAt(settings, 'cooldown_epochs') ?? 0);
}

function scheduledEpochsIn(settings: Settings): number {
  return numberAt(settings, 'epochs') ?? 300;
}

function warmupEpochsIn(settings: Settings): number {
  return numberAt(settings, 'warmup_epochs') ?? 5;
}

/** Returns the name of a file's schedule. */
function scheduleIn(settings: Settings): string {
  return textAt(settings, 'sched') ?? 'cosine';
}

const warmupEpochs = amount('warmup_epochs', 'epochs', { byDefault: 5 });

/** Warmup, which all of timm's schedules have. Without a schedule there is none. */
export const timmWarmup: TrickMapping = {
  ...warmupEpochs,
  read: (settings) => (SCHEDULES.includes(scheduleIn(settings)) ? warmupEpochs.read(settings) : null),
  obstacle: (settings) =>
    SCHEDULES.includes(scheduleIn(settings))
      ? null
      : l10n.t(
          '{0} is {1}, which is not a timm schedule: the learning rate stays constant.',
          'sched',
          scheduleIn(settings),
        ),
  effect: ({ epochs }, settings, told) => {
    const peak = peakRateIn(settings, told);
    if (peak === null) return null;
    const first = numberAt(settings, 'warmup_lr') ?? 1e-5;
    return l10n.t(
      'LR rises from {0} to {1} over {2}',
      formatNumber(first),
      formatNumber(peak),
      counted(Number(epochs), 'epoch'),
    );
  },
};

/** Describes the effect of a cosine schedule: from the peak to `min_lr`, in epochs. */
export function timmCosineEffect(settings: Settings, told: Told): string | null {
  const peak = peakRateIn(settings, told);
  // Each cycle restarts at the peak.
  if (peak === null || (numberAt(settings, 'lr_cycle_limit') ?? 1) > 1) return null;
  const last = numberAt(settings, 'min_lr') ?? 0;
  return l10n.t(
    'LR falls from {0} to {1} over {2}',
    formatNumber(peak),
    formatNumber(last),
    counted(scheduledEpochsIn(settings), 'epoch'),
  );
}

/** Maps an optimizer that timm has under a trick's name. Removing it selects SGD. */
export function timmOptimizerCalled(name: string): TrickMapping {
  return {
    settings: ['opt'],
    read: (settings) => (optimizerIn(settings) === name ? {} : null),
    write: () => ({ opt: name }),
    erase: (settings) => offOr(settings, 'opt', 'sgd'),
  };
}

const amp = choice('amp', true, { off: false });

/** Mixed precision. Older releases also have it under other names. */
export const timmAmp: TrickMapping = {
  ...amp,
  read: (settings) => {
    for (const older of ['native_amp', 'apex_amp']) {
      if (settings.get(older) === true)
        throw new UnknownHere(l10n.t('{0} enables it in older releases.', older));
    }
    return amp.read(settings) ? { dtype: textAt(settings, 'amp_dtype') ?? 'float16' } : null;
  },
  write: ({ dtype }, settings) => ({
    amp: true,
    ...(dtype === (textAt(settings, 'amp_dtype') ?? 'float16') ? {} : { amp_dtype: dtype }),
  }),
  erase: (settings) => ({
    ...amp.erase(settings),
    ...(textAt(settings, 'amp_dtype') === 'bfloat16' ? without('amp_dtype') : {}),
  }),
};

/** timm exempts biases and norms from weight decay unless told otherwise. */
export const timmFilter = choice('opt_kwargs.filter_bias_and_bn', true, { byDefault: true, off: false });
