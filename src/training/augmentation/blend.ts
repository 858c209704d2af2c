import {
  add,
  addIntegers,
  advance,
  type Code,
  type FunctionBuilder,
  type FunctionSource,
  get,
  loadBytes,
  loadSplat,
  multiply,
  multiplyIntegers,
  set,
  shiftRight,
  shuffle,
  splat,
  store,
  storeFourBytes,
  subtractIntegers,
  toBytes,
  toFloats,
  toIntegers,
  words,
} from '../../backends/wasm/assembler';
import type { PixelImage } from '../../shared/pixelImage';
import { Kernels, Layout, VECTOR_BYTES, WORD_BYTES } from './kernels';

/**
 * Blends like Pillow's Blend.c: degenerate + factor * (tone - degenerate) in float32, rounded down to a byte.
 * WebAssembly, four values at a time.
 */

/** Blends every byte with one tone. */
export function blendWithTone(image: PixelImage, tone: number, factor: number): PixelImage {
  return changeBands(image, factor, tone, ({ functions, source, target, scalars, bytes }) =>
    functions.tone(source, target, scalars, Math.ceil(bytes / VECTOR_BYTES)),
  );
}

/** Blends every pixel of an RGB image with its luminance. */
export function blendWithGray(image: PixelImage, factor: number): PixelImage {
  return changeBands(image, factor, 0, ({ functions, source, target, scalars, bytes }) =>
    functions.gray(source, target, scalars, bytes / 3),
  );
}

/** Sums the luminance of all pixels. For a grayscale image this is the sum of its bytes. */
export function luminanceSum({ pixels, channels }: PixelImage): number {
  let sum = 0;
  if (channels === 3) {
    forBands(pixels, ({ functions, source, scalars, bytes, memory }) => {
      functions.luminance(source, scalars, bytes / 3);
      sum += new Int32Array(memory, scalars, 1)[0]!;
    });
  } else {
    for (const tone of pixels) sum += tone;
  }
  return sum;
}

/** A multiple of 3 and of the vector size. The luminance sum of a band fits an int32. */
const BAND_BYTES = 3 * VECTOR_BYTES * 4096;

/** A range of an image's bytes, in the kernels' memory. */
interface Band {
  readonly functions: ReturnType<typeof kernels.on>['functions'];
  readonly memory: ArrayBufferLike;
  /** Addresses in that memory. */
  readonly source: number;
  readonly target: number;
  /** Space for one vector. */
  readonly scalars: number;
  /** Offset of the band in the image. */
  readonly first: number;
  readonly bytes: number;
}

function forBands(pixels: Uint8Array, run: (band: Band) => void): void {
  const layout = new Layout();
  const most = Math.min(BAND_BYTES, pixels.length);
  const [scalars, source, target] = [layout.place(VECTOR_BYTES), layout.place(most), layout.place(most)];
  const { memory, functions } = kernels.on(layout);
  for (let first = 0; first < pixels.length; first += most) {
    const bytes = Math.min(most, pixels.length - first);
    new Uint8Array(memory.buffer, source, bytes).set(pixels.subarray(first, first + bytes));
    run({ functions, memory: memory.buffer, source, target, scalars, first, bytes });
  }
}

function changeBands(image: PixelImage, factor: number, tone: number, run: (band: Band) => void): PixelImage {
  const pixels = new Uint8Array(image.pixels.length);
  forBands(image.pixels, (band) => {
    new Float32Array(band.memory, band.scalars, 1)[0] = factor;
    new Int32Array(band.memory, band.scalars + WORD_BYTES, 1)[0] = tone;
    run(band);
    pixels.set(new Uint8Array(band.memory, band.target, band.bytes), band.first);
  });
  return { ...image, pixels };
}

const blended = (values: Code, degenerate: Code, factor: Code): Code =>
  toIntegers(add(toFloats(degenerate), multiply(factor, toFloats(subtractIntegers(values, degenerate)))));

const tone: FunctionSource = {
  parameters: 4,
  body: (f, source, target, scalars, vectors) => {
    const [factor, degenerate] = f.vectors(2);
    const quarter = (index: number) =>
      blended(loadBytes(source!, index * WORD_BYTES), get(degenerate!), get(factor!));
    return [
      ...set(factor!, loadSplat(scalars!, 0)),
      ...set(degenerate!, loadSplat(scalars!, WORD_BYTES)),
      ...f.repeat(
        { local: vectors! },
        store(target!, 0, toBytes(quarter(0), quarter(1), quarter(2), quarter(3))),
        advance(source!, VECTOR_BYTES),
        advance(target!, VECTOR_BYTES),
      ),
    ];
  },
};

/** Computes Pillow's luminance of the color at an address, in all four lanes: ITU-R 601-2 in 16-bit fixed point. */
function luminanceOf(f: FunctionBuilder, color: Code): { readonly code: Code; readonly value: Code } {
  const [sum] = f.vectors(1);
  const addTurned = (order: readonly number[]) =>
    set(sum!, addIntegers(get(sum!), shuffle(get(sum!), get(sum!), order)));
  const code = [
    ...set(sum!, multiplyIntegers(color, words(19595, 38470, 7471, 0))),
    ...[...addTurned([2, 3, 0, 1]), ...addTurned([1, 0, 3, 2])],
    ...set(sum!, shiftRight(addIntegers(get(sum!), splat(0x8000)), 16)),
  ];
  return { code, value: get(sum!) };
}

/** Loads and stores a pixel with one byte of the next, which is overwritten afterwards. */
const gray: FunctionSource = {
  parameters: 4,
  body: (f, source, target, scalars, pixels) => {
    const [factor, color] = f.vectors(2);
    const luminance = luminanceOf(f, get(color!));
    const result = blended(get(color!), luminance.value, get(factor!));
    return [
      ...set(factor!, loadSplat(scalars!, 0)),
      ...f.repeat(
        { local: pixels! },
        set(color!, loadBytes(source!, 0)),
        luminance.code,
        storeFourBytes(target!, 0, toBytes(result, result, result, result)),
        advance(source!, 3),
        advance(target!, 3),
      ),
    ];
  },
};

const luminance: FunctionSource = {
  parameters: 3,
  body: (f, source, target, pixels) => {
    const [color, sum] = f.vectors(2);
    const pixel = luminanceOf(f, get(color!));
    return [
      ...set(sum!, splat(0)),
      ...f.repeat(
        { local: pixels! },
        set(color!, loadBytes(source!, 0)),
        pixel.code,
        set(sum!, addIntegers(get(sum!), pixel.value)),
        advance(source!, 3),
      ),
      ...store(target!, 0, get(sum!)),
    ];
  },
};

const kernels = new Kernels({ tone, gray, luminance });
