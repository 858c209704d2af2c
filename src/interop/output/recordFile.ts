import { ByteBuffer } from './byteBuffer';
import { viewOf } from './protobufReader';

/** A longer record is passed over: scalars are short, and images and graphs give no metric. */
const MAX_RECORD_BYTES = 1 << 24;

/** The length (8 bytes) and its checksum (4 bytes). */
const HEAD_BYTES = 12;
const CHECKSUM_BYTES = 4;

/** CRC-32C (Castagnoli, reflected polynomial 0x82f63b78) of each byte. */
const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
  return crc >>> 0;
});

/** Computes the checksum of a TFRecord file: a rotated CRC-32C, so that checksums of checksums stay useful. */
export function maskedCrc(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = CRC_TABLE[(crc ^ byte) & 0xff]! ^ (crc >>> 8);
  const plain = ~crc >>> 0;
  return (((plain >>> 15) | (plain << 17)) + 0xa282ead8) >>> 0;
}

/**
 * Splits a growing TFRecord file, such as TensorBoard's event files, into records
 * (https://www.tensorflow.org/tutorials/load_data/tfrecord). An unfinished record waits for its bytes. A wrong checksum
 * ends the file, because the start of the next record is unknown.
 */
export class RecordSplitter {
  readonly #pending = new ByteBuffer();
  /** Bytes of a record that is passed over. */
  #toSkip = 0;
  #isBroken = false;

  /** Returns the records that end in `bytes`, which follow the bytes of earlier calls. */
  push(bytes: Uint8Array): Uint8Array[] {
    const records: Uint8Array[] = [];
    if (this.#isBroken) return records;
    this.#pending.append(this.#unskipped(bytes));
    const all = this.#pending.view();
    let at = 0;
    for (;;) {
      const rest = all.subarray(at);
      if (rest.length < HEAD_BYTES) break;
      const view = viewOf(rest);
      if (maskedCrc(rest.subarray(0, 8)) !== view.getUint32(8, true)) {
        this.#isBroken = true;
        break;
      }
      const length = Number(view.getBigUint64(0, true));
      const end = HEAD_BYTES + length + CHECKSUM_BYTES;
      if (length > MAX_RECORD_BYTES) {
        this.#toSkip = Math.max(0, end - rest.length);
        at += Math.min(end, rest.length);
        continue;
      }
      if (rest.length < end) break;
      const record = rest.slice(HEAD_BYTES, HEAD_BYTES + length);
      if (maskedCrc(record) !== view.getUint32(HEAD_BYTES + length, true)) {
        this.#isBroken = true;
        break;
      }
      records.push(record);
      at += end;
    }
    if (this.#isBroken) this.#pending.clear();
    else if (at > 0) {
      const unfinished = all.slice(at);
      this.#pending.clear();
      this.#pending.append(unfinished);
    }
    return records;
  }

  #unskipped(bytes: Uint8Array): Uint8Array {
    const skipped = Math.min(this.#toSkip, bytes.length);
    this.#toSkip -= skipped;
    return bytes.subarray(skipped);
  }
}
