import { LineSplitter } from '../../../../src/interop/output/lines';
import type { OutputReader, Reading } from '../../../../src/interop/output/reading';

/** Splits bytes into chunks of these sizes. A size of 0 gives an empty chunk, and the last chunk has the rest. */
export function chunked(bytes: Uint8Array, sizes: Iterable<number>): Uint8Array[] {
  const chunks: Uint8Array[] = [];
  let start = 0;
  for (const size of sizes) {
    if (start >= bytes.length) break;
    chunks.push(bytes.subarray(start, start + size));
    start += size;
    if (chunks.length > 3 * bytes.length + 10) break;
  }
  return [...chunks, bytes.subarray(start)];
}

/** Returns the readings of a stream that arrives in these chunks. A whole file is read after each chunk. */
export function readingsOf(reader: OutputReader, ...chunks: readonly Uint8Array[]): Reading[] {
  const splitter = new LineSplitter();
  switch (reader.from) {
    case 'lines':
      return [...chunks.flatMap((chunk) => splitter.push(chunk)), ...splitter.end()].flatMap((line) =>
        reader.read(line),
      );
    case 'whole':
      return [...reader.read(Buffer.concat(chunks).toString('utf8'))];
    case 'bytes':
      return chunks.flatMap((chunk) => reader.read(chunk));
  }
}

/** Returns the readings of a text. */
export function readingsOfText(reader: OutputReader, text: string): Reading[] {
  return readingsOf(reader, new TextEncoder().encode(text));
}
