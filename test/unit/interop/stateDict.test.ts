import { describe, expect, test } from 'vitest';
import { stateDictOf } from '../../../src/interop/export/stateDict';
import { buildGraph, type ModelSpec } from '../../../src/models/catalog';
import { encodeSafetensors } from '../../../src/shared/safetensors';
import { initialValues } from '../../../src/training/network/initialization';
import { Random } from '../../../src/training/random';
import { fitWeights } from '../../../src/weights/fitting';
import { decodeWeights } from '../../../src/weights/weightsFile';

const RESNET50: Extract<ModelSpec, { variant: unknown }> = { name: 'resnet50', width: 4, variant: 'D' };

describe('a state dict', () => {
  const graph = buildGraph(RESNET50, [32, 32, 3], 10);
  const values = initialValues(graph, { zeroGamma: true }, Random.seeded(1, 'initialization'));
  const state = stateDictOf(graph, values, 12);

  test("has PyTorch's shapes, and the count of batches next to each norm", () => {
    const shapes = new Map(state.map(({ name, shape }) => [name, shape]));
    expect(shapes.get('conv1.0.weight')).toEqual([2, 3, 3, 3]);
    expect(shapes.get('fc.weight')).toEqual([10, 128]);
    expect(shapes.get('layer2.0.downsample.1.weight')).toEqual([32, 16, 1, 1]);
    const norms = state.filter(({ name }) => name.endsWith('.running_var'));
    const counts = state.filter(({ name }) => name.endsWith('.num_batches_tracked'));
    expect(counts.map(({ name }) => name.replace('num_batches_tracked', 'running_var'))).toEqual(
      norms.map(({ name }) => name),
    );
    for (const { shape, values: count } of counts) {
      expect(shape).toEqual([]);
      expect(count).toEqual(BigInt64Array.of(12n));
    }
    // As many as in timm's resnet50d.
    expect(state).toHaveLength(332);
  });

  test('can be the start of a training', () => {
    const file = decodeWeights(encodeSafetensors({ metadata: { format: 'pt' }, tensors: state }));
    expect(fitWeights(file, graph, 'keep')).toMatchObject({ values });
  });
});
