import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import type { ImageInput } from '../../../src/interop/export/imageInput';
import { type TimmModel, timmFolder, timmModelOf } from '../../../src/interop/export/timmFolder';
import { buildGraph, type ModelSpec } from '../../../src/models/catalog';
import { buffersOf, type Graph, type ImageShape, parametersOf, sizeOf } from '../../../src/models/graph';
import { decodeSafetensors } from '../../../src/shared/safetensors';
import stateDicts from '../../fixtures/timm/state_dicts.json';

/** Our models by timm's name. */
const MODELS: readonly (readonly [string, ModelSpec, ImageShape])[] = [
  ['resnet18', { name: 'resnet18', width: 64, variant: 'A' }, [64, 64, 3]],
  ['resnet34', { name: 'resnet34', width: 64, variant: 'B' }, [64, 64, 1]],
  // timm has no resnet18c.
  ['resnet18d', { name: 'resnet18', width: 16, variant: 'C' }, [64, 64, 3]],
  ['resnet50c', { name: 'resnet50', width: 16, variant: 'C' }, [64, 64, 3]],
  ['resnet50d', { name: 'resnet50', width: 16, variant: 'D' }, [64, 64, 3]],
  ['mobilenetv1_100', { name: 'mobilenet_v1', widthMultiplier: 1 }, [64, 64, 3]],
  ['inception_v3', { name: 'inception_v3', widthMultiplier: 1 }, [80, 80, 3]],
  ['densenet121', { name: 'densenet121', growthRate: 8 }, [64, 64, 3]],
];

/** Values 1, 2, 3 and so on, which show where each value ends up. */
function counted(graph: Graph): Map<string, Float32Array> {
  return new Map(
    [...parametersOf(graph), ...buffersOf(graph)].map(({ name, shape }) => [
      name,
      Float32Array.from({ length: sizeOf(shape) }, (_, index) => index + 1),
    ]),
  );
}

function folderOf(model: ModelSpec, image: ImageShape) {
  const graph = buildGraph(model, image, 5);
  const found = timmModelOf(model, graph);
  if ('what' in found) throw new Error(found.what);
  return filesOf(found, graph, image);
}

function filesOf(found: TimmModel, graph: Graph, image: ImageShape) {
  const [height, width, channels] = image;
  const input: ImageInput = {
    height,
    width,
    channels,
    mean: [0.1, 0.2, 0.3],
    std: [0.4, 0.5, 0.6],
    interpolation: 'bicubic',
    cropPct: 0.875,
    // In code point order, not numeric order.
    classNames: ['1', '10', '9', 'apple', 'Äpfel'],
  };
  const files = timmFolder(graph, counted(graph), { ...found, runId: 'R', batches: 3, input });
  return {
    config: JSON.parse(files['config.json']),
    tensors: decodeSafetensors(files['model.safetensors']).tensors,
  };
}

const theirsOf = (architecture: string) => stateDicts.find((each) => each.architecture === architecture);

function digest(lines: readonly string[]): string {
  return createHash('sha256').update(lines.toSorted().join('\n')).digest('hex');
}

describe('a folder for timm', () => {
  test.each(MODELS)('has the tensors that %s has there', (architecture, model, image) => {
    const { config, tensors } = folderOf(model, image);
    const theirs = theirsOf(architecture);
    expect(config.architecture).toBe(architecture);
    expect(config.model_args).toEqual({ in_chans: image[2], ...theirs?.args });
    expect(tensors).toHaveLength(theirs?.tensors ?? 0);
    expect(digest(tensors.map(({ name, shape }) => `${name} ${shape.join('x')}`))).toBe(theirs?.shapes);
  });

  test('says what to build, how images are preprocessed and what the classes are called', () => {
    const { config } = folderOf({ name: 'resnet50', width: 16, variant: 'D' }, [64, 48, 3]);
    expect(config).toEqual({
      architecture: 'resnet50d',
      num_classes: 5,
      label_names: ['1', '10', '9', 'apple', 'Äpfel'],
      model_args: { in_chans: 3, stem_width: 8, channels: [16, 32, 64, 128] },
      pretrained_cfg: {
        input_size: [3, 64, 48],
        fixed_input_size: false,
        interpolation: 'bicubic',
        crop_pct: 0.875,
        crop_mode: 'center',
        mean: [0.1, 0.2, 0.3],
        std: [0.4, 0.5, 0.6],
        num_classes: 5,
        pool_size: null,
        first_conv: 'conv1.0',
        classifier: 'fc',
        notes: ['Bag of Tricks, run R'],
      },
    });
  });

  test('makes timm adapt only the first convolution of gray and color images', () => {
    const firstOf = (channels: number) =>
      folderOf({ name: 'densenet121', growthRate: 2 }, [64, 64, channels]).config.pretrained_cfg.first_conv;
    expect([1, 2, 3, 4].map(firstOf)).toEqual(['features.conv0', null, 'features.conv0', null]);
  });

  test("has VGG's classifier as the convolutions that timm has", () => {
    // A narrow one, which timm does not have, instead of one with 134 million values.
    const image: ImageShape = [32, 32, 3];
    const graph = buildGraph({ name: 'vgg16_bn', width: 2 }, image, 5);
    const { config, tensors } = filesOf({ architecture: 'vgg16_bn', modelArgs: {} }, graph, image);
    expect(config.pretrained_cfg).toMatchObject({ first_conv: 'features.0', classifier: 'head.fc' });
    expect(digest(tensors.map(({ name }) => name))).toBe(theirsOf('vgg16_bn')?.names);
    const found = new Map(tensors.map((tensor) => [tensor.name, tensor]));
    const first = found.get('pre_logits.fc1.weight');
    expect(first?.shape).toEqual([128, 16, 7, 7]);
    expect(found.get('pre_logits.fc2.weight')?.shape).toEqual([128, 128, 1, 1]);
    expect(found.get('head.fc.weight')?.shape).toEqual([5, 128]);
    // Ours is [7 x 7 x 16, 128]: pixel 1 of channel 0 is row 16, and pixel 0 of channel 1 is row 1.
    expect([first?.values[1], first?.values[49]]).toEqual([1 + 16 * 128, 1 + 128]);
  });
});

describe('the model of timm', () => {
  test.each<[string, ModelSpec]>([
    ['resnet50', { name: 'resnet50', width: 64, variant: 'B' }],
    ['resnet34d', { name: 'resnet34', width: 64, variant: 'C' }],
    ['resnet34d', { name: 'resnet34', width: 64, variant: 'D' }],
    ['resnet152c', { name: 'resnet152', width: 64, variant: 'C' }],
    ['resnet101d', { name: 'resnet101', width: 64, variant: 'D' }],
    ['mobilenetv1_125', { name: 'mobilenet_v1', widthMultiplier: 1.25 }],
    ['vgg16_bn', { name: 'vgg16_bn', width: 64 }],
  ])('%s is that of %o', (architecture, model) => {
    // The largest images that VGG's classifier sees whole.
    expect(timmModelOf(model, buildGraph(model, [255, 255, 3], 5))).toMatchObject({ architecture });
  });
});

const IMAGES: ImageShape = [64, 64, 3];

describe('timm has no', () => {
  test.each<[ModelSpec, string, ImageShape?]>([
    [{ name: 'resnet20', width: 16 }, 'timm has no resnet20.'],
    [{ name: 'resnet9', width: 64 }, 'timm has no resnet9.'],
    [{ name: 'cnn', width: 32 }, 'timm has no cnn.'],
    [{ name: 'mlp', hidden: [8] }, 'timm has no mlp.'],
    [
      { name: 'resnet18', width: 16, variant: 'A' },
      'timm has no resnet18-A, width 16. Available widths: 64.',
    ],
    [
      { name: 'resnet50', width: 64, variant: 'A' },
      "resnet50-A has its strides in the first 1x1 convolutions. timm's resnet50 has them in the 3x3 convolutions, like resnet50-B.",
    ],
    [
      { name: 'mobilenet_v1', widthMultiplier: 0.5 },
      'timm has no mobilenet_v1, width × 0.5. Available widths: 1, 1.25.',
    ],
    [
      { name: 'inception_v3', widthMultiplier: 0.5 },
      'timm has no inception_v3, width × 0.5. Available widths: 1.',
      [80, 80, 3],
    ],
    [{ name: 'vgg16_bn', width: 4 }, 'timm has no vgg16_bn, width 4. Available widths: 64.'],
    [
      { name: 'vgg16_bn', width: 64 },
      "timm's vgg16_bn differs for images of 256 pixels or more: it averages after the hidden layers of the classifier, not before.",
      [32, 256, 3],
    ],
  ])('%o', (model, what, image = IMAGES) => {
    expect(timmModelOf(model, buildGraph(model, image, 5))).toEqual({
      what,
      remedy: 'Export it as ONNX: --onnx FILE.onnx',
    });
  });
});
