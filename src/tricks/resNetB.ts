import * as l10n from '@vscode/l10n';
import { z } from 'zod';
import { resNetTweak } from './resNetTweak';
import { defineTrick } from './trick';

/** He et al. 2018, section 4.2. */
export const resNetB = defineTrick({
  ...resNetTweak('B'),
  name: 'resnet_b',
  aliases: [
    { name: 'stride_in_3x3', system: 'Detectron' },
    { name: 'v1_5', system: 'NVIDIA' },
  ],
  title: () => l10n.t('ResNet-B'),
  brief: () => l10n.t('moves the stride of downsampling blocks from the 1x1 to the 3x3 convolution'),
  summary: () =>
    l10n.t(
      'The first 1x1 convolution of a downsampling block drops three quarters of its input when it has stride 2. The stride moves to the 3x3 convolution, which sees every pixel.',
    ),
  formula: 'stride 2 in the 3×3 of path A',
  source: 'He et al. 2018, section 4.2',
  url: 'https://arxiv.org/abs/1812.01187',
  evidence: [
    {
      setting: 'ResNet-50, on the tweaks before it',
      without: 76.21,
      with: 76.66,
      top5: { without: 92.97, with: 93.28 },
    },
  ],
  options: z.strictObject({}),
});
