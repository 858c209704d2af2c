import { type FunctionSource, instantiate } from '../../backends/wasm/assembler';

export const WORD_BYTES = 4;
export const VECTOR_BYTES = 16;
const PAGE_BYTES = 65_536;
/** Kernels load and store whole vectors past the end of an array. */
const SLACK_BYTES = 2 * VECTOR_BYTES;

/** A WebAssembly function of addresses and counts. */
export type Kernel = (...parameters: number[]) => void;

/** Assigns addresses in a memory, with space after each array for whole vectors. */
export class Layout {
  #bytes = 0;

  get bytes(): number {
    return this.#bytes;
  }

  /** Reserves an array of `bytes` bytes. Returns its address. */
  place(bytes: number): number {
    const address = this.#bytes;
    this.#bytes += roundUp(bytes + SLACK_BYTES, VECTOR_BYTES);
    return address;
  }
}

/**
 * WebAssembly functions with their own memory, created on first use. The memory keeps nothing between two uses, and
 * never shrinks.
 */
export class Kernels<Name extends string> {
  /** Created on first use: it reserves a lot of address space. See docs/performance.md. */
  #memory: WebAssembly.Memory | null = null;
  #functions: Readonly<Record<Name, Kernel>> | null = null;

  constructor(private readonly sources: Readonly<Record<Name, FunctionSource>>) {}

  /** Returns the functions, and their memory with space for a layout. */
  on({ bytes }: Layout): { memory: WebAssembly.Memory; functions: Readonly<Record<Name, Kernel>> } {
    this.#memory ??= new WebAssembly.Memory({ initial: 0 });
    const missing = bytes - this.#memory.buffer.byteLength;
    if (missing > 0) this.#memory.grow(Math.ceil(missing / PAGE_BYTES));
    this.#functions ??= instantiate(this.#memory, this.sources);
    return { memory: this.#memory, functions: this.#functions };
  }
}

export function roundUp(value: number, multiple: number): number {
  return Math.ceil(value / multiple) * multiple;
}
