import type { NameTable } from './table';

/** Shared memory that grows in place (ES2024). Copying it would double a listing's peak memory. */
interface GrowableMemory extends SharedArrayBuffer {
  grow(bytes: number): void;
}
const GrowableMemory = SharedArrayBuffer as unknown as new (
  bytes: number,
  options: { maxByteLength: number },
) => GrowableMemory;

/** Address space reserved for names, in bytes. Memory is committed as it fills. */
const MAX_TEXT_BYTES = 2 ** 30;
/** The maximum number of listed images. */
const MAX_IMAGES = 2 ** 25;
const FIRST_BYTES = 2 ** 16;

/** An append-only buffer that grows. */
class GrowingBytes {
  private readonly memory: GrowableMemory;
  private view: Buffer;

  constructor(private readonly maxBytes: number) {
    this.memory = new GrowableMemory(FIRST_BYTES, { maxByteLength: maxBytes });
    this.view = Buffer.from(this.memory, 0, FIRST_BYTES);
  }

  /** Returns a view with room for at least this many bytes. Earlier views still show the same memory. */
  withRoom(bytes: number): Buffer {
    if (bytes > this.view.length) {
      this.memory.grow(Math.max(bytes, Math.min(this.maxBytes, this.view.length * 2)));
      this.view = Buffer.from(this.memory, 0, this.memory.byteLength);
    }
    return this.view;
  }

  get shared(): SharedArrayBuffer {
    return this.memory;
  }
}

/** Collects image names as they are found, without a copy at the end. */
export class NameTableBuilder {
  private readonly text = new GrowingBytes(MAX_TEXT_BYTES);
  private readonly starts = new GrowingBytes((MAX_IMAGES + 1) * 8);
  private endBytes = 0;
  private names = 0;

  get count(): number {
    return this.names;
  }

  /** @throws RangeError past a gibibyte of names or 33 million names */
  add(name: string): void {
    // UTF-8 takes at most three bytes per UTF-16 unit.
    const view = this.text.withRoom(this.endBytes + name.length * 3);
    this.endBytes += view.write(name, this.endBytes, 'utf8');
    this.names++;
    this.starts.withRoom((this.names + 1) * 8).writeDoubleLE(this.endBytes, this.names * 8);
  }

  /** Returns an added name. */
  at(index: number): string {
    const starts = this.starts.withRoom(0);
    const [start, end] = [starts.readDoubleLE(index * 8), starts.readDoubleLE((index + 1) * 8)];
    return this.text.withRoom(0).toString('utf8', start, end);
  }

  finish(): NameTable {
    return {
      text: new Uint8Array(this.text.shared, 0, this.endBytes),
      starts: new Float64Array(this.starts.shared, 0, this.names + 1),
    };
  }
}

/** Collects labels or other small numbers as images are found. */
export class LabelsBuilder {
  private readonly bytes = new GrowingBytes(MAX_IMAGES * 4);
  private labels = 0;

  add(label: number): void {
    this.bytes.withRoom((this.labels + 1) * 4).writeUInt32LE(label, this.labels * 4);
    this.labels++;
  }

  /** Returns an added label. */
  at(index: number): number {
    return this.bytes.withRoom(0).readUInt32LE(index * 4);
  }

  finish(): Uint32Array {
    return new Uint32Array(this.bytes.shared, 0, this.labels);
  }
}
