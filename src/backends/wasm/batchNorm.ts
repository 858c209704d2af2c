import type { BackendWasm } from '@tensorflow/tfjs-backend-wasm';
import * as tf from '@tensorflow/tfjs-core';
import { type BatchShards, type Moments, wholeImages, wholeMoments, wholeSums } from '../batchShards';
import {
  add,
  advance,
  and,
  type Code,
  type FunctionSource,
  get,
  greater,
  instantiate,
  load,
  maximum,
  multiply,
  set,
  store,
  subtract,
  zero,
} from './assembler';
import { FLOAT_BYTES, heapOf } from './heap';
import { type Call, register } from './register';

/**
 * Registers batch norm for training, with the minimum number of passes over the images: one for the statistics, one for
 * the output, one for the sums that the gradients need, and one for the input gradient.
 *
 * Kernels of the wasm backend, called by ../../training/ops/batchNorm.ts. The number of channels must be a multiple of
 * four:
 * - `FusedBatchNormTraining`: takes x [batch, height, width, channels], gamma and beta [channels]. Returns the output,
 *   with ReLU if requested, the mean and the biased variance.
 * - `FusedBatchNormGradient`: takes dy, x, gamma, mean and variance, and the output y if ReLU followed. Returns the
 *   gradients of x, gamma and beta.
 *
 * For a shard of a batch, both exchange their sums with the threads of the other shards before they write images.
 */
export function registerBatchNorm(memory: WebAssembly.Memory): void {
  const functions = assemble(memory);
  register('FusedBatchNormTraining', (call) => normalize(functions, call));
  register('FusedBatchNormGradient', (call) => differentiate(functions, call));
}

type Functions = ReturnType<typeof assemble>;

/** Number of pixels summed in float32. The totals are in float64. */
const CHUNK = 256;

function normalize(
  functions: Functions,
  { backend, inputs, attributes }: Call<'FusedBatchNormTraining'>,
): tf.TensorInfo[] {
  const { x, gamma, beta } = inputs;
  const { epsilon, activation, shards } = attributes;
  const { channels, pixels, valuesOf, addressOf } = imagesOf(backend, x);
  const { scaled, rectified } = functions;
  // Runs before any tensor is made, because the other shards' sums may never arrive.
  const { mean, variance } = momentsOf(functions, backend, x, shards);
  const y = backend.makeOutput(x.shape, 'float32');
  const made = [0, 1].map(() => backend.makeOutput([channels], 'float32')) as [tf.TensorInfo, tf.TensorInfo];
  const tables = new Tables(backend, channels, 2);
  const scale = variance.map(
    (value, channel) => (valuesOf(gamma)[channel] as number) / Math.sqrt(value + epsilon),
  );
  const shift = scale.map(
    (value, channel) => (valuesOf(beta)[channel] as number) - (mean[channel] as number) * value,
  );
  const write = activation === 'relu' ? rectified : scaled;
  write(addressOf(x), tables.put(scale), tables.put(shift), addressOf(y), pixels, channels / 4);
  valuesOf(made[0]).set(mean);
  valuesOf(made[1]).set(variance);
  tables.dispose();
  return [y, ...made];
}

/**
 * Returns the moments of x, or of the whole batch if x is a shard of it. The mean of each chunk is computed before its
 * squares, while the chunk is in the cache. This takes one pass over memory and avoids cancellation.
 */
function momentsOf(
  { sums, squares }: Functions,
  backend: BackendWasm,
  x: tf.TensorInfo,
  shards: BatchShards | null,
): Moments {
  const { channels, pixels, addressOf } = imagesOf(backend, x);
  const tables = new Tables(backend, channels, 2);
  const [means, spreads] = [new Float64Array(channels), new Float64Array(channels)];
  const [total, square] = tables.free(2) as [Table, Table];
  for (let first = 0; first < pixels; first += CHUNK) {
    const rows = Math.min(CHUNK, pixels - first);
    const start = addressOf(x) + first * channels * FLOAT_BYTES;
    total.values.fill(0);
    sums(start, total.address, rows, channels / 4);
    for (let channel = 0; channel < channels; channel++) {
      total.values[channel] = (total.values[channel] as number) / rows;
    }
    square.values.fill(0);
    squares(start, total.address, square.address, rows, channels / 4);
    // Merges the chunk into the pixels so far (Chan, Golub and LeVeque 1983).
    const share = rows / (first + rows);
    for (let channel = 0; channel < channels; channel++) {
      const mean = means[channel] as number;
      const off = (total.values[channel] as number) - mean;
      means[channel] = mean + share * off;
      spreads[channel] =
        (spreads[channel] as number) + (square.values[channel] as number) + off * off * first * share;
    }
  }
  tables.dispose();
  const own = { mean: means, variance: spreads.map((spread) => spread / pixels) };
  return shards ? wholeMoments(shards, own) : own;
}

function differentiate(
  functions: Functions,
  { backend, inputs, attributes: { epsilon, shards } }: Call<'FusedBatchNormGradient'>,
): tf.TensorInfo[] {
  const { dy, x, y, gamma, mean, variance } = inputs;
  const { channels, pixels, valuesOf, addressOf } = imagesOf(backend, x);
  const images = [dy, x, ...(y ? [y] : [])].map(addressOf);
  const { inputs: whole, rectifiedInputs } = functions;
  const inverse = Float64Array.from(valuesOf(variance), (value) => 1 / Math.sqrt(value + epsilon));
  const { own, ofBatch, pixelsOfBatch } = productsOf(functions, backend, inputs, shards);

  const dx = backend.makeOutput(x.shape, 'float32');
  const made = [0, 1].map(() => backend.makeOutput([channels], 'float32')) as [tf.TensorInfo, tf.TensorInfo];
  const tables = new Tables(backend, channels, 4);
  // dx = scale (d - mean of d - normalized (mean of d normalized)), with normalized = (x - mean) inverse.
  const scale = inverse.map((value, channel) => value * (valuesOf(gamma)[channel] as number));
  const slope = scale.map(
    (value, channel) =>
      (-value * (inverse[channel] as number) ** 2 * (ofBatch.dotted[channel] as number)) / pixelsOfBatch,
  );
  const shift = scale.map((value, channel) => (-value * (ofBatch.dBeta[channel] as number)) / pixelsOfBatch);
  const factors = [valuesOf(mean), scale, slope, shift].map((values) => tables.put(values));
  (y ? rectifiedInputs : whole)(...images, ...factors, addressOf(dx), pixels, channels / 4);
  valuesOf(made[0]).set(own.dotted.map((value, channel) => value * (inverse[channel] as number)));
  valuesOf(made[1]).set(own.dBeta);
  tables.dispose();
  return [dx, ...made];
}

/** Sums per channel of d and of d (x - mean), where d is dy, passed through the ReLU if there is one. */
interface Products {
  readonly dBeta: Float64Array;
  readonly dotted: Float64Array;
}

function productsOf(
  { products, rectifiedProducts }: Functions,
  backend: BackendWasm,
  { dy, x, y, mean }: Call<'FusedBatchNormGradient'>['inputs'],
  shards: BatchShards | null,
): { readonly own: Products; readonly ofBatch: Products; readonly pixelsOfBatch: number } {
  const { channels, pixels, valuesOf, addressOf } = imagesOf(backend, x);
  const tables = new Tables(backend, channels, 3);
  const images = [dy, x, ...(y ? [y] : [])].map(addressOf);
  const meanTable = tables.put(valuesOf(mean));
  const [dBeta, dotted] = tables.sums(pixels, 2, (first, rows, totals) => {
    const chunk = images.map((image) => image + first * channels * FLOAT_BYTES);
    (y ? rectifiedProducts : products)(...chunk, meanTable, ...totals, rows, channels / 4);
  }) as [Float64Array, Float64Array];
  tables.dispose();
  const own = { dBeta, dotted };
  if (!shards) return { own, ofBatch: own, pixelsOfBatch: pixels };
  const joined = new Float64Array(2 * channels);
  joined.set(dBeta);
  joined.set(dotted, channels);
  const sums = wholeSums(shards, joined);
  const ofBatch = { dBeta: sums.subarray(0, channels), dotted: sums.subarray(channels) };
  return { own, ofBatch, pixelsOfBatch: (pixels / (x.shape[0] as number)) * wholeImages(shards) };
}

function imagesOf(backend: BackendWasm, x: tf.TensorInfo) {
  const channels = x.shape.at(-1) as number;
  return {
    channels,
    pixels: tf.util.sizeFromShape(x.shape) / channels,
    ...heapOf(backend),
  };
}

interface Table {
  readonly address: number;
  readonly values: Float32Array;
}

/** Rows of one value per channel, in the engine's memory. */
class Tables {
  readonly #tensor: tf.TensorInfo;
  #count = 0;

  /** @param most Maximum number of rows. */
  constructor(
    private readonly backend: BackendWasm,
    private readonly channels: number,
    most: number,
  ) {
    this.#tensor = backend.makeOutput([most, channels], 'float32');
  }

  /** Writes values to engine memory for the functions to read. Returns their address. */
  put(values: ArrayLike<number>): number {
    const place = this.#count++;
    this.#values(place).set(values);
    return this.#address(place);
  }

  /** Returns the next unused tables. Their values stay valid until the next tensor is made. */
  free(count: number): Table[] {
    return Array.from({ length: count }, (_, table) => ({
      address: this.#address(this.#count + table),
      values: this.#values(this.#count + table),
    }));
  }

  /** Sums over all pixels. `add` adds the sums of some pixels to tables of totals. The tables are free afterwards. */
  sums(
    pixels: number,
    tables: number,
    add: (first: number, rows: number, totals: readonly number[]) => void,
  ): Float64Array[] {
    const totals = this.free(tables);
    const sums = totals.map(() => new Float64Array(this.channels));
    const addresses = totals.map(({ address }) => address);
    for (let first = 0; first < pixels; first += CHUNK) {
      for (const { values } of totals) values.fill(0);
      add(first, Math.min(CHUNK, pixels - first), addresses);
      for (const [table, sum] of sums.entries()) {
        const total = (totals[table] as Table).values;
        for (let channel = 0; channel < sum.length; channel++) {
          sum[channel] = (sum[channel] as number) + (total[channel] as number);
        }
      }
    }
    return sums;
  }

  dispose(): void {
    this.backend.disposeData(this.#tensor.dataId);
  }

  #address(place: number): number {
    return heapOf(this.backend).addressOf(this.#tensor) + place * this.channels * FLOAT_BYTES;
  }

  #values(place: number): Float32Array {
    const values = heapOf(this.backend).valuesOf(this.#tensor);
    return values.subarray(place * this.channels, (place + 1) * this.channels);
  }
}

function assemble(memory: WebAssembly.Memory) {
  const ofScaled = ({ x, scale, shift }: Record<'x' | 'scale' | 'shift', Code>) =>
    add(multiply(x, scale), shift);
  const ofProducts = ({ x, mean, sum, dot }: Record<'x' | 'mean' | 'sum' | 'dot', Code>, dNorm: Code) => [
    add(sum, dNorm),
    add(dot, multiply(dNorm, subtract(x, mean))),
  ];
  const ofInputs = (
    { x, mean, scale, slope, shift }: Record<'x' | 'mean' | 'scale' | 'slope' | 'shift', Code>,
    dNorm: Code,
  ) => [add(add(multiply(dNorm, scale), multiply(subtract(x, mean), slope)), shift)];
  const throughRelu = ({ dy, y }: Record<'dy' | 'y', Code>) => and(dy, greater(y, zero));
  const [ofImages, ofRectified] = [['dy', 'x'] as const, ['dy', 'x', 'y'] as const];
  return instantiate(memory, {
    sums: everyPixel({ images: ['x'], channels: [], totals: ['sum'], outputs: 0 }, ({ x, sum }) => [
      add(sum, x),
    ]),
    squares: everyPixel(
      { images: ['x'], channels: ['mean'], totals: ['sum'], outputs: 0 },
      ({ x, mean, sum }, keep) => {
        const centred = keep(subtract(x, mean));
        return [add(sum, multiply(centred, centred))];
      },
    ),
    scaled: everyPixel({ images: ['x'], channels: ['scale', 'shift'], totals: [], outputs: 1 }, (values) => [
      ofScaled(values),
    ]),
    rectified: everyPixel(
      { images: ['x'], channels: ['scale', 'shift'], totals: [], outputs: 1 },
      (values) => [maximum(ofScaled(values), zero)],
    ),
    products: everyPixel(
      { images: ofImages, channels: ['mean'], totals: ['sum', 'dot'], outputs: 0 },
      (values) => ofProducts(values, values.dy),
    ),
    rectifiedProducts: everyPixel(
      { images: ofRectified, channels: ['mean'], totals: ['sum', 'dot'], outputs: 0 },
      (values, keep) => ofProducts(values, keep(throughRelu(values))),
    ),
    inputs: everyPixel(
      { images: ofImages, channels: ['mean', 'scale', 'slope', 'shift'], totals: [], outputs: 1 },
      (values) => ofInputs(values, values.dy),
    ),
    rectifiedInputs: everyPixel(
      { images: ofRectified, channels: ['mean', 'scale', 'slope', 'shift'], totals: [], outputs: 1 },
      (values) => ofInputs(values, throughRelu(values)),
    ),
  });
}

/** A function's inputs per pixel and per channel, the totals per channel that it updates, and the images it writes. */
interface Signature<Image extends string, Channel extends string, Total extends string> {
  readonly images: readonly Image[];
  readonly channels: readonly Channel[];
  readonly totals: readonly Total[];
  readonly outputs: number;
}

/**
 * Builds a function over all pixels. Its parameters: the input images, the tables, the totals, the output images, the
 * number of pixels, and the vectors per pixel. `compute` returns the new totals and then the outputs.
 */
function everyPixel<Image extends string, Channel extends string, Total extends string>(
  { images, channels, totals, outputs }: Signature<Image, Channel, Total>,
  compute: (values: Record<Image | Channel | Total, Code>, keep: (value: Code) => Code) => readonly Code[],
): FunctionSource {
  const tables = [...channels, ...totals];
  return {
    parameters: images.length + tables.length + outputs + 2,
    body: (f, ...parameters) => {
      const [pixels, vectors] = parameters.slice(-2) as [number, number];
      const imageAddresses = parameters.slice(0, images.length);
      const tableStarts = parameters.slice(images.length, images.length + tables.length);
      const outputAddresses = parameters.slice(images.length + tables.length, -2);
      const tableAddresses = tableStarts.map(() => f.address());
      const each: Code[] = [];
      const keep = (value: Code) => {
        const local = f.vectors(1)[0] as number;
        each.push(set(local, value));
        return get(local);
      };
      const values = Object.fromEntries([
        ...images.map((name, index) => [name, keep(load(imageAddresses[index] as number, 0))]),
        ...tables.map((name, index) => [name, keep(load(tableAddresses[index] as number, 0))]),
      ]) as Record<Image | Channel | Total, Code>;
      const written = [...tableAddresses.slice(channels.length), ...outputAddresses];
      const results = compute(values, keep).map((result, index) =>
        store(written[index] as number, 0, result),
      );
      const moving = [...imageAddresses, ...tableAddresses, ...outputAddresses];
      return f.repeat(
        { local: pixels },
        ...tableAddresses.map((address, index) => set(address, get(tableStarts[index] as number))),
        f.repeat({ local: vectors }, ...each, ...results, ...moving.map((address) => advance(address, 16))),
      );
    },
  };
}
