import * as l10n from '@vscode/l10n';
import { z } from 'zod';
import { parametersOf } from '../models/graph';
import { changed, graphOf } from '../recipe/draft';
import { settingAt, without } from './elsewhere/mapping';
import { takenOut } from './elsewhere/mmpretrain';
import { timmWeightDecay } from './elsewhere/timm';
import { timmFilter, weightDecayIn } from './elsewhere/timmFile';
import { torchvisionWeightDecay } from './elsewhere/torchvision';
import { defineTrick } from './trick';

/** He et al. 2018, section 3.1, after Jia et al. 2018. */
export const noBiasDecay = defineTrick({
  name: 'no_bias_decay',
  aliases: [
    { name: 'no_wd', system: 'GluonCV' },
    { name: 'filter_bias_and_bn', system: 'timm' },
    { name: 'bypass_bn_weight_decay', system: 'NVIDIA' },
  ],
  title: () => l10n.t('No bias decay'),
  brief: () => l10n.t('removes weight decay from biases and batch norm'),
  summary: () =>
    l10n.t(
      'Only the weights of convolutions and fully connected layers get weight decay. Biases and the gamma and beta of batch norm do not.',
    ),
  formula: 'weight_decay = 0 for biases, γ and β',
  source: 'He et al. 2018, section 3.1',
  url: 'https://arxiv.org/abs/1812.01187',
  evidence: [
    { setting: 'batch 256', without: 76.19, with: 76.16, top5: { without: 93.03, with: 92.97 } },
    { setting: 'batch 1024', without: 76.37, with: 76.03, top5: { without: 92.96, with: 92.86 } },
  ],
  options: z.strictObject({}),
  anchor: ['optimizer', 'weight_decay'],
  fits: ({ parameterGroups }) => parameterGroups.weightDecay > 0,
  insertion: () => true,
  problems: () => [],
  advice: (draft, options) => {
    const { weightDecay, decayOn } = draft.parameterGroups;
    if (options || weightDecay === 0 || decayOn !== 'all') return [];
    const norms = parametersOf(graphOf(draft)).filter(({ kind }) => kind === 'gamma');
    if (norms.length === 0) return [];
    return [
      {
        path: ['optimizer', 'weight_decay'],
        what: l10n.t('Weight decay also applies to the gamma and beta of {0} batch norms.', norms.length),
        remedy: l10n.t("Insert no bias decay, which is timm's default."),
        fix: { type: 'insert' },
      },
    ];
  },
  apply: (draft) => changed(draft, { parameterGroups: { decayOn: 'kernels' } }),
  effect: (draft) => {
    if (draft.parameterGroups.weightDecay === 0) return l10n.t('idle: weight_decay is 0');
    const parameters = parametersOf(graphOf(draft));
    const freed = parameters.filter(({ kind }) => kind !== 'kernel');
    return l10n.t('{0} of {1} tensors train without weight decay', freed.length, parameters.length);
  },
  systems: {
    timm: {
      // timm's default.
      file: {
        ...timmFilter,
        settings: [...timmFilter.settings, 'weight_decay'],
        fits: (settings) => weightDecayIn(settings) > 0,
      },
      command: timmWeightDecay,
    },
    torchvision: {
      file: {
        settings: ['norm-weight-decay', 'bias-weight-decay'],
        read: (settings) =>
          settingAt(settings, 'norm-weight-decay') === 0 && settingAt(settings, 'bias-weight-decay') === 0
            ? {}
            : null,
        write: () => ({ 'norm-weight-decay': 0, 'bias-weight-decay': 0 }),
        erase: () => without('norm-weight-decay', 'bias-weight-decay'),
      },
      command: torchvisionWeightDecay,
    },
    mmpretrain: {
      file: {
        settings: [
          'optim_wrapper.paramwise_cfg.norm_decay_mult',
          'optim_wrapper.paramwise_cfg.bias_decay_mult',
        ],
        read: (settings) =>
          settingAt(settings, 'optim_wrapper.paramwise_cfg.norm_decay_mult') === 0 &&
          settingAt(settings, 'optim_wrapper.paramwise_cfg.bias_decay_mult') === 0
            ? {}
            : null,
        write: () => ({
          'optim_wrapper.paramwise_cfg.norm_decay_mult': 0,
          'optim_wrapper.paramwise_cfg.bias_decay_mult': 0,
        }),
        erase: (settings) => ({
          ...takenOut(settings, 'optim_wrapper.paramwise_cfg.norm_decay_mult', 1),
          ...takenOut(settings, 'optim_wrapper.paramwise_cfg.bias_decay_mult', 1),
        }),
      },
    },
  },
});
