/**
 * Compares every model of the catalog, exported as ONNX and as a timm folder, with the network here. On the same
 * images, the logits of ONNX Runtime and of timm must be within 1e-4 of ours, and within 1e-4 of the largest logit if
 * that is below 1. The images are small. The models have full depth, and some are narrow. The running statistics are
 * those of a batch, so activations neither explode nor vanish.
 *
 *     node esbuild.mjs && node bench/bundle.mjs parity/exports && node dist/bench/exports.js
 *
 * Needs a Python with onnx, onnxruntime, torch and timm: BAG_OF_TRICKS_PYTHON, else python3. With --fixtures it only
 * writes test/fixtures/onnx. With --docs it also writes docs/exports.md. Exit codes: 0 if all are within the limit, 1
 * if one is not.
 */

import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { loadEngine } from '../../src/backends/index';
import type { ImageInput } from '../../src/interop/export/imageInput';
import { encodeOnnx } from '../../src/interop/export/onnx';
import { stateDictOf } from '../../src/interop/export/stateDict';
import { SYSTEM_NAMES, type SystemName } from '../../src/interop/export/system';
import { timmFolder, timmModelOf } from '../../src/interop/export/timmFolder';
import { weightsFormat } from '../../src/interop/export/weightsFormat';
import { buildGraph, type ModelSpec } from '../../src/models/catalog';
import { type Graph, type ImageShape, parametersOf, sizeOf } from '../../src/models/graph';
import { modelText } from '../../src/models/modelText';
import { encodeSafetensors } from '../../src/shared/safetensors';
import { packageRoot } from '../../src/training/data/sample';
import { initialValues } from '../../src/training/network/initialization';
import { Network } from '../../src/training/network/network';
import { Random } from '../../src/training/random';
import { fixtureFacts, fixtureImages, fixtureValues, ONNX_FIXTURES } from '../../test/support/onnxFixtures';

const LIMIT = 1e-4;
const PYTHON = process.env.BAG_OF_TRICKS_PYTHON ?? 'python3';
const CLASSES = 7;
const IMAGES = 4;
const CALIBRATION_IMAGES = 16;

interface Case {
  readonly model: ModelSpec;
  readonly image: ImageShape;
}

const RESNETS = ['resnet18', 'resnet34', 'resnet50', 'resnet101', 'resnet152'] as const;
const CIFAR = ['resnet8', 'resnet14', 'resnet20', 'resnet32', 'resnet44', 'resnet56', 'resnet110'] as const;
const VARIANTS = ['A', 'B', 'C', 'D'] as const;

const CASES: readonly Case[] = [
  ...CIFAR.map((name) => ({ model: { name, width: 8 }, image: [32, 32, 3] }) as const),
  ...RESNETS.flatMap((name) =>
    VARIANTS.map((variant) => ({ model: { name, width: 16, variant }, image: [64, 48, 3] }) as const),
  ),
  // The widths that timm has for A and B, and an odd image size: D's average pooling pads at the edge.
  ...VARIANTS.map(
    (variant) => ({ model: { name: 'resnet18', width: 64, variant }, image: [65, 47, 3] }) as const,
  ),
  ...VARIANTS.map(
    (variant) => ({ model: { name: 'resnet50', width: 64, variant }, image: [65, 47, 1] }) as const,
  ),
  // The standard torchvision and timm models.
  ...RESNETS.slice(1).map(
    (name) => ({ model: { name, width: 64, variant: 'B' }, image: [64, 48, 3] }) as const,
  ),
  { model: { name: 'resnet34', width: 64, variant: 'A' }, image: [64, 48, 3] },
  { model: { name: 'resnet9', width: 16 }, image: [32, 40, 3] },
  { model: { name: 'mobilenet_v1', widthMultiplier: 1 }, image: [64, 64, 3] },
  { model: { name: 'mobilenet_v1', widthMultiplier: 1, activation: 'relu6' }, image: [64, 64, 3] },
  { model: { name: 'mobilenet_v1', widthMultiplier: 1.25 }, image: [61, 64, 3] },
  { model: { name: 'mobilenet_v1', widthMultiplier: 0.25 }, image: [64, 64, 1] },
  { model: { name: 'inception_v3', widthMultiplier: 1 }, image: [80, 99, 3] },
  { model: { name: 'inception_v3', widthMultiplier: 0.25 }, image: [75, 75, 3] },
  { model: { name: 'vgg16_bn', width: 64 }, image: [64, 96, 3] },
  { model: { name: 'vgg16_bn', width: 4 }, image: [64, 64, 3] },
  { model: { name: 'vgg16_bn', width: 4 }, image: [224, 224, 3] },
  { model: { name: 'vgg16_bn', width: 4 }, image: [256, 300, 3] },
  { model: { name: 'densenet121', growthRate: 32 }, image: [64, 80, 3] },
  { model: { name: 'densenet121', growthRate: 8 }, image: [64, 64, 2] },
  { model: { name: 'cnn', width: 16 }, image: [28, 28, 1] },
  { model: { name: 'cnn', width: 16 }, image: [20, 33, 3] },
  { model: { name: 'mlp', hidden: [64, 32] }, image: [28, 28, 1] },
  { model: { name: 'mlp', hidden: [] }, image: [9, 11, 3] },
];

async function main(): Promise<number> {
  await loadEngine('wasm');
  const folder = mkdtempSync(join(tmpdir(), 'bag-of-tricks-exports-'));
  try {
    if (process.argv.includes('--fixtures')) return writeFixtures(folder);
    const described: Described[] = [];
    for (const [index, each] of CASES.entries())
      described.push(await written(each, join(folder, `${index}`)));
    const found = logitsOf(described, folder);
    const code = report(found);
    if (process.argv.includes('--docs') && code === 0) {
      writeFileSync(join(packageRoot(), 'docs/exports.md'), documentOf(found));
    }
    return code;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The facts about a case that Python needs. */
interface Described {
  /** Prefix of the case's file names, and the name of its timm folder. */
  readonly path: string;
  readonly image: readonly number[];
  readonly ours: readonly number[][];
  readonly hasTimm: boolean;
  /**
   * Python expressions that build the model of each system that takes its weights. The weights are in
   * PATH.SYSTEM.safetensors.
   */
  readonly constructors: Readonly<Partial<Record<SystemName, string>>>;
}

interface Found {
  readonly ours: readonly number[][];
  readonly onnx: readonly number[][];
  /** Null if timm has no such model. */
  readonly timm: readonly number[][] | null;
  /** By system: the logits of its own model with our state dict. */
  readonly stateDicts: Readonly<Partial<Record<SystemName, readonly number[][]>>>;
}

function logitsOf(described: readonly Described[], folder: string): Found[] {
  writeFileSync(join(folder, 'cases.json'), JSON.stringify(described));
  const script = join(packageRoot(), 'bench/parity/exported_logits.py');
  execFileSync(PYTHON, [script, folder], { stdio: 'inherit' });
  return JSON.parse(readFileSync(join(folder, 'logits.json'), 'utf8'));
}

function report(found: readonly Found[]): number {
  let isWithin = true;
  for (const [index, { ours, onnx, timm, stateDicts }] of found.entries()) {
    const { model, image } = CASES[index] as Case;
    const largest = Math.max(...ours.flat().map(Math.abs));
    const apart = [onnx, timm, stateDicts.timm, stateDicts.torchvision].map((theirs) =>
      theirs ? differenceOf(ours, theirs) : null,
    );
    const limit = LIMIT * Math.min(largest, 1);
    const isGood = apart.every((difference) => difference === null || difference <= limit);
    isWithin &&= isGood;
    const [fromOnnx, fromTimm, ofTimm, ofTorchvision] = apart.map(
      (difference) => difference?.toExponential(1) ?? 'has none',
    );
    const name = `${modelText(model)}, images of ${image.join(' x ')}`;
    const differences = `ONNX Runtime ${fromOnnx}, timm's folder ${fromTimm}, state dict in timm ${ofTimm}, in torchvision ${ofTorchvision}`;
    console.log(`${isGood ? 'ok' : 'FAILED'}: ${name}: ${differences}; logits up to ${largest.toFixed(2)}`);
  }
  return isWithin ? 0 : 1;
}

const FORMATS: readonly (readonly [string, (found: Found) => readonly number[][] | null | undefined])[] = [
  ['ONNX', ({ onnx }) => onnx],
  ['timm folder', ({ timm }) => timm],
  ['state dict in timm', ({ stateDicts }) => stateDicts.timm],
  ['state dict in torchvision', ({ stateDicts }) => stateDicts.torchvision],
];

/** Returns a page with the largest difference of each model's logits from ours, by format. */
function documentOf(found: readonly Found[]): string {
  const names = [...new Set(CASES.map(({ model }) => model.name))];
  const rows = names.map((name) => {
    const cases = found.filter((_, index) => CASES[index]?.model.name === name);
    const cells = FORMATS.map(([, logits]) => {
      const apart = cases.flatMap((each) => {
        const theirs = logits(each);
        return theirs ? [differenceOf(each.ours, theirs)] : [];
      });
      return apart.length === 0 ? 'refused' : `${Math.max(...apart).toExponential(1)} (${apart.length})`;
    });
    return [`\`${name}\``, cases.length, ...cells];
  });
  const header = ['model', 'cases', ...FORMATS.map(([title]) => title)];
  const table = [header, header.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`);
  return `# Exports

\`bench/parity/exports.ts\` exports each model of the catalog in every format and loads it there: ONNX in ONNX Runtime, the
timm folder with timm's \`create_model\`, and the weights with \`load_state_dict(strict=True)\` into the model that the export
names. Weights are random, and running statistics are those of a batch. A case is a configuration of the model (variant,
width, activation) with an image size. \`CASES\` in the script lists them.

A cell has the largest difference of any logit from ours, and in parentheses the number of cases that the format supports.
The other cases are refused with the reason. The limit is ${LIMIT}, or ${LIMIT} of the largest logit if that is below 1.

${table.join('\n')}

Generated by \`node dist/bench/exports.js --docs\`.
`;
}

function differenceOf(ours: readonly number[][], theirs: readonly number[][]): number {
  const flat = theirs.flat();
  if (flat.length !== ours.flat().length) return Number.POSITIVE_INFINITY;
  return Math.max(...ours.flat().map((logit, at) => Math.abs(logit - (flat[at] ?? Number.NaN))));
}

/** Writes the files that the tests compare their exports with, and ONNX Runtime's logits for them. */
function writeFixtures(folder: string): number {
  const target = join(packageRoot(), 'test/fixtures/onnx');
  const described = Object.entries(ONNX_FIXTURES).map(([name, graph]): Described => {
    const path = join(folder, name);
    const onnx = encodeOnnx(graph, fixtureValues(graph), fixtureFacts(graph));
    for (const file of [`${path}.onnx`, join(target, `${name}.onnx`)]) writeFileSync(file, onnx);
    writeFileSync(`${path}.images`, fixtureImages(graph));
    return { path, image: graph.layers[0]?.shape ?? [], ours: [], hasTimm: false, constructors: {} };
  });
  const logits = logitsOf(described, folder).map(({ onnx }) => onnx);
  const byName = Object.fromEntries(Object.keys(ONNX_FIXTURES).map((name, index) => [name, logits[index]]));
  writeFileSync(join(target, 'logits.json'), `${JSON.stringify(byName, null, 2)}\n`);
  return 0;
}

/** Writes a case's files and returns the facts that Python needs. */
async function written({ model, image }: Case, path: string): Promise<Described> {
  const graph = buildGraph(model, image, CLASSES);
  const random = Random.seeded(7, modelText(model));
  const values = await calibratedValues(graph, image, random);
  const images = drawnImages(IMAGES, image, random);
  const network = new Network(graph, values);
  const input = tf.tensor4d(images, [IMAGES, ...image]);
  const logits = network.predict(input);
  const ours = await logits.array();
  tf.dispose([input, logits]);
  network.dispose();
  const facts = imageInput(image);
  const onnx = encodeOnnx(graph, values, {
    name: 'parity',
    model: modelText(model),
    runId: 'parity',
    version: '0',
    input: facts,
  });
  writeFileSync(`${path}.onnx`, onnx);
  writeFileSync(`${path}.images`, images);
  const timm = timmModelOf(model, graph);
  if ('architecture' in timm) {
    mkdirSync(path);
    const files = timmFolder(graph, values, { ...timm, runId: 'parity', batches: 1, input: facts });
    for (const [name, content] of Object.entries(files)) writeFileSync(join(path, name), content);
  }
  const constructors: Partial<Record<SystemName, string>> = {};
  for (const system of SYSTEM_NAMES) {
    const format = weightsFormat(model, graph, system);
    if ('what' in format || format.build === null) continue;
    const tensors = stateDictOf(graph, values, 1).map(format.rename);
    writeFileSync(
      `${path}.${system}.safetensors`,
      encodeSafetensors({ metadata: { format: 'pt' }, tensors }),
    );
    constructors[system] = format.build;
  }
  return { path, image, ours, hasTimm: 'architecture' in timm, constructors };
}

function imageInput([height, width, channels]: ImageShape): ImageInput {
  return {
    height,
    width,
    channels,
    mean: Array<number>(channels).fill(0.5),
    std: Array<number>(channels).fill(0.25),
    interpolation: 'bicubic',
    cropPct: 0.875,
    classNames: Array.from({ length: CLASSES }, (_, label) => `class ${label}`),
  };
}

/**
 * Returns values whose running statistics are those of a batch. Most ReLU inputs are positive and the residual branches
 * are small, as in trained networks. With He et al.'s initialization, a hundred layers amplify the rounding errors of
 * the first, so that even ONNX Runtime and timm differ by 1e-3.
 */
async function calibratedValues(
  graph: Graph,
  image: ImageShape,
  random: Random,
): Promise<Map<string, Float32Array>> {
  const values = initialValues(graph, { zeroGamma: false }, random);
  for (const layer of graph.layers) {
    if (layer.kind !== 'batch_norm') continue;
    const channels = { length: sizeOf(layer.gamma.shape) };
    const scale = layer.endsResidualBranch ? 0.2 : 0.5;
    values.set(
      layer.gamma.name,
      Float32Array.from(channels, () => scale * (1 + 0.2 * random.normal())),
    );
    values.set(
      layer.beta.name,
      Float32Array.from(channels, () => 0.5 + 0.2 * random.normal()),
    );
  }
  for (const { name, kind, shape } of parametersOf(graph)) {
    if (kind !== 'bias') continue;
    values.set(
      name,
      Float32Array.from({ length: sizeOf(shape) }, () => 0.1 * random.normal()),
    );
  }
  const layers = graph.layers.map((layer) =>
    layer.kind === 'batch_norm' ? { ...layer, momentum: 1 } : layer,
  );
  const network = new Network({ ...graph, layers }, values);
  const images = tf.tensor4d(drawnImages(CALIBRATION_IMAGES, image, random), [CALIBRATION_IMAGES, ...image]);
  network.forward(images, network.drawMasks(CALIBRATION_IMAGES, random)).dispose();
  images.dispose();
  const calibrated = await network.read();
  network.dispose();
  return new Map([...calibrated].map(([name, each]) => [name, each.slice()]));
}

/**
 * Draws images [count, height, width, channels] of four by four patches plus some noise. Noise alone has no features
 * that a deep network could use to distinguish images: batch norm would amplify rounding errors until nothing can be
 * compared.
 */
function drawnImages(count: number, [height, width, channels]: ImageShape, random: Random): Float32Array {
  const images = Array.from({ length: count }, () => {
    const patches = Array.from({ length: 16 * channels }, () => random.normal());
    return Array.from({ length: height * width * channels }, (_, index) => {
      const [pixel, channel] = [Math.floor(index / channels), index % channels];
      const row = Math.floor((4 * Math.floor(pixel / width)) / height);
      const column = Math.floor((4 * (pixel % width)) / width);
      return (patches[(row * 4 + column) * channels + channel] ?? 0) + 0.3 * random.normal();
    });
  });
  return Float32Array.from(images.flat());
}

main().then(
  (code) => process.exit(code),
  (error: unknown) => {
    console.error(error);
    process.exit(1);
  },
);
