import { describe, expect, test } from 'vitest';
import { buildGraph, type ModelSpec } from '../../../src/models/catalog';
import { parametersOf } from '../../../src/models/graph';
import { isInModule, moduleNamesOf, modulesCalled, stagesOf } from '../../../src/models/stages';

const graphOf = (model: ModelSpec, size = 32) => buildGraph(model, [size, size, 3], 5);
const MODELS: readonly (readonly [model: ModelSpec, names: readonly string[], size?: number])[] = [
  [{ name: 'resnet50', width: 4, variant: 'D' }, ['stem', 'layer1', 'layer2', 'layer3', 'layer4', 'head']],
  [{ name: 'resnet20', width: 2 }, ['stem', 'layer1', 'layer2', 'layer3', 'head']],
  [{ name: 'resnet9', width: 4 }, ['stem', 'layer1', 'layer2', 'layer3', 'head']],
  [
    { name: 'mobilenet_v1', widthMultiplier: 0.25 },
    ['stem', 'blocks.0', 'blocks.1', 'blocks.2', 'blocks.3', 'blocks.4', 'head'],
  ],
  [
    { name: 'densenet121', growthRate: 4 },
    ['stem', ...[1, 2, 3, 4].map((block) => `features.denseblock${block}`), 'head'],
  ],
  [
    { name: 'inception_v3', widthMultiplier: 0.1 },
    [
      ...['stem', 'Mixed_5b', 'Mixed_5c', 'Mixed_5d', 'Mixed_6a', 'Mixed_6b', 'Mixed_6c', 'Mixed_6d'],
      ...['Mixed_6e', 'Mixed_7a', 'Mixed_7b', 'Mixed_7c', 'head'],
    ],
    75,
  ],
  [
    { name: 'vgg16_bn', width: 2 },
    ['stem', 'stage2', 'stage3', 'stage4', 'stage5', 'stage6', 'stage7', 'head'],
  ],
  [{ name: 'cnn', width: 4 }, ['stem', 'stage2', 'head']],
];

describe.each(MODELS.map(([model, names, size]) => ({ model, names, size })))(
  'the stages of $model.name',
  ({ model, names, size }) => {
    const graph = graphOf(model, size);
    const stages = stagesOf(graph);

    test('lead from stem to head', () => {
      expect(stages.map(({ name }) => name)).toEqual(names);
    });

    test('contain every parameter once, in the order of the network', () => {
      const places = parametersOf(graph).map(({ name }) => {
        const holders = stages.flatMap(({ modules }, place) =>
          modules.some((module) => isInModule(name, module)) ? [place] : [],
        );
        expect(holders, name).toHaveLength(1);
        return holders[0] as number;
      });
      expect(places).toEqual(places.toSorted((a, b) => a - b));
    });
  },
);

test('stages and modules can be frozen, the outermost first', () => {
  const graph = graphOf({ name: 'resnet18', width: 4, variant: 'C' });
  const names = moduleNamesOf(graph);
  expect(names.slice(0, 8)).toEqual(['stem', 'layer1', 'layer2', 'layer3', 'layer4', 'head', 'conv1', 'bn1']);
  expect(names).toContain('layer2.0.downsample.1');
  expect(names).not.toContain('conv1.0.weight');
  expect(modulesCalled(graph, 'stem')).toEqual([
    'conv1.0',
    'conv1.1',
    'conv1.3',
    'conv1.4',
    'conv1.6',
    'bn1',
  ]);
  expect(modulesCalled(graph, 'conv1')).toEqual(['conv1']);
});
