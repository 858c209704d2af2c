import * as l10n from '@vscode/l10n';
import { z } from 'zod';
import { zeroGammaNormsOf } from '../models/graph';
import { changed, graphOf } from '../recipe/draft';
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
  summary: () =>
    l10n.t(
      'The last batch norm of every residual branch starts with gamma 0, so that each block starts as its shortcut and the network starts shallow and easy to train.',
    ),
  formula: 'γ = 0 in the last batch norm of every residual branch',
  source: 'He et al. 2018, section 3.1',
  url: 'https://arxiv.org/abs/1812.01187',
  evidence: [
    { setting: 'batch 256', without: 76.03, with: 76.19 },
    { setting: 'batch 1024', without: 75.93, with: 76.37 },
  ],
  options: z.strictObject({}),
  anchor: ['model'],
  fits: (draft) => zeroGammaNormsOf(graphOf(draft)).length > 0,
  insertion: () => true,
  problems: () => [],
  apply: (draft) => changed(draft, { initialization: { zeroGamma: true } }),
  effect: (draft) =>
    l10n.t('{0} residual blocks start as their shortcut', zeroGammaNormsOf(graphOf(draft)).length),
});
