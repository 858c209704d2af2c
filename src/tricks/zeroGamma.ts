import * as l10n from '@vscode/l10n';
import { z } from 'zod';
import { zeroGammaNormsOf } from '../models/graph';
import { changed, type Draft, graphIfAny } from '../recipe/draft';
import { unsettled } from './elsewhere/mapping';
import { mmpretrainZeroInit } from './elsewhere/mmpretrainModels';
import { timmZeroInit } from './elsewhere/timmModels';
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
  brief: () => l10n.t('initializes gamma to 0 in the last batch norm of every residual branch'),
  summary: () =>
    l10n.t(
      'The last batch norm of every residual branch starts with gamma 0. Each block then starts as its shortcut, so the network starts shallow and is easier to train.',
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
  fits: (draft) => startsAtRandom(draft) && normsOf(draft).length > 0,
  insertion: () => true,
  problems: () => [],
  apply: (draft) => (startsAtRandom(draft) ? changed(draft, { initialization: { zeroGamma: true } }) : draft),
  effect: (draft) => {
    if (!startsAtRandom(draft)) return l10n.t('idle: the weights in init include their own gammas');
    const blocks = normsOf(draft).length;
    return blocks === 0
      ? l10n.t('idle: {0} has no residual blocks', draft.model.name)
      : l10n.t('{0} residual blocks start as their shortcut', blocks);
  },
  systems: {
    timm: {
      file: timmZeroInit,
      command: ({ model: { name }, initialization }) =>
        name.startsWith('resnet')
          ? option('--model-kwargs', `zero_init_last=${initialization.zeroGamma ? 'True' : 'False'}`)
          : nothing,
    },
    torchvision: {
      file: unsettled(
        ['model'],
        () => false,
        () =>
          l10n.t('torchvision has no flag for this: pass zero_init_residual=True to the model in train.py.'),
      ),
      command: ({ initialization }) =>
        when(
          initialization.zeroGamma,
          lacks(l10n.t('zero_gamma: pass zero_init_residual=True where train.py creates the model')),
        ),
    },
    mmpretrain: {
      file: mmpretrainZeroInit,
    },
  },
});

function normsOf(draft: Draft) {
  const graph = graphIfAny(draft);
  return graph ? zeroGammaNormsOf(graph) : [];
}

/** Whether gammas are initialized. With pretrained weights, zero gamma would undo the gammas of every block. */
function startsAtRandom({ initialization }: Draft): boolean {
  return initialization.weights === null;
}
