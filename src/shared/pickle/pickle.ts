/**
 * Reads Python pickles of protocols 0 to 5 without executing them (opcodes from CPython's Lib/pickletools.py). Never
 * imports globals and never makes calls: both become inert values that name what the pickle asked for. Two calls are
 * read as data, because they only spell plain data differently: `collections.OrderedDict`, and `_codecs.encode`, which
 * Python 3 uses for bytes in protocols 0 to 2.
 */

export type PickleValue =
  | null
  | boolean
  | number
  /** An integer beyond 2^53. */
  | bigint
  | string
  /** Python 3 bytes or a Python 2 str, as a view into the pickle. */
  | Uint8Array
  /** A list, tuple or set. */
  | PickleValue[]
  | PickleDict
  | PickleGlobal
  | PickleObject
  | PicklePersistent;

/** A dict or OrderedDict, in order. For equal keys, the last one wins. */
export class PickleDict {
  readonly entries: [PickleValue, PickleValue][] = [];

  /** Returns the value of a text key, in any of Python's string types; undefined if there is none. */
  get(key: string): PickleValue | undefined {
    return this.entries.findLast(([own]) => pickleText(own) === key)?.[1];
  }
}

/** The name of a class or function, which is never looked up. */
export class PickleGlobal {
  constructor(
    readonly module: string,
    readonly name: string,
  ) {}

  /** For example `torch._utils._rebuild_tensor_v2`. */
  get path(): string {
    return `${this.module}.${this.name}`;
  }
}

/** The result of a call that is never made. */
export class PickleObject {
  /** The argument of `__setstate__`; undefined if there is none. */
  state: PickleValue | undefined;
  /** Items to append, as for a subclass of list. */
  readonly items: PickleValue[] = [];
  /** Entries to set, as for a subclass of dict. */
  readonly entries: [PickleValue, PickleValue][] = [];

  constructor(
    readonly callee: PickleValue,
    readonly args: readonly PickleValue[],
  ) {}
}

/** A reference to data outside the pickle, such as the storage of a tensor. */
export class PicklePersistent {
  constructor(readonly id: PickleValue) {}
}

/** The error for bytes that are not a readable pickle. */
export class PickleError extends Error {
  override readonly name = 'PickleError';
}

/** Returns the text of any Python string type, decoding Python 2's as Latin-1; null for other values. */
export function pickleText(value: PickleValue | undefined): string | null {
  if (typeof value === 'string') return value;
  return value instanceof Uint8Array ? latin1(value) : null;
}

/** The default maximum number of values in a pickle. */
const MAX_VALUES = 20_000_000;
/** Integers are counters and sizes, and none has this many digits. */
const MAX_INTEGER_BYTES = 1024;

/**
 * Returns a pickle's value. Its byte strings are views of `bytes`. Values are shared as in the pickle and may contain
 * themselves, so readers must limit their depth.
 *
 * @throws PickleError if the bytes are truncated, are not a pickle, or have more than `maxValues` values
 */
export function readPickle(bytes: Uint8Array, maxValues = MAX_VALUES): PickleValue {
  return readPickleAt(bytes, 0, maxValues).value;
}

/** Like `readPickle`, for a pickle that starts at `start`. `end` is the position after it. */
export function readPickleAt(
  bytes: Uint8Array,
  start: number,
  maxValues = MAX_VALUES,
): { readonly value: PickleValue; readonly end: number } {
  return new Machine(bytes, start, maxValues).run();
}

/** The pickle stack machine. A mark sets the stack aside and begins a new one. */
class Machine {
  #position: number;
  #stack: PickleValue[] = [];
  readonly #aside: PickleValue[][] = [];
  readonly #memo = new Map<number, PickleValue>();
  #values = 0;
  readonly #view: DataView;

  constructor(
    private readonly bytes: Uint8Array,
    start: number,
    private readonly maxValues: number,
  ) {
    this.#position = start;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  run(): { value: PickleValue; end: number } {
    for (;;) {
      const at = this.#position;
      const code = this.uint8();
      if (code === STOP) return { value: this.pop(), end: this.#position };
      const run = OPCODES[code];
      if (!run) throw new PickleError(`byte ${at} is ${hex(code)}, which is no opcode that is read here`);
      run(this);
    }
  }

  push(value: PickleValue): void {
    if (++this.#values > this.maxValues) throw new PickleError(`it has more than ${this.maxValues} values`);
    this.#stack.push(value);
  }

  pop(): PickleValue {
    const value = this.#stack.pop();
    if (value === undefined) throw this.#tooFew();
    return value;
  }

  /** Returns the top value without removing it. */
  top(): PickleValue {
    const value = this.#stack.at(-1);
    if (value === undefined) throw this.#tooFew();
    return value;
  }

  #tooFew(): PickleError {
    return new PickleError(`the opcode before byte ${this.#position} needs more values than there are`);
  }

  mark(): void {
    if (++this.#values > this.maxValues) throw new PickleError(`it has more than ${this.maxValues} values`);
    this.#aside.push(this.#stack);
    this.#stack = [];
  }

  /** Removes the last mark, and returns the values pushed since. */
  sinceMark(): PickleValue[] {
    const before = this.#aside.pop();
    if (!before) throw this.#tooFew();
    const values = this.#stack;
    this.#stack = before;
    return values;
  }

  /** Removes the top value, or a mark without values on it. */
  drop(): void {
    if (this.#stack.length > 0) this.#stack.pop();
    else this.sinceMark();
  }

  put(index: number): void {
    this.#memo.set(index, this.top());
  }

  memoize(): void {
    this.#memo.set(this.#memo.size, this.top());
  }

  get(index: number): void {
    const value = this.#memo.get(index);
    if (value === undefined) throw new PickleError(`it names value ${index}, which it does not hold`);
    this.push(value);
  }

  /** Consumes `length` bytes, which must exist, and returns their start. */
  #take(length: number): number {
    const start = this.#position;
    if (length > this.bytes.length - start) {
      throw new PickleError(`it ends at byte ${this.bytes.length}, in the middle of a value`);
    }
    this.#position = start + length;
    return start;
  }

  uint8(): number {
    return this.#view.getUint8(this.#take(1));
  }

  uint16(): number {
    return this.#view.getUint16(this.#take(2), true);
  }

  int32(): number {
    return this.#view.getInt32(this.#take(4), true);
  }

  uint32(): number {
    return this.#view.getUint32(this.#take(4), true);
  }

  /** Reads a length. One beyond 2^53 still exceeds the file. */
  uint64(): number {
    return Number(this.#view.getBigUint64(this.#take(8), true));
  }

  /** Reads a big-endian number, as in BINFLOAT. */
  float64(): number {
    return this.#view.getFloat64(this.#take(8), false);
  }

  data(length: number): Uint8Array {
    if (length < 0) throw new PickleError(`a value has the length ${length}`);
    const start = this.#take(length);
    return this.bytes.subarray(start, start + length);
  }

  /** Reads to the end of the line, without the line feed. */
  line(): Uint8Array {
    const end = this.bytes.indexOf(NEW_LINE, this.#position);
    if (end < 0) throw new PickleError(`it ends at byte ${this.bytes.length}, in the middle of a line`);
    const line = this.data(end - this.#position);
    this.#position++;
    return line;
  }
}

const NEW_LINE = 0x0a;
const STOP = '.'.charCodeAt(0);

type Opcode = (machine: Machine) => void;

/** By the opcode's byte. */
const OPCODES: readonly (Opcode | undefined)[] = opcodesOf({
  // Numbers and constants.
  N: (m) => m.push(null),
  '\x88': (m) => m.push(true),
  '\x89': (m) => m.push(false),
  I: (m) => {
    const text = latin1(m.line());
    m.push(text === '00' || text === '01' ? text === '01' : decimal(text));
  },
  L: (m) => m.push(decimal(latin1(m.line()).replace(/L$/, ''))),
  F: (m) => m.push(decimalFloat(latin1(m.line()))),
  J: (m) => m.push(m.int32()),
  K: (m) => m.push(m.uint8()),
  M: (m) => m.push(m.uint16()),
  '\x8a': (m) => m.push(integer(m.data(m.uint8()))),
  '\x8b': (m) => m.push(integer(m.data(m.int32()))),
  G: (m) => m.push(m.float64()),
  // Text and bytes.
  S: (m) => m.push(unquoted(latin1(m.line()))),
  T: (m) => m.push(m.data(m.int32())),
  U: (m) => m.push(m.data(m.uint8())),
  V: (m) => m.push(rawUnicode(latin1(m.line()))),
  X: (m) => m.push(utf8(m.data(m.uint32()))),
  '\x8c': (m) => m.push(utf8(m.data(m.uint8()))),
  '\x8d': (m) => m.push(utf8(m.data(m.uint64()))),
  B: (m) => m.push(m.data(m.uint32())),
  C: (m) => m.push(m.data(m.uint8())),
  '\x8e': (m) => m.push(m.data(m.uint64())),
  '\x96': (m) => m.push(m.data(m.uint64())),
  // Lists, tuples, sets and dicts.
  ']': (m) => m.push([]),
  ')': (m) => m.push([]),
  '\x8f': (m) => m.push([]),
  '}': (m) => m.push(new PickleDict()),
  l: (m) => m.push(m.sinceMark()),
  t: (m) => m.push(m.sinceMark()),
  '\x91': (m) => m.push(m.sinceMark()),
  '\x85': (m) => m.push([m.pop()]),
  '\x86': (m) => m.push(popped(m, 2)),
  '\x87': (m) => m.push(popped(m, 3)),
  d: (m) => {
    const dict = new PickleDict();
    setEntries(dict, m.sinceMark());
    m.push(dict);
  },
  a: (m) => append(popped(m, 1), m.top()),
  e: (m) => append(m.sinceMark(), m.top()),
  '\x90': (m) => append(m.sinceMark(), m.top()),
  s: (m) => {
    const entry = popped(m, 2);
    setEntries(m.top(), entry);
  },
  u: (m) => {
    const entries = m.sinceMark();
    setEntries(m.top(), entries);
  },
  // Globals, and the calls that are not made.
  c: (m) => {
    const module = utf8(m.line());
    m.push(new PickleGlobal(module, utf8(m.line())));
  },
  '\x93': (m) => {
    const [module, name] = popped(m, 2).map(pickleText);
    if (module == null || name == null) throw new PickleError('the name of a global is no text');
    m.push(new PickleGlobal(module, name));
  },
  R: (m) => {
    const [callee, args] = popped(m, 2) as [PickleValue, PickleValue];
    m.push(called(callee, args));
  },
  '\x81': (m) => {
    const [callee, args] = popped(m, 2) as [PickleValue, PickleValue];
    m.push(called(callee, args));
  },
  '\x92': (m) => {
    const [callee, args] = popped(m, 3) as [PickleValue, PickleValue, PickleValue];
    // Keyword arguments do not matter for an object that is never created.
    m.push(called(callee, args));
  },
  i: (m) => {
    const module = utf8(m.line());
    const callee = new PickleGlobal(module, utf8(m.line()));
    m.push(called(callee, m.sinceMark()));
  },
  o: (m) => {
    const [callee, ...args] = m.sinceMark();
    if (callee === undefined) throw new PickleError('an object has no class');
    m.push(called(callee, args));
  },
  b: (m) => {
    const state = m.pop();
    const target = m.top();
    if (target instanceof PickleObject) target.state = state;
  },
  P: (m) => m.push(new PicklePersistent(latin1(m.line()))),
  Q: (m) => m.push(new PicklePersistent(m.pop())),
  // The stack and the memo.
  '(': (m) => m.mark(),
  '0': (m) => m.drop(),
  '1': (m) => void m.sinceMark(),
  '2': (m) => m.push(m.top()),
  p: (m) => m.put(memoIndex(m.line())),
  q: (m) => m.put(m.uint8()),
  r: (m) => m.put(m.uint32()),
  '\x94': (m) => m.memoize(),
  g: (m) => m.get(memoIndex(m.line())),
  h: (m) => m.get(m.uint8()),
  j: (m) => m.get(m.uint32()),
  // Protocol and framing.
  '\x80': (m) => {
    const protocol = m.uint8();
    if (protocol > 5) throw new PickleError(`it is of protocol ${protocol}, and those up to 5 are read here`);
  },
  '\x95': (m) => void m.uint64(),
});

function opcodesOf(byCharacter: Readonly<Record<string, Opcode>>): (Opcode | undefined)[] {
  const opcodes = new Array<Opcode | undefined>(256);
  for (const [character, opcode] of Object.entries(byCharacter)) opcodes[character.charCodeAt(0)] = opcode;
  return opcodes;
}

/** Pops the top `count` values, lowest first. */
function popped(machine: Machine, count: number): PickleValue[] {
  return Array.from({ length: count }, () => machine.pop()).reverse();
}

function append(values: readonly PickleValue[], target: PickleValue): void {
  const list = target instanceof PickleObject ? target.items : target;
  if (!Array.isArray(list)) throw new PickleError('values are appended to what is no list');
  for (const value of values) list.push(value);
}

function setEntries(target: PickleValue, keysAndValues: readonly PickleValue[]): void {
  if (!(target instanceof PickleDict || target instanceof PickleObject)) {
    throw new PickleError('entries are set in what is no dict');
  }
  if (keysAndValues.length % 2 !== 0) throw new PickleError('a key of a dict has no value');
  for (let index = 0; index < keysAndValues.length; index += 2) {
    target.entries.push([keysAndValues[index] as PickleValue, keysAndValues[index + 1] as PickleValue]);
  }
}

/** Returns the value of a call: data if it can only be data, else an inert object. */
function called(callee: PickleValue, args: PickleValue): PickleValue {
  if (!Array.isArray(args)) throw new PickleError('the arguments of a call are no tuple');
  if (!(callee instanceof PickleGlobal)) return new PickleObject(callee, args);
  switch (callee.path) {
    case 'collections.OrderedDict': {
      const dict = new PickleDict();
      const [pairs] = args;
      // Python 2 stores the entries as a list of pairs.
      for (const pair of Array.isArray(pairs) ? pairs : []) {
        setEntries(dict, Array.isArray(pair) ? pair : [pair]);
      }
      return dict;
    }
    case '_codecs.encode': {
      const [text, encoding] = args;
      if (typeof text === 'string' && encoding === 'latin1') {
        return Uint8Array.from(text, (character) => character.charCodeAt(0));
      }
      return new PickleObject(callee, args);
    }
    default:
      return new PickleObject(callee, args);
  }
}

function latin1(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
}

const decoder = new TextDecoder();

function utf8(bytes: Uint8Array): string {
  return decoder.decode(bytes);
}

function decimal(text: string): number | bigint {
  if (!/^[+-]?\d+$/.test(text) || text.length > MAX_INTEGER_BYTES) throw notANumber(text);
  const value = Number(text);
  return Number.isSafeInteger(value) ? value : BigInt(text);
}

function decimalFloat(text: string): number {
  const named = new Map([
    ['inf', Number.POSITIVE_INFINITY],
    ['-inf', Number.NEGATIVE_INFINITY],
    ['nan', Number.NaN],
  ]);
  const value = named.get(text) ?? Number(text);
  if (text.trim() === '' || (Number.isNaN(value) && text !== 'nan')) throw notANumber(text);
  return value;
}

function notANumber(text: string): PickleError {
  return new PickleError(`${JSON.stringify(text.slice(0, 40))} is no number`);
}

/** Decodes a little-endian two's complement integer. */
function integer(bytes: Uint8Array): number | bigint {
  if (bytes.length > MAX_INTEGER_BYTES) throw new PickleError(`an integer has ${bytes.length} bytes`);
  let value = 0n;
  for (const byte of bytes.toReversed()) value = (value << 8n) | BigInt(byte);
  value = BigInt.asIntN(8 * bytes.length, value);
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}

function memoIndex(line: Uint8Array): number {
  const index = decimal(latin1(line));
  if (typeof index !== 'number') throw notANumber(String(index));
  return index;
}

const ESCAPES: Readonly<Record<string, string>> = {
  n: '\n',
  r: '\r',
  t: '\t',
  "'": "'",
  '"': '"',
  '\\': '\\',
};

/** Decodes a string written in the form of Python 2's repr. */
function unquoted(text: string): Uint8Array {
  const [, , inner] = /^(['"])(.*)\1$/.exec(text) ?? [];
  if (inner === undefined) throw new PickleError('a string is not in quotes');
  const plain = inner.replace(/\\(?:x([0-9a-fA-F]{2})|(.))/g, (_, code: string, character: string) =>
    code ? String.fromCharCode(Number.parseInt(code, 16)) : (ESCAPES[character] ?? `\\${character}`),
  );
  return Uint8Array.from(plain, (character) => character.charCodeAt(0));
}

/** Decodes Python's raw-unicode-escape. */
function rawUnicode(text: string): string {
  return text.replace(
    /\\(?:u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8}))/g,
    (written, short: string, long: string) => {
      const code = Number.parseInt(short ?? long, 16);
      return code <= 0x10ffff ? String.fromCodePoint(code) : written;
    },
  );
}

function hex(byte: number): string {
  return `0x${byte.toString(16).padStart(2, '0')}`;
}
