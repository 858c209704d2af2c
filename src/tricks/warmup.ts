import * as l10n from '@vscode/l10n';
import { z } from 'zod';
import {
  changed,
  type Draft,
  effectiveBatchOf,
  milestonesOf,
  peakLearningRateOf,
  stepsOf,
} from '../recipe/draft';
import { formatNumber } from '../shared/format';
import { amount } from './elsewhere/mapping';
import {
  isByEpoch,
  SCHEDULES,
  schedulesObstacle,
  schedulesOf,
  startingAt,
  WARMUP,
} from './elsewhere/mmpretrain';
import { timmSchedule } from './elsewhere/timm';
import { torchvisionSchedule } from './elsewhere/torchvision';
import { defineTrick } from './trick';

/** The paper warms up for 5 of 120 epochs. */
const PAPER = { warmupEpochs: 5, epochs: 120 } as const;

/** Images in a step from which training starts unsteadily: twice the paper's baseline. */
const LARGE_BATCH = 512;

/** He et al. 2018, section 3.1, after Goyal et al. 2017. */
export const warmup = defineTrick({
  name: 'warmup',
  aliases: [
    { name: 'warmup_epochs', system: 'timm, GluonCV', option: 'epochs' },
    { name: 'lr_warmup_epochs', system: 'torchvision', option: 'epochs' },
  ],
  title: () => l10n.t('Warmup'),
  brief: () => l10n.t('raises the rate linearly from 0 over the first epochs'),
  summary: () =>
    l10n.t(
      'Weights far from a solution cannot take a large rate: the first steps start at zero and rise linearly to the peak rate, then decay begins.',
    ),
  formula: 'lr(t) = peak_lr × t / warmup_steps for t < warmup_steps',
  source: 'He et al. 2018, section 3.1',
  url: 'https://arxiv.org/abs/1812.01187',
  evidence: [
    { setting: 'batch 256', without: 75.87, with: 76.03, top5: { without: 92.7, with: 92.81 } },
    { setting: 'batch 1024', without: 75.17, with: 75.93, top5: { without: 92.54, with: 92.84 } },
  ],
  options: z.strictObject({
    epochs: z.number().positive().default(PAPER.warmupEpochs).describe('Epochs over which the rate rises.'),
    count_from: z
      .union([z.literal(0), z.literal(1)])
      .default(0)
      .describe("The first step's count t: 0 starts at rate 0, 1 at peak / steps."),
    update: z.enum(['step', 'epoch']).default('step').describe('How often the rate rises.'),
  }),
  anchor: ['schedule', 'epochs'],
  helpsAgainst: ['divergence'],
  insertion: (draft) => ({ epochs: fittingEpochs(draft) }),
  problems: (draft, options) =>
    options.epochs > draft.epochs
      ? [
          {
            path: ['epochs'],
            what: l10n.t(
              'Warmup of {0} epochs is longer than the training of {1}.',
              options.epochs,
              draft.epochs,
            ),
            remedy: l10n.t('Use at most {0}, or raise schedule.epochs.', draft.epochs),
          },
        ]
      : [],
  advice: (draft, options) => {
    if (options === null) {
      const batch = effectiveBatchOf(draft);
      // One cycle has a rise of its own.
      if (batch < LARGE_BATCH || draft.schedule.decay.name === 'one_cycle') return [];
      return [
        {
          path: ['data', 'batch_size'],
          what: l10n.t('Steps of {0} images start at the full rate, without warmup.', batch),
          remedy: l10n.t('Insert warmup over {0} of {1} epochs.', fittingEpochs(draft), draft.epochs),
          fix: { type: 'insert' },
        },
      ];
    }
    const [fall] = milestonesOf(draft.schedule.decay, draft.epochs);
    if (fall === undefined || options.epochs <= fall || options.epochs > draft.epochs) return [];
    return [
      {
        path: ['tricks', 'warmup', 'epochs'],
        what: l10n.t(
          'Warmup of {0} epochs goes on beyond the first fall of the rate at epoch {1}, so the full rate is never used.',
          options.epochs,
          formatNumber(fall),
        ),
        remedy: l10n.t('Use {0} epochs.', fittingEpochs(draft)),
        fix: { type: 'set_option', option: 'epochs', value: fittingEpochs(draft) },
      },
    ];
  },
  apply: (draft, options) =>
    changed(draft, {
      schedule: {
        warmup: { epochs: options.epochs, countFrom: options.count_from, update: options.update },
      },
    }),
  derived: (draft, { epochs }) => ({
    option: 'epochs',
    text: l10n.t('{0} steps', stepsOf(draft, epochs)),
  }),
  effect: (draft, options) =>
    l10n.t(
      'rate rises from 0 to {0} over {1} steps',
      formatNumber(peakLearningRateOf(draft)),
      stepsOf(draft, options.epochs),
    ),
  systems: {
    timm: { file: amount('warmup_epochs', 'epochs', { byDefault: 5 }), command: timmSchedule },
    torchvision: {
      file: amount('lr-warmup-epochs', 'epochs', { also: { 'lr-warmup-method': 'linear' } }),
      command: torchvisionSchedule,
    },
    mmpretrain: {
      file: {
        settings: [SCHEDULES],
        read: (settings) => {
          const { warmup } = schedulesOf(settings);
          if (!warmup) return null;
          const epochs = isByEpoch(warmup) ? warmup.end : undefined;
          return typeof epochs === 'number' ? { epochs } : {};
        },
        write: (options, settings) => {
          const { warmup, main } = schedulesOf(settings);
          // Epochs are whole here.
          const end = Math.max(1, Math.round(Number(options.epochs)));
          return {
            [SCHEDULES]: [
              warmup ? { ...warmup, end } : { ...WARMUP, end },
              ...main.map((each) => startingAt(each, end)),
            ],
          };
        },
        erase: (settings) => {
          const main = schedulesOf(settings).main.map((each) => startingAt(each, 0));
          return { [SCHEDULES]: main.length > 0 ? main : undefined };
        },
        obstacle: schedulesObstacle,
      },
    },
  },
});

/** The paper's share of the training, at least an epoch, and no longer than the rate stays up. */
function fittingEpochs({ epochs, schedule: { decay } }: Draft): number {
  const share = Math.max(1, Math.round((epochs * PAPER.warmupEpochs) / PAPER.epochs));
  const [fall = epochs] = milestonesOf(decay, epochs);
  return Math.min(share, fall);
}
