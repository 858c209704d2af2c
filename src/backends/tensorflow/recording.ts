import type { StoredType } from './binding';

/** An op's attributes by name. A `type` is TensorFlow's number. */
export type Attributes = Readonly<Record<string, Attribute>>;
export type Attribute =
  | string
  | boolean
  | readonly number[]
  | { readonly int: number }
  | { readonly float: number }
  | { readonly type: number };

/** A tensor of a graph: the node that produces it, and the index among that node's outputs. */
export interface Source {
  readonly node: number;
  readonly output: number;
}

/** A node of a graph. It comes after the nodes that it reads. */
export type GraphNode =
  | { readonly kind: 'input'; readonly type: StoredType; readonly shape: readonly number[] }
  | {
      readonly kind: 'constant';
      readonly type: StoredType;
      readonly shape: readonly number[];
      readonly bytes: Uint8Array;
    }
  | {
      readonly kind: 'op';
      readonly op: string;
      readonly attributes: Attributes;
      readonly inputs: readonly Source[];
    };

export interface RecordedGraph {
  readonly nodes: readonly GraphNode[];
  readonly inputs: readonly Source[];
  readonly outputs: readonly Source[];
}

/** A computation does something that a graph cannot. */
export class UnrecordableError extends Error {
  override readonly name = 'UnrecordableError';
}

/** Records the ops of a computation. It tracks their inputs and outputs by tensor identity. */
export class Recording {
  readonly #nodes: GraphNode[] = [];
  readonly #sources = new Map<object, Source>();
  readonly #constants = new Map<string, Source>();
  readonly #inputs: Source[] = [];
  /** Why the computation cannot be a graph. */
  #problem: string | null = null;

  /** Adds a tensor whose values change with each run of the graph. */
  addInput(tensor: object, type: StoredType, shape: readonly number[]): void {
    const source = this.#add({ kind: 'input', type, shape });
    this.#inputs.push(source);
    this.#sources.set(tensor, source);
  }

  /** Adds a tensor with values from JavaScript, which are the same in each run of the graph. */
  addTensor(tensor: object, type: StoredType, shape: readonly number[], values: ArrayBufferView): void {
    this.#sources.set(tensor, this.#constant(type, shape, values));
  }

  /** Adds an op and its output tensors. Each input is a known tensor or a source. */
  addOp(
    op: string,
    attributes: Attributes,
    inputs: readonly ({ readonly tensor: object } | Source)[],
    outputs: readonly object[],
  ): void {
    const sources = inputs.map((input) => ('tensor' in input ? this.#sources.get(input.tensor) : input));
    if (!sources.every((source) => source !== undefined)) {
      this.refuse(`${op} reads a tensor that is not among the inputs`);
      return;
    }
    const { node } = this.#add({ kind: 'op', op, attributes, inputs: sources });
    for (const [output, tensor] of outputs.entries()) this.#sources.set(tensor, { node, output });
  }

  /**
   * Returns a constant without a tensor, one per key. `convert` names the op that converts it to its format, if needed.
   */
  constant(
    key: string,
    type: StoredType,
    shape: readonly number[],
    values: ArrayBufferView,
    convert: Attributes | null = null,
  ): Source {
    const known = this.#constants.get(key);
    if (known) return known;
    const constant = this.#constant(type, shape, values);
    const source = convert
      ? this.#add({ kind: 'op', op: 'Cast', attributes: convert, inputs: [constant] })
      : constant;
    this.#constants.set(key, source);
    return source;
  }

  /**
   * Marks the computation as impossible for a graph. The computation continues, so that its caller can release
   * everything.
   */
  refuse(reason: string): void {
    this.#problem ??= reason;
  }

  /** @throws {UnrecordableError} if the computation was refused, or an output is not one of its tensors */
  finish(outputs: readonly object[]): RecordedGraph {
    const sources = outputs.map((tensor) => this.#sources.get(tensor));
    if (this.#problem !== null) throw new UnrecordableError(this.#problem);
    if (!sources.every((source) => source !== undefined)) {
      throw new UnrecordableError('An output comes from no op');
    }
    return { nodes: this.#nodes, inputs: this.#inputs, outputs: sources };
  }

  #constant(type: StoredType, shape: readonly number[], values: ArrayBufferView): Source {
    const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength).slice();
    return this.#add({ kind: 'constant', type, shape, bytes });
  }

  #add(node: GraphNode): Source {
    return { node: this.#nodes.push(node) - 1, output: 0 };
  }
}
