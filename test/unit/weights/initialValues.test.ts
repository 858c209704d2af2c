import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { buildGraph, type ModelSpec } from '../../../src/models/catalog';
import { buffersOf, type Graph, parametersOf } from '../../../src/models/graph';
import { torchLayoutsOf } from '../../../src/models/torchLayout';
import { encodeSafetensors, type NamedTensor, type TensorValues } from '../../../src/shared/safetensors';
import { UserError } from '../../../src/shared/userError';
import { initialValues } from '../../../src/training/network/initialization';
import { Random } from '../../../src/training/random';
import { loadInitialValues, loadInitialWeights } from '../../../src/weights/initialValues';

type Tensor = NamedTensor<TensorValues>;

const RESNET18: ModelSpec = { name: 'resnet18', width: 4, variant: 'B' };
const graphOf = (model: ModelSpec, { classes = 10, channels = 3 } = {}): Graph =>
  buildGraph(model, [32, 32, channels], classes);
const graph = graphOf(RESNET18);
const valuesOf = (of: Graph) => initialValues(of, { zeroGamma: false }, Random.seeded(1, 'initialization'));

/** Returns the tensors of a file in either layout. */
function tensorsOf(of: Graph, layout: 'tensorflow' | 'torch'): Tensor[] {
  const values = valuesOf(of);
  return torchLayoutsOf(of).map(({ name, shape, torchShape, toTorch }) => {
    const ours = values.get(name) as Float32Array;
    return layout === 'torch'
      ? { name, shape: torchShape, values: toTorch(ours) }
      : { name, shape, values: ours };
  });
}

async function fileOf(content: Uint8Array | string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'bag-of-tricks-weights-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const path = join(folder, 'start.safetensors');
  await writeFile(path, content);
  return path;
}

const load = async (tensors: readonly Tensor[], metadata: Record<string, string> = {}, of = graph) =>
  loadInitialValues(await fileOf(encodeSafetensors({ metadata, tensors })), of);

/** Returns the message about an unusable weights file, without its path. */
async function failureOf(loading: Promise<unknown>): Promise<{ what: string; remedy: string }> {
  const error = await loading.then(() => null).catch((reason: unknown) => reason);
  if (!(error instanceof UserError)) throw new Error(`Not refused but ${error}`);
  return { ...error.failure, what: error.failure.what.replace(/^\S*start\.safetensors: /, '') };
}

describe('initial weights from a file', () => {
  test.each(['B', 'D'] as const)("in PyTorch's layout become ours, for ResNet-%s", async (variant) => {
    const of = graphOf({ ...RESNET18, variant });
    const loaded = await load(tensorsOf(of, 'torch'), { format: 'pt' }, of);
    expect(loaded).toEqual(valuesOf(of));
    expect([...loaded.keys()]).toEqual([...parametersOf(of), ...buffersOf(of)].map(({ name }) => name));
  });

  test('in our own layout are used as they are, also from a checkpoint with optimizer state', async () => {
    const trainingTensors: Tensor[] = [
      { name: 'optimizer.fc.bias.velocity', shape: [10], values: new Float32Array(10) },
      { name: 'average.fc.bias', shape: [10], values: new Float32Array(10) },
    ];
    const metadata = { format: 'bag-of-tricks', layout: 'tensorflow' };
    expect(await load([...tensorsOf(graph, 'tensorflow'), ...trainingTensors], metadata)).toEqual(
      valuesOf(graph),
    );
  });

  test("may include PyTorch's counts of batches, which are skipped", async () => {
    const count: Tensor = { name: 'bn1.num_batches_tracked', shape: [], values: BigInt64Array.of(12n) };
    expect(await load([...tensorsOf(graph, 'torch'), count])).toEqual(valuesOf(graph));
  });
});

describe('a file that a network cannot start from is refused with a remedy', () => {
  const whole = tensorsOf(graph, 'torch');

  test('if names are missing or unknown, by those', async () => {
    const renamed = whole.map((tensor) =>
      tensor.name === 'bn1.running_var' ? { ...tensor, name: 'bn1.variance' } : tensor,
    );
    expect(await failureOf(load(renamed))).toEqual({
      what: 'The weights belong to a different model: the file lacks bn1.running_var; the model has no bn1.variance.',
      remedy: 'Choose the model, variant and width that the file was saved from, or another file.',
    });
    const { what } = await failureOf(load([]));
    expect(what).toContain('the file lacks conv1.weight, bn1.weight, bn1.bias, ');
    expect(what).toMatch(/ and \d+ more\.$/);
  });

  test('if a checkpoint of a C stem is given to a network without', async () => {
    const { what } = await failureOf(load(tensorsOf(graphOf({ ...RESNET18, variant: 'C' }), 'torch')));
    expect(what).toContain('the file lacks conv1.weight; the model has no conv1.0.weight, ');
  });

  test('if the classes differ, by the two numbers', async () => {
    const expected = {
      what: 'The classifier fc has 1000 classes, but the data set has 10.',
      remedy:
        'Replace it with a classifier for 10 classes and save again. In PyTorch: model.fc = torch.nn.Linear(32, 10).',
    };
    const large = graphOf(RESNET18, { classes: 1000 });
    expect(await failureOf(load(tensorsOf(large, 'torch')))).toEqual(expected);
    expect(await failureOf(load(tensorsOf(large, 'tensorflow'), { layout: 'tensorflow' }))).toEqual(expected);
  });

  test('if shapes differ, by the first of them in the layout of the file', async () => {
    const gray = tensorsOf(graphOf(RESNET18, { channels: 1 }), 'torch');
    expect((await failureOf(load(gray))).what).toBe(
      'Some weights have the wrong shape: conv1.weight is [4, 1, 7, 7] but must be [4, 3, 7, 7].',
    );
    // Our layout, without a marker that says so.
    const { what } = await failureOf(load(tensorsOf(graph, 'tensorflow')));
    expect(what).toContain('conv1.weight is [7, 7, 3, 4] but must be [4, 3, 7, 7]; ');
  });

  test('if values are not numbers, by their tensor', async () => {
    const broken = whole.map((tensor) =>
      tensor.name === 'layer1.0.bn1.weight'
        ? { ...tensor, values: (tensor.values as Float32Array).with(1, Number.NaN) }
        : tensor,
    );
    const path = await fileOf(encodeSafetensors({ metadata: {}, tensors: broken }));
    const { what, remedy } = await failureOf(loadInitialWeights(path, graph, 'auto', 'it'));
    expect(what).toBe('layer1.0.bn1.weight contains infinite or NaN values.');
    expect(remedy).toContain('before the training diverged');
  });

  test('if it is not a weights file, is a folder, or is missing', async () => {
    const text = await fileOf('a text, which is no header');
    const { what, remedy } = await failureOf(loadInitialValues(text, graph));
    expect(what).toContain(`${text} is not a readable safetensors file: Its header would have`);
    expect(remedy).toContain('safetensors.torch.save_file(model.state_dict(), "weights.safetensors")');
    const archive = await fileOf('PK\u0003\u0004 a zip archive that was cut short');
    const cut = await failureOf(loadInitialValues(archive, graph));
    expect(cut.what).toContain(`${archive} is not a readable torch.save file: it has no end`);
    expect(cut.remedy).toContain('torch.save(model.state_dict(), "weights.pth")');
    expect((await failureOf(loadInitialValues(join(text, '..'), graph))).what).toContain('cannot be read');
    expect((await failureOf(loadInitialValues(`${text}.gone`, graph))).what).toBe(
      `The weights file ${text}.gone does not exist.`,
    );
  });
});
