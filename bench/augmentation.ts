/**
 * Times resizing and augmentation steps on one thread. For Pillow's times, run bench/parity/augmentation.py --times.
 *
 *     node bench/bundle.mjs augmentation && node dist/bench/augmentation.js
 */
import { performance } from 'node:perf_hooks';
import {
  AUGMENTATION_PRESETS,
  AUGMENTATION_STEP_DEFAULTS,
  type AugmentationPreset,
  INTERPOLATIONS,
} from '../src/recipe/augmentation';
import type { PixelImage } from '../src/shared/pixelImage';
import { augmentImage } from '../src/training/augmentation/augmentImage';
import { evaluationView } from '../src/training/augmentation/evaluationView';
import { applyOperation, OPERATION_NAMES } from '../src/training/augmentation/operations';
import { drawBox } from '../src/training/augmentation/randomResizedCrop';
import { resize, resizeCrop, wholeOf } from '../src/training/augmentation/resize';
import { Random } from '../src/training/random';
import { median } from './median';

const ROUNDS = 400;
const SIZE = 224;
const random = Random.seeded(1, 'bench');
const uniform = () => random.uniform();

function noise(height: number, width: number): PixelImage {
  const pixels = Uint8Array.from({ length: height * width * 3 }, () => random.below(256));
  return { pixels, height, width, channels: 3 };
}

const photo = noise(375, 500);
const square = noise(SIZE, SIZE);
const output = { height: SIZE, width: SIZE };
const cases: Record<string, () => unknown> = {};
for (const interpolation of INTERPOLATIONS) {
  cases[`random crop of 500x375, ${interpolation}`] = () =>
    resizeCrop(
      photo,
      drawBox(photo, AUGMENTATION_STEP_DEFAULTS.random_resized_crop, uniform),
      output,
      interpolation,
    );
  cases[`all of 500x375, ${interpolation}`] = () => resize(photo, wholeOf(photo), output, interpolation);
  cases[`evaluation view of 500x375, ${interpolation}`] = () =>
    evaluationView(photo, { size: SIZE, cropPct: 0.875, interpolation });
}
for (const step of Object.values(AUGMENTATION_STEP_DEFAULTS)) {
  if (step.step !== 'random_resized_crop')
    cases[step.step] = () => augmentImage(square, [step], { size: SIZE, interpolation: 'bilinear' }, uniform);
}
for (const name of OPERATION_NAMES)
  cases[`operation ${name}`] = () => applyOperation(square, name, name === 'posterize' ? 5 : 0.3);
for (const preset of Object.keys(AUGMENTATION_PRESETS) as AugmentationPreset[]) {
  cases[`preset ${preset} of 500x375`] = () =>
    augmentImage(photo, AUGMENTATION_PRESETS[preset], { size: SIZE, interpolation: 'bilinear' }, uniform);
}

console.log(`${'to 224x224, milliseconds'.padEnd(44)}median    mean`);
for (const [name, run] of Object.entries(cases)) {
  const timesMs: number[] = [];
  for (let round = 0; round < 2 * ROUNDS; round++) {
    const startMs = performance.now();
    run();
    // The first half of the rounds warms up the JIT compiler.
    if (round >= ROUNDS) timesMs.push(performance.now() - startMs);
  }
  const mean = timesMs.reduce((sum, time) => sum + time, 0) / timesMs.length;
  console.log(`${name.padEnd(44)}${median(timesMs).toFixed(3)}  ${mean.toFixed(3)}`);
}
