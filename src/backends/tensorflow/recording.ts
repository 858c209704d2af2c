import type { StoredType } from './binding';

/** An op's attribute by name; a `type` is TensorFlow's number. */
export type Attributes = Readonly<Record<string, Attribute>>;
export type Attribute =
  | string
  | boolean
  | readonly number[]
  | { readonly int: number }
  | { readonly float: number }
  | { readonly type: number };

/** A tensor of a graph: the node that gives it, and which of its outputs it is. */
export interface Source {
  readonly node: number;
  readonly output: number;
}

/** A node of a graph. It stands after those that it reads. */
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

/** What of a computation cannot be a graph. */
export class UnrecordableError extends Error {
  override readonly name = 'UnrecordableError';
}

/** Writes down the ops of a computation, by the identity of the tensors that go into them and come out. */
export class Recording {
  readonly #nodes: GraphNode[] = [];
  readonly #sources = new Map<object, Source>();
  readonly #constants = new Map<string, Source>();
  readonly #inputs: Source[] = [];
  /** Why the computation is none that a graph can do. */
  #problem: string | null = null;

  /** A tensor that is another one each time the graph runs. */
  addInput(tensor: object, type: StoredType, shape: readonly number[]): void {
    const source = this.#add({ kind: 'input', type, shape });
    this.#inputs.push(source);
    this.#sources.set(tensor, source);
  }

  /** A tensor of JavaScript's numbers, which are the same each time the graph runs. */
  addTensor(tensor: object, type: StoredType, shape: readonly number[], values: ArrayBufferView): void {
    this.#sources.set(tensor, this.#constant(type, shape, values));
  }

  /** An op and the tensors it gave. Each of its inputs is a tensor that is known here, or a source. */
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

  /** A constant that has no tensor, one for each key. `convert` names the op that takes it to its format, if any. */
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

  /** Says that the computation does what a graph cannot. It goes on, so that whoever computes can let go of all. */
  refuse(reason: string): void {
    this.#problem ??= reason;
  }

  /** @throws {UnrecordableError} when the computation was refused, or an output is none of its tensors */
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
