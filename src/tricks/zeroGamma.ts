import * as l10n from '@vscode/l10n';
import { z } from 'zod';
import { zeroGammaNormsOf } from '../models/graph';
import { changed, graphOf } from '../recipe/draft';
import { choice, unsettled } from './elsewhere/mapping';
import { lacks, nothing, option, when } from './elsewhere/translation';
import { defineTrick } from './trick';

/** He et al. 2018, section 3.1, after Goyal et al. 2017. */
export const zeroGamma = defineTrick({
  name: 'zero_gamma',
  aliases: [
    { name: 'last_gamma', system: 'GluonCV' },
    { name: 'zero_init_residual', system: 'torchvision, MMPretrain' },
    { name: 'zero_init_last', system: 'timm' },
  ],
  title: () => l10n.t('Zero gamma'),
  brief: () => l10n.t('starts the last batch norm of every residual branch at gamma 0'),
  summary: () =>
    l10n.t(
      'The last batch norm of every residual branch starts with gamma 0, so that each block starts as its shortcut and the network starts shallow and easy to train.',
    ),
  formula: 'γ = 0 in the last batch norm of every residual branch',
  source: 'He et al. 2018, section 3.1',
  url: 'https://arxiv.org/abs/1812.01187',
  evidence: [
    { setting: 'batch 256', without: 76.03, with: 76.19, top5: { without: 92.81, with: 93.03 } },
    { setting: 'batch 1024', without: 75.93, with: 76.37, top5: { without: 92.84, with: 92.96 } },
  ],
  options: z.strictObject({}),
  anchor: ['model'],
  fits: (draft) => zeroGammaNormsOf(graphOf(draft)).length > 0,
  insertion: () => true,
  problems: () => [],
  apply: (draft) => changed(draft, { initialization: { zeroGamma: true } }),
  effect: (draft) =>
    l10n.t('{0} residual blocks start as their shortcut', zeroGammaNormsOf(graphOf(draft)).length),
  systems: {
    timm: {
      file: choice('model_kwargs.zero_init_last', true, { byDefault: true, off: false }),
      command: ({ model: { name }, initialization }) =>
        name.startsWith('resnet')
          ? option('--model-kwargs', `zero_init_last=${initialization.zeroGamma ? 'True' : 'False'}`)
          : nothing,
    },
    torchvision: {
      file: unsettled(
        ['model'],
        () => false,
        () => l10n.t('torchvision has no flag for it: give the model zero_init_residual=True in train.py.'),
      ),
      command: ({ initialization }) =>
        when(
          initialization.zeroGamma,
          lacks(l10n.t('zero_gamma: give the model zero_init_residual=True where train.py makes it')),
        ),
    },
    mmpretrain: { file: choice('model.backbone.zero_init_residual', true, { byDefault: true, off: false }) },
  },
});
