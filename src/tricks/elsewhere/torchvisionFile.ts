import * as l10n from '@vscode/l10n';
import { counted } from '../../shared/counted';
import { formatNumber } from '../../shared/format';
import { amount, numberAt, offOr, type Settings, type TrickMapping, textAt, UnknownHere } from './mapping';

/** How the flags of torchvision's train.py express what tricks share, and their effects. */

const COSINE = 'cosineannealinglr';

function rateIn(settings: Settings): number {
  return numberAt(settings, 'lr') ?? 0.1;
}

/**
 * Returns the images per step, over all processes of a command.
 *
 * @throws UnknownHere if the script does not say how many processes train
 */
export function imagesOfStepIn(settings: Settings): number {
  const { processes } = settings;
  if (processes && !processes.known) throw new UnknownHere(processes.why);
  return (processes?.value ?? 1) * (numberAt(settings, 'batch-size') ?? 32);
}

/** Returns the epochs of a command. */
export function epochsIn(settings: Settings): number {
  return numberAt(settings, 'epochs') ?? 90;
}

/** Returns the decay's name. The script ignores its case. */
function schedulerIn(settings: Settings): string {
  return (textAt(settings, 'lr-scheduler') ?? 'steplr').toLowerCase();
}

/** A cosine over the epochs after warmup. */
export const torchvisionCosine: TrickMapping = {
  settings: ['lr-scheduler'],
  read: (settings) => (schedulerIn(settings) === COSINE ? {} : null),
  write: () => ({ 'lr-scheduler': COSINE }),
  erase: (settings) => offOr(settings, 'lr-scheduler', 'steplr'),
  effect: (_, settings) =>
    l10n.t(
      'LR falls from {0} to {1} over {2}',
      formatNumber(rateIn(settings)),
      formatNumber(numberAt(settings, 'lr-min') ?? 0),
      counted(epochsIn(settings) - (numberAt(settings, 'lr-warmup-epochs') ?? 0), 'epoch'),
    ),
};

const warmupEpochs = amount('lr-warmup-epochs', 'epochs', { off: 0, also: { 'lr-warmup-method': 'linear' } });

/** A linear warmup. The script's default is a constant warmup at a fraction of the learning rate. */
export const torchvisionWarmup: TrickMapping = {
  ...warmupEpochs,
  settings: [...warmupEpochs.settings, 'lr-warmup-method'],
  read: (settings) => (isConstant(settings) ? null : warmupEpochs.read(settings)),
  obstacle: (settings) =>
    isConstant(settings)
      ? l10n.t('{0} is {1}: the learning rate does not rise during warmup.', '--lr-warmup-method', 'constant')
      : null,
  effect: ({ epochs }, settings) => {
    const first = rateIn(settings) * (numberAt(settings, 'lr-warmup-decay') ?? 0.01);
    return l10n.t(
      'LR rises from {0} to {1} over {2}',
      formatNumber(first),
      formatNumber(rateIn(settings)),
      counted(Number(epochs), 'epoch'),
    );
  },
};

function isConstant(settings: Settings): boolean {
  return (
    warmupEpochs.read(settings) !== null &&
    (textAt(settings, 'lr-warmup-method') ?? 'constant').toLowerCase() === 'constant'
  );
}
