import * as l10n from '@vscode/l10n';
import { z } from 'zod';
import { resNetTweak } from './resNetTweak';
import { defineTrick } from './trick';

/** He et al. 2018, section 4.2. */
export const resNetD = defineTrick({
  ...resNetTweak('D'),
  name: 'resnet_d',
  aliases: [{ name: 'avg_down', system: 'timm, MMPretrain' }],
  title: () => l10n.t('ResNet-D'),
  brief: () => l10n.t('adds an average pool before the 1x1 convolution of a shortcut; includes B and C'),
  summary: () =>
    l10n.t(
      'The shortcut of a downsampling block also drops three quarters of its input. An average pool with stride 2 before its 1x1 convolution uses all of it.',
    ),
  formula: '2×2 average pool, then 1×1 of stride 1, in path B',
  source: 'He et al. 2018, section 4.2',
  url: 'https://arxiv.org/abs/1812.01187',
  evidence: [
    {
      setting: 'ResNet-50, on the tweaks before it',
      without: 76.87,
      with: 77.16,
      top5: { without: 93.48, with: 93.52 },
    },
  ],
  options: z.strictObject({}),
  implies: ['resnet_b', 'resnet_c'],
});
