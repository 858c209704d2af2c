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
import { counted } from '../shared/counted';
import { formatNumber } from '../shared/format';
import {
  type Item,
  isByEpoch,
  isCosine,
  otherSchedules,
  SCHEDULES,
  schedulesObstacle,
  schedulesOf,
  startingAt,
  WARMUP,
} from './elsewhere/mmpretrain';
import { timmSchedule } from './elsewhere/timm';
import { timmWarmup } from './elsewhere/timmFile';
import { torchvisionSchedule } from './elsewhere/torchvision';
import { torchvisionWarmup } from './elsewhere/torchvisionFile';
import { defineTrick } from './trick';

/** The paper warms up for 5 of 120 epochs. */
const PAPER = { warmupEpochs: 5, epochs: 120 } as const;

/** Images per step from which training starts unstably: twice the paper's baseline. */
const LARGE_BATCH = 512;

/** He et al. 2018, section 3.1, after Goyal et al. 2017. */
export const warmup = defineTrick({
  name: 'warmup',
  aliases: [
    { name: 'warmup_epochs', system: 'timm, GluonCV', option: 'epochs' },
    { name: 'lr_warmup_epochs', system: 'torchvision', option: 'epochs' },
  ],
  title: () => l10n.t('Warmup'),
  setting: ({ epochs }) => (epochs === 1 ? l10n.t('1 epoch') : l10n.t('{0} epochs', formatNumber(epochs))),
  brief: () => l10n.t('raises the learning rate linearly from 0 over the first epochs'),
  summary: () =>
    l10n.t(
      'Weights far from a solution cannot take a large learning rate. It starts at 0 and rises linearly to the peak over the first steps. Then decay begins.',
    ),
  formula: 'lr(t) = peak_lr × t / warmup_steps for t < warmup_steps',
  source: 'He et al. 2018, section 3.1',
  url: 'https://arxiv.org/abs/1812.01187',
  evidence: [
    { setting: 'batch 256', without: 75.87, with: 76.03, top5: { without: 92.7, with: 92.81 } },
    { setting: 'batch 1024', without: 75.17, with: 75.93, top5: { without: 92.54, with: 92.84 } },
  ],
  options: z.strictObject({
    epochs: z.number().positive().default(PAPER.warmupEpochs).describe('Epochs of warmup.'),
    count_from: z
      .union([z.literal(0), z.literal(1)])
      .default(0)
      .describe('Value of t at the first step: 0 starts at a learning rate of 0, 1 at peak / steps.'),
    update: z
      .enum(['step', 'epoch'])
      .default('step')
      .describe('Whether the learning rate rises every step or every epoch.'),
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
              'Warmup of {0} is longer than the training of {1}.',
              counted(options.epochs, 'epoch'),
              draft.epochs,
            ),
            remedy: l10n.t('Use at most {0}, or raise schedule.epochs.', draft.epochs),
          },
        ]
      : [],
  advice: (draft, options) => {
    if (options === null) {
      const batch = effectiveBatchOf(draft);
      // One cycle already has a warmup phase.
      if (batch < LARGE_BATCH || draft.schedule.decay.name === 'one_cycle') return [];
      return [
        {
          path: ['data', 'batch_size'],
          what: l10n.t(
            'Training with {0} per step starts at the peak learning rate, without warmup.',
            counted(batch, 'image'),
          ),
          remedy: l10n.t(
            'Insert warmup over {0} of {1}.',
            fittingEpochs(draft),
            counted(draft.epochs, 'epoch'),
          ),
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
          'Warmup of {0} continues past the first drop of the learning rate at epoch {1}, so the peak is never reached.',
          counted(options.epochs, 'epoch'),
          formatNumber(fall),
        ),
        remedy: l10n.t('Use {0}.', counted(fittingEpochs(draft), 'epoch')),
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
    text: counted(stepsOf(draft, epochs), 'step'),
  }),
  effect: (draft, options) =>
    l10n.t(
      'LR rises from 0 to {0} over {1}',
      formatNumber(peakLearningRateOf(draft)),
      counted(stepsOf(draft, options.epochs), 'step'),
    ),
  systems: {
    timm: { file: timmWarmup, command: timmSchedule },
    torchvision: { file: torchvisionWarmup, command: torchvisionSchedule },
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
          // MMPretrain only has whole epochs here.
          const end = Math.max(1, Math.round(Number(options.epochs)));
          return {
            [SCHEDULES]: [
              warmup ? { ...warmup, end } : { ...WARMUP, end },
              ...main.map((each) => (begins(each, warmup) ? startingAt(each, end) : each)),
            ],
          };
        },
        erase: (settings) => {
          const { warmup, main } = schedulesOf(settings);
          return otherSchedules(
            settings,
            main.map((each) => (begins(each, warmup) ? startingAt(each, 0) : each)),
          );
        },
        obstacle: (settings) => {
          const { warmup, main } = schedulesOf(settings);
          const late = main.find(
            (each) => warmup && (each.begin ?? 0) !== 0 && !(isCosine(each) && begins(each, warmup)),
          );
          return late
            ? l10n.t('The schedule that warmup replaced before epoch {0} is unknown.', String(late.begin))
            : schedulesObstacle(settings);
        },
      },
    },
  },
});

/** Whether a schedule begins at the end of warmup. */
function begins({ begin = 0 }: Item, warmup: Item | undefined): boolean {
  return begin === (warmup?.end ?? 0);
}

/** Returns the paper's fraction of the training, but at least one epoch, and not beyond the first decay. */
function fittingEpochs({ epochs, schedule: { decay } }: Draft): number {
  const share = Math.max(1, Math.round((epochs * PAPER.warmupEpochs) / PAPER.epochs));
  const [fall = epochs] = milestonesOf(decay, epochs);
  return Math.min(share, fall);
}
