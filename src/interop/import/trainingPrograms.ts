import { TIMM_FLAGS } from './timmFlags';
import { TORCHVISION_FLAGS } from './torchvisionFlags';
import type { TrainingProgram } from './trainingScript';

/** timm's train.py. */
export const TIMM: TrainingProgram = {
  system: 'timm',
  release: '1.0',
  table: { flags: TIMM_FLAGS, positional: 'data' },
  home: /(?:^|\/)(?:pytorch-image-models\/train\.py|distributed_train\.sh)$/,
};

/** torchvision's references/classification/train.py. */
export const TORCHVISION: TrainingProgram = {
  system: 'torchvision',
  release: '0.15',
  table: { flags: TORCHVISION_FLAGS },
  home: /(?:^|\/)references\/classification\/train\.py$/,
};
