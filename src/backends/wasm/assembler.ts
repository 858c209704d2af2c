/**
 * Assembles WebAssembly functions: nested counted loops over vectors of four float32, specialized to a shape. Every
 * stride and trip count is a constant in the code. It supports only the instructions that the kernels here use. There
 * is therefore no compiler to install, and no binary to keep in sync with its source.
 *
 * Instructions: https://webassembly.github.io/spec/core/binary/instructions.html
 */

/** Instructions as bytes. They leave at most one value on the stack. */
export type Code = readonly number[];

/** Index of a function's local variable: an address or counter (i32), or a vector (v128). */
type Local = number;

const I32 = 0x7f;
const V128 = 0x7b;
const VOID = 0x40;

const unsigned = (value: number): number[] =>
  value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...unsigned(value >>> 7)];
const signed = (value: number): number[] =>
  value >= -0x40 && value < 0x40 ? [value & 0x7f] : [(value & 0x7f) | 0x80, ...signed(value >> 7)];
const simd = (opcode: number): number[] => [0xfd, ...unsigned(opcode)];
/** Alignment 1 (2 ^ 0), a hint that costs nothing on today's CPUs, and a constant offset in bytes. */
const at = (offset: number): number[] => [0, ...unsigned(offset)];

const constant = (value: number): Code => [0x41, ...signed(value)];
export const get = (local: Local): Code => [0x20, ...unsigned(local)];
export const set = (local: Local, value: Code): Code => [...value, 0x21, ...unsigned(local)];
/** Advances an address by a constant number of bytes. */
export const advance = (local: Local, bytes: number): Code =>
  bytes === 0 ? [] : set(local, [...get(local), ...constant(bytes), 0x6a]);

/** Advances an address by the number of bytes in another local. */
export const advanceBy = (local: Local, bytes: Local): Code =>
  set(local, [...get(local), ...get(bytes), 0x6a]);

/** Loads an int32, such as an address, from an address plus a constant offset. */
export const loadInteger = (address: Local, offset: number): Code => [...get(address), 0x28, ...at(offset)];
/** Loads four float32 from an address plus a constant offset. */
export const load = (address: Local, offset: number): Code => [...get(address), ...simd(0), ...at(offset)];
/** Loads one float32 from an address plus a constant offset into all four lanes. */
export const loadSplat = (address: Local, offset: number): Code => [
  ...get(address),
  ...simd(0x09),
  ...at(offset),
];
export const store = (address: Local, offset: number, value: Code): Code => [
  ...get(address),
  ...value,
  ...simd(0x0b),
  ...at(offset),
];
export const zero: Code = [...simd(0x0c), ...new Array<number>(16).fill(0)];
export const add = (left: Code, right: Code): Code => [...left, ...right, ...simd(0xe4)];
export const subtract = (left: Code, right: Code): Code => [...left, ...right, ...simd(0xe5)];
export const multiply = (left: Code, right: Code): Code => [...left, ...right, ...simd(0xe6)];
export const divide = (left: Code, right: Code): Code => [...left, ...right, ...simd(0xe7)];
/** Picks four words from two vectors. Words 0 to 3 are from the left one, 4 to 7 from the right one. */
export const shuffle = (left: Code, right: Code, words: readonly number[]): Code => [
  ...left,
  ...right,
  ...simd(0x0d),
  ...words.flatMap((word) => [0, 1, 2, 3].map((byte) => 4 * word + byte)),
];
export const squareRoot = (value: Code): Code => [...value, ...simd(0xe3)];

/** Element-wise maximum. Returns the left value if either is NaN. */
export const maximum = (left: Code, right: Code): Code => [...left, ...right, ...simd(0xeb)];

/** A vector of four words, given by their bits. */
export const words = (...bits: readonly [number, number, number, number]): Code => [
  ...simd(0x0c),
  ...bits.flatMap((word) => [0, 8, 16, 24].map((shift) => (word >>> shift) & 0xff)),
];
/** A vector of four equal words. */
export const splat = (bits: number): Code => words(bits, bits, bits, bits);
export const and = (left: Code, right: Code): Code => [...left, ...right, ...simd(0x4e)];
export const or = (left: Code, right: Code): Code => [...left, ...right, ...simd(0x50)];
/** All ones if two float32 differ. A NaN differs from itself. */
export const notEqual = (left: Code, right: Code): Code => [...left, ...right, ...simd(0x42)];
/** All ones if the left float32 is greater. */
export const greater = (left: Code, right: Code): Code => [...left, ...right, ...simd(0x44)];
/** Operates on vectors of four int32, like the three below. The shift fills with zeros. */
export const addIntegers = (left: Code, right: Code): Code => [...left, ...right, ...simd(0xae)];
export const minimumInteger = (left: Code, right: Code): Code => [...left, ...right, ...simd(0xb6)];
export const maximumInteger = (left: Code, right: Code): Code => [...left, ...right, ...simd(0xb8)];
export const shiftRight = (value: Code, bits: number): Code => [...value, ...constant(bits), ...simd(0xad)];

export const multiplyIntegers = (left: Code, right: Code): Code => [...left, ...right, ...simd(0xb5)];
/** Shifts four int32 right and keeps their signs. */
export const shiftRightSigned = (value: Code, bits: number): Code => [
  ...value,
  ...constant(bits),
  ...simd(0xac),
];
export const subtractIntegers = (left: Code, right: Code): Code => [...left, ...right, ...simd(0xb1)];
/** Converts four int32 to float32, rounded if they have too many bits. */
export const toFloats = (value: Code): Code => [...value, ...simd(0xfa)];
/** Converts four float32 to int32, rounded toward zero. Values out of range become the nearest int32. */
export const toIntegers = (value: Code): Code => [...value, ...simd(0xf8)];
/** Loads four bytes from an address plus a constant offset as four int32. */
export const loadBytes = (address: Local, offset: number): Code => [
  ...get(address),
  ...simd(0x5c),
  ...at(offset),
  ...simd(0x89),
  ...simd(0xa9),
];
/** Packs sixteen int32 in four vectors into bytes, clamped to 0 through 255. */
export const toBytes = (first: Code, second: Code, third: Code, fourth: Code): Code => [
  ...[...first, ...second, ...simd(0x85)],
  ...[...third, ...fourth, ...simd(0x85)],
  ...simd(0x66),
];
/** Stores a vector's first four bytes. */
export const storeFourBytes = (address: Local, offset: number, value: Code): Code => [
  ...get(address),
  ...value,
  ...simd(0x5a),
  ...at(offset),
  0,
];
/** Adds two addresses or counts. */
export const sumOf = (left: Code, right: Code): Code => [...left, ...right, 0x6a];

/** Collects the locals of a function and builds its code. */
export class FunctionBuilder<Parameters extends readonly Local[] = readonly Local[]> {
  readonly #types: number[] = [];

  constructor(readonly parameters: Parameters) {}

  address(): Local {
    return this.#local(I32);
  }

  vectors(count: number): Local[] {
    return Array.from({ length: count }, () => this.#local(V128));
  }

  /** Runs `body` a constant number of times, or the number of times in a local. At least once in either case. */
  repeat(times: number | { readonly local: Local }, ...body: Code[]): Code {
    const once = body.flat();
    if (times === 0) return [];
    if (times === 1) return once;
    const counter = this.address();
    return [
      ...set(counter, typeof times === 'number' ? constant(times) : get(times.local)),
      ...[0x03, VOID],
      ...once,
      ...advance(counter, -1),
      ...get(counter),
      ...[0x0d, 0, 0x0b],
    ];
  }

  /** Encodes the function's entry in the code section. */
  encode(body: Code): number[] {
    const locals = this.#types.flatMap((type) => [1, type]);
    return sized([...unsigned(this.#types.length), ...locals, ...body, 0x0b]);
  }

  #local(type: number): Local {
    return this.parameters.length + this.#types.push(type) - 1;
  }
}

/** A function of addresses and counts: its number of parameters and its body. */
export interface FunctionSource {
  readonly parameters: number;
  readonly body: (f: FunctionBuilder, ...parameters: Local[]) => Code;
}

/**
 * Assembles functions into a module for a given memory and instantiates it. The cost is small. See docs/performance.md.
 */
export function instantiate<Name extends string>(
  memory: WebAssembly.Memory,
  functions: Readonly<Record<Name, FunctionSource>>,
): Record<Name, (...parameters: number[]) => void> {
  const sources = Object.values<FunctionSource>(functions);
  const bytes = [
    ...[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(
      1,
      sources.map(({ parameters }) => [0x60, parameters, ...new Array<number>(parameters).fill(I32), 0]),
    ),
    // Accepts any memory: no maximum, and a minimum of zero pages.
    ...section(2, [[...text('env'), ...text('memory'), 0x02, 0x00, 0]]),
    ...section(
      3,
      sources.map((_source, index) => unsigned(index)),
    ),
    ...section(
      7,
      Object.keys(functions).map((name, index) => [...text(name), 0x00, ...unsigned(index)]),
    ),
    ...section(
      10,
      sources.map(({ parameters, body }) => {
        const builder = new FunctionBuilder(Array.from({ length: parameters }, (_, index) => index));
        return builder.encode(body(builder, ...builder.parameters));
      }),
    ),
  ];
  const module = new WebAssembly.Module(Uint8Array.from(bytes));
  const { exports } = new WebAssembly.Instance(module, { env: { memory } });
  return exports as Record<Name, (...parameters: number[]) => void>;
}

function section(id: number, entries: readonly (readonly number[])[]): number[] {
  return [id, ...sized([...unsigned(entries.length), ...entries.flat()])];
}

function sized(bytes: readonly number[]): number[] {
  return [...unsigned(bytes.length), ...bytes];
}

function text(value: string): number[] {
  return sized([...new TextEncoder().encode(value)]);
}
