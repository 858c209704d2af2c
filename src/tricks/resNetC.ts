import * as l10n from '@vscode/l10n';
import { z } from 'zod';
import { resNetTweak } from './resNetTweak';
import { defineTrick } from './trick';

/** He et al. 2018, section 4.2. */
export const resNetC = defineTrick({
  ...resNetTweak('C'),
  name: 'resnet_c',
  aliases: [{ name: 'deep_stem', system: 'MMPretrain' }],
  title: () => l10n.t('ResNet-C'),
  brief: () => l10n.t('replaces the 7x7 convolution of the stem with three 3x3; includes B'),
  summary: () =>
    l10n.t(
      'The 7x7 convolution of the stem costs as much as five 3x3 convolutions. Three 3x3 convolutions instead see more of the image at lower cost.',
    ),
  formula: 'stem 7×7 → three 3×3 of 32, 32 and 64 channels',
  source: 'He et al. 2018, section 4.2',
  url: 'https://arxiv.org/abs/1812.01187',
  evidence: [
    {
      setting: 'ResNet-50, on the tweaks before it',
      without: 76.66,
      with: 76.87,
      top5: { without: 93.28, with: 93.48 },
    },
  ],
  options: z.strictObject({}),
  implies: ['resnet_b'],
});
