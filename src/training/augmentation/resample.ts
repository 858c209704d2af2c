import type { PixelImage } from '../../shared/pixelImage';
import { type AxisWeights, TAPS_MULTIPLE } from './axisWeights';
import { type Kernel, Layout, roundUp, VECTOR_BYTES, WORD_BYTES } from './kernels';
import { HEADER_WORDS, kernels, ROWS_AT_ONCE } from './resampleKernels';

/** Approximate size of the bands of source rows that are copied at a time, small enough for a core's cache. */
const BAND_BYTES = 256 * 1024;

/** How to resample an image along both axes. Pillow rounds to bytes after each pass, so their order matters. */
export interface Resampling {
  /** Position in the image where the axes' inputs begin, in pixels. */
  readonly top: number;
  readonly left: number;
  readonly vertical: AxisWeights;
  readonly horizontal: AxisWeights;
  readonly verticalFirst: boolean;
}

/**
 * Computes the weighted sums of an image's pixels: [height, width, channels] as given by the axes. Needs 1 or 3
 * channels. WebAssembly, four int32 at a time.
 */
export function resample(image: PixelImage, resampling: Resampling): PixelImage {
  if (image.channels !== 1 && image.channels !== 3) throw new RangeError(`${image.channels} channels`);
  return resampling.verticalFirst ? verticalFirst(image, resampling) : horizontalFirst(image, resampling);
}

function horizontalFirst(image: PixelImage, { top, left, vertical, horizontal }: Resampling): PixelImage {
  const { pixels: source, channels } = image;
  const [height, width] = [vertical.starts.length, horizontal.starts.length];
  const rows = vertical.end - vertical.first;
  const sourceStride = (horizontal.end - horizontal.first) * channels;
  const narrowStride = strideOf(width * channels);
  const bandRows = Math.min(rows, rowsOfBand(sourceStride));
  const layout = new Layout();
  const bandAt = layout.place(bandRows * sourceStride);
  const narrowAt = layout.place(rows * narrowStride);
  const targetAt = layout.place(height * width * channels);
  const [horizontalAt, verticalAt] = [
    layout.place(tableBytes(horizontal)),
    layout.place(tableBytes(vertical)),
  ];
  const { memory, functions } = kernels.on(layout);
  writeHorizontalTable(memory, horizontalAt, horizontal, channels);
  writeTable(memory, verticalAt, vertical, narrowStride, 1);
  for (let row = 0; row < rows; row += bandRows) {
    const count = Math.min(bandRows, rows - row);
    const origin = { top: top + vertical.first + row, left: left + horizontal.first };
    copyRows(memory, bandAt, source, image.width * channels, origin, count, sourceStride, channels);
    const target = { at: narrowAt + row * narrowStride, stride: narrowStride };
    runHorizontal(
      functions,
      horizontal,
      horizontalAt,
      { at: bandAt, stride: sourceStride },
      target,
      count,
      channels,
    );
  }
  functions.rows(
    ...[narrowAt, narrowStride, verticalAt, entryBytes(vertical)],
    ...[height, Math.ceil((width * channels) / VECTOR_BYTES), targetAt, width * channels],
  );
  const pixels = new Uint8Array(memory.buffer).slice(targetAt, targetAt + height * width * channels);
  return { pixels, height, width, channels };
}

function verticalFirst(image: PixelImage, { top, left, vertical, horizontal }: Resampling): PixelImage {
  const { pixels: source, channels } = image;
  const [height, width] = [vertical.starts.length, horizontal.starts.length];
  const sourceStride = strideOf((horizontal.end - horizontal.first) * channels);
  const targetStride = strideOf(width * channels);
  const bands = bandsOf(vertical, rowsOfBand(sourceStride));
  const layout = new Layout();
  const bandAt = layout.place(Math.max(...bands.map(({ end, first }) => end - first)) * sourceStride);
  const lowAt = layout.place(height * sourceStride);
  const targetAt = layout.place(height * targetStride);
  const [horizontalAt, verticalAt] = [
    layout.place(tableBytes(horizontal)),
    layout.place(tableBytes(vertical)),
  ];
  const { memory, functions } = kernels.on(layout);
  writeHorizontalTable(memory, horizontalAt, horizontal, channels);
  writeTable(memory, verticalAt, vertical, sourceStride, 1);
  for (const { row, rows, first, end } of bands) {
    const origin = { top: top + first, left: left + horizontal.first };
    copyRows(memory, bandAt, source, image.width * channels, origin, end - first, sourceStride, channels);
    functions.rows(
      // Offsets in the table are relative to the first row that any output needs.
      ...[bandAt - (first - vertical.first) * sourceStride, sourceStride],
      ...[verticalAt + row * entryBytes(vertical), entryBytes(vertical)],
      ...[rows, sourceStride / VECTOR_BYTES, lowAt + row * sourceStride, sourceStride],
    );
  }
  const [low, target] = [
    { at: lowAt, stride: sourceStride },
    { at: targetAt, stride: targetStride },
  ];
  runHorizontal(functions, horizontal, horizontalAt, low, target, height, channels);
  const result = new Uint8Array(memory.buffer);
  const pixels = new Uint8Array(height * width * channels);
  for (let row = 0; row < height; row++) {
    const from = targetAt + row * targetStride;
    pixels.set(result.subarray(from, from + width * channels), row * width * channels);
  }
  return { pixels, height, width, channels };
}

/** Rows in the kernels' memory, and their stride in bytes. */
interface Rows {
  readonly at: number;
  readonly stride: number;
}

/** Returns a row stride in bytes that leaves space for whole vectors and for the byte after the last pixel. */
function strideOf(rowBytes: number): number {
  return roundUp(rowBytes + WORD_BYTES, VECTOR_BYTES);
}

function rowsOfBand(stride: number): number {
  return Math.max(1, Math.floor(BAND_BYTES / stride));
}

interface Band {
  /** Output rows of the band. */
  readonly row: number;
  readonly rows: number;
  /** Input rows that they need. */
  readonly first: number;
  readonly end: number;
}

/** Splits the outputs of an axis into bands with at most `most` inputs. A single output may need more. */
function bandsOf({ starts, counts }: AxisWeights, most: number): Band[] {
  const bands: Band[] = [];
  for (let row = 0; row < starts.length; row++) {
    const [first, end] = [starts[row]!, starts[row]! + counts[row]!];
    const last = bands.at(-1);
    const joined = last && {
      ...{ row: last.row, rows: last.rows + 1 },
      ...{ first: Math.min(last.first, first), end: Math.max(last.end, end) },
    };
    if (joined && joined.end - joined.first <= most) bands[bands.length - 1] = joined;
    else bands.push({ row, rows: 1, first, end });
  }
  return bands;
}

/** Copies part of each row, starting at a pixel of the source, to rows in the kernels' memory. */
function copyRows(
  memory: WebAssembly.Memory,
  address: number,
  source: Uint8Array,
  sourceRowBytes: number,
  origin: { readonly top: number; readonly left: number },
  rows: number,
  stride: number,
  channels: number,
): void {
  const bytes = new Uint8Array(memory.buffer);
  for (let row = 0; row < rows; row++) {
    const from = (origin.top + row) * sourceRowBytes + origin.left * channels;
    bytes.set(source.subarray(from, Math.min(from + stride, source.length)), address + row * stride);
  }
}

function runHorizontal(
  functions: Functions,
  axis: AxisWeights,
  tableAt: number,
  source: Rows,
  target: Rows,
  rows: number,
  channels: number,
): void {
  const run = (kernel: Kernel, first: number, times: number) => {
    if (times === 0) return;
    kernel(
      ...[source.at + first * source.stride, source.stride, tableAt, entryBytes(axis)],
      ...[axis.starts.length, times, target.at + first * target.stride, target.stride],
    );
  };
  if (channels === 1) {
    run(functions.grayColumns, 0, rows);
  } else {
    const groups = Math.floor(rows / ROWS_AT_ONCE);
    run(functions.colorColumnsOfRows, 0, groups);
    run(functions.colorColumns, groups * ROWS_AT_ONCE, rows - groups * ROWS_AT_ONCE);
  }
}

function entryBytes({ taps }: AxisWeights): number {
  return (HEADER_WORDS + taps) * WORD_BYTES;
}

function tableBytes(axis: AxisWeights): number {
  return axis.starts.length * entryBytes(axis);
}

function writeHorizontalTable(
  memory: WebAssembly.Memory,
  address: number,
  axis: AxisWeights,
  channels: number,
): void {
  // The grayscale kernel computes as many pixels at once as a vector holds.
  writeTable(memory, address, axis, channels, channels === 1 ? TAPS_MULTIPLE : 1);
}

/** Writes an axis in the kernels' format, relative to its first input: for each output a header, then its weights. */
function writeTable(
  memory: WebAssembly.Memory,
  address: number,
  axis: AxisWeights,
  bytesPerInput: number,
  inputsAtOnce: number,
): void {
  const words = new Int32Array(memory.buffer, address, tableBytes(axis) / WORD_BYTES);
  const { starts, counts, taps, weights, first } = axis;
  let to = 0;
  for (let index = 0; index < starts.length; index++) {
    words[to++] = (starts[index]! - first) * bytesPerInput;
    words[to++] = Math.ceil(counts[index]! / inputsAtOnce);
    for (let tap = 0; tap < taps; tap++) words[to++] = weights[index * taps + tap]!;
  }
}

type Functions = ReturnType<typeof kernels.on>['functions'];
