import { expect, test } from 'vitest';
import type { ModelSpec } from '../../../src/models/catalog';
import { modelText } from '../../../src/models/modelText';

test.each<[ModelSpec, string]>([
  [{ name: 'resnet20', width: 16 }, 'resnet20, width 16'],
  [{ name: 'resnet50', width: 64, variant: 'D' }, 'resnet50-D, width 64'],
  [{ name: 'mobilenet_v1', widthMultiplier: 0.5 }, 'mobilenet_v1, width × 0.5'],
  [{ name: 'densenet121', growthRate: 32 }, 'densenet121, growth rate 32'],
  [{ name: 'mlp', hidden: [512, 256] }, 'mlp, hidden layers of 512, 256'],
])('describes a model: $name', (model, text) => {
  expect(modelText(model)).toBe(text);
});
