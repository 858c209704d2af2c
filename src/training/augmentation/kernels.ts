import { type FunctionSource, instantiate } from '../../backends/wasm/assembler';

export const WORD_BYTES = 4;
export const VECTOR_BYTES = 16;
const PAGE_BYTES = 65_536;
/** Kernels load and store whole vectors past the end of an array. */
const SLACK_BYTES = 2 * VECTOR_BYTES;

/** A function of WebAssembly on addresses and counts. */
export type Kernel = (...parameters: number[]) => void;

/** Gives out places in a memory, with room behind each for whole vectors. */
export class Layout {
  #bytes = 0;

  get bytes(): number {
    return this.#bytes;
  }

  /** The address of an array of so many bytes. */
  place(bytes: number): number {
    const address = this.#bytes;
    this.#bytes += roundUp(bytes + SLACK_BYTES, VECTOR_BYTES);
    return address;
  }
}

/**
 * Functions of WebAssembly on a memory of their own, made when first used. The memory holds nothing between two uses,
 * and stays as large as the largest was.
 */
export class Kernels<Name extends string> {
  /** Made when first used: it takes 10 GB of address space, which a process may not have to spare. */
  #memory: WebAssembly.Memory | null = null;
  #functions: Readonly<Record<Name, Kernel>> | null = null;

  constructor(private readonly sources: Readonly<Record<Name, FunctionSource>>) {}

  /** The functions, and their memory with room for a layout. */
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
