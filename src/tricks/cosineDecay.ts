import * as l10n from '@vscode/l10n';
import { z } from 'zod';
import { changed, type Draft, peakLearningRateOf, stepsOf } from '../recipe/draft';
import { formatNumber } from '../shared/format';
import { choice, numberAt } from './elsewhere/mapping';
import { COSINE, mainSchedule, SCHEDULES, schedulesObstacle, schedulesOf } from './elsewhere/mmpretrain';
import { timmSchedule } from './elsewhere/timm';
import { torchvisionSchedule } from './elsewhere/torchvision';
import { defineTrick } from './trick';

/** Loshchilov and Hutter 2017 (arXiv 1608.03983), without restarts; He et al. 2018, section 5.1. */
export const cosineDecay = defineTrick({
  name: 'cosine_decay',
  aliases: [
    { name: 'cosine', system: 'timm' },
    { name: 'cosineannealinglr', system: 'torchvision' },
  ],
  title: () => l10n.t('Cosine decay'),
  brief: () => l10n.t('lets the rate fall along half a cosine'),
  summary: () =>
    l10n.t(
      'The rate falls along half a cosine: slowly at first, almost linearly in the middle, slowly again at the end. It stays high for longer than with decay by steps.',
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
      ? l10n.t('the decay is cosine as it is')
      : l10n.t(
          'rate falls from {0} to 0 over {1} steps, instead of {2}',
          formatNumber(peakLearningRateOf(draft)),
          decaySteps(draft),
          draft.schedule.decay.name,
        ),
  systems: {
    timm: { file: choice('sched', 'cosine', { byDefault: 'cosine', off: 'step' }), command: timmSchedule },
    torchvision: {
      file: choice('lr-scheduler', 'cosineannealinglr', { byDefault: 'steplr' }),
      command: torchvisionSchedule,
    },
    mmpretrain: {
      file: {
        settings: [SCHEDULES],
        read: (settings) => (schedulesOf(settings).main.some(({ type }) => type === COSINE) ? {} : null),
        write: (_, settings) => {
          const epochs = numberAt(settings, 'train_cfg.max_epochs') ?? 0;
          return mainSchedule(settings, { type: COSINE, T_max: epochs, by_epoch: true });
        },
        // The baseline's, at every quarter of the training.
        erase: (settings) => {
          const epochs = numberAt(settings, 'train_cfg.max_epochs') ?? 0;
          const milestones = [1, 2, 3].map((quarter) => Math.round((epochs * quarter) / 4));
          return mainSchedule(settings, { type: 'MultiStepLR', by_epoch: true, milestones, gamma: 0.1 });
        },
        obstacle: (settings) =>
          numberAt(settings, 'train_cfg.max_epochs') === undefined
            ? l10n.t('{0} is not in the file.', 'train_cfg.max_epochs')
            : schedulesObstacle(settings),
      },
    },
  },
});

function decaySteps(draft: Draft): number {
  return stepsOf(draft, draft.epochs) - stepsOf(draft, draft.schedule.warmup.epochs);
}
