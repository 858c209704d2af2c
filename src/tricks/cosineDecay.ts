import * as l10n from '@vscode/l10n';
import { z } from 'zod';
import { changed, type Draft, peakLearningRateOf, stepsOf } from '../recipe/draft';
import { counted } from '../shared/counted';
import { formatNumber } from '../shared/format';
import { choice, numberAt } from './elsewhere/mapping';
import {
  COSINE,
  inheritedSchedules,
  isCosine,
  mainSchedule,
  otherSchedules,
  SCHEDULES,
  schedulesObstacle,
  schedulesOf,
} from './elsewhere/mmpretrain';
import { timmSchedule } from './elsewhere/timm';
import { timmCosineEffect } from './elsewhere/timmFile';
import { torchvisionSchedule } from './elsewhere/torchvision';
import { torchvisionCosine } from './elsewhere/torchvisionFile';
import { defineTrick } from './trick';

/** Loshchilov and Hutter 2017 (arXiv 1608.03983), without restarts; He et al. 2018, section 5.1. */
export const cosineDecay = defineTrick({
  name: 'cosine_decay',
  aliases: [
    { name: 'cosine', system: 'timm' },
    { name: 'cosineannealinglr', system: 'torchvision' },
  ],
  title: () => l10n.t('Cosine decay'),
  brief: () => l10n.t('decays the learning rate along half a cosine'),
  summary: () =>
    l10n.t(
      'The learning rate falls along half a cosine: slowly at first, almost linearly in the middle, and slowly again at the end. It stays high longer than with step decay.',
    ),
  formula: 'lr(t) = ½ (1 + cos(t π / T)) × peak_lr, without the steps of warmup',
  source: 'He et al. 2018, section 5.1',
  url: 'https://arxiv.org/abs/1812.01187',
  evidence: [{ setting: 'ResNet-50-D, against decay by steps', without: 77.16, with: 77.91 }],
  options: z.strictObject({}),
  anchor: ['schedule', 'decay'],
  fits: ({ schedule }) => schedule.decay.name !== 'cosine',
  insertion: () => true,
  problems: () => [],
  apply: (draft) => changed(draft, { schedule: { decay: { name: 'cosine' } } }),
  effect: (draft) =>
    draft.schedule.decay.name === 'cosine'
      ? l10n.t('idle: the decay is already cosine')
      : l10n.t(
          'LR falls from {0} to 0 over {1}, instead of {2}',
          formatNumber(peakLearningRateOf(draft)),
          counted(decaySteps(draft), 'step'),
          draft.schedule.decay.name,
        ),
  systems: {
    timm: {
      file: {
        ...choice('sched', 'cosine', { byDefault: 'cosine', off: 'step' }),
        effect: (_, settings, told) => timmCosineEffect(settings, told),
      },
      command: timmSchedule,
    },
    torchvision: { file: torchvisionCosine, command: torchvisionSchedule },
    mmpretrain: {
      file: {
        settings: [SCHEDULES],
        read: (settings) => (schedulesOf(settings).main.some(isCosine) ? {} : null),
        write: (_, settings) => {
          const epochs = numberAt(settings, 'train_cfg.max_epochs') ?? 0;
          return mainSchedule(settings, { type: COSINE, T_max: epochs, by_epoch: true });
        },
        // Restores the schedule that the file overrides.
        erase: (settings) => {
          const { warmup } = schedulesOf(settings);
          return otherSchedules(settings, [
            ...(warmup ? [warmup] : []),
            ...(inheritedSchedules(settings)?.main ?? []),
          ]);
        },
        obstacle: (settings) => {
          const obstacle = schedulesObstacle(settings);
          if (obstacle !== null) return obstacle;
          if (schedulesOf(settings).main.some(isCosine)) {
            const before = inheritedSchedules(settings)?.main ?? [];
            return before.length === 1 && !before.some(isCosine)
              ? null
              : l10n.t('The schedule that cosine decay replaced is unknown: write that schedule instead.');
          }
          return numberAt(settings, 'train_cfg.max_epochs') === undefined
            ? l10n.t('{0} is not in the file.', 'train_cfg.max_epochs')
            : null;
        },
      },
    },
  },
});

function decaySteps(draft: Draft): number {
  return stepsOf(draft, draft.epochs) - stepsOf(draft, draft.schedule.warmup.epochs);
}
