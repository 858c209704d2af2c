/** The result of decoding bytes as text, or the reason why they are not text. */
export type Utf8Reading =
  | { readonly ok: true; readonly text: string }
  | { readonly ok: false; readonly why: 'utf16' }
  /** The first invalid byte, and its line, counted from 1. */
  | { readonly ok: false; readonly why: 'byte'; readonly byte: number; readonly line: number };

/** The number of bytes or characters of a file that reveal its encoding. */
export const SEEN = 1000;

/**
 * Whether at least a quarter of the bytes, or of the character codes, are 0. In English text in UTF-16, every second
 * byte is.
 */
export function isHalfZeros(codes: ArrayLike<number>): boolean {
  const zeros = Array.from(codes).filter((code) => code === 0).length;
  return zeros > 0 && zeros >= codes.length / 4;
}

/** Decodes UTF-8 and keeps a byte order mark, because editors count it. */
export function readUtf8(bytes: Uint8Array): Utf8Reading {
  const [first, second] = bytes;
  const isMarked = (first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff);
  const isUtf16 = isMarked || isHalfZeros(bytes.subarray(0, SEEN));
  if (isUtf16) return { ok: false, why: 'utf16' };
  try {
    return { ok: true, text: new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes) };
  } catch {
    const at = firstWrongByte(bytes);
    const line = bytes.subarray(0, at).reduce((lines, byte) => lines + (byte === 0x0a ? 1 : 0), 1);
    return { ok: false, why: 'byte', byte: bytes[at] ?? 0, line };
  }
}

/** Returns the offset of the first byte that is not valid UTF-8. */
function firstWrongByte(bytes: Uint8Array): number {
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  for (let at = 0; at < bytes.length; ) {
    const lead = bytes[at]!;
    const length = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    try {
      if (length > 1) decoder.decode(bytes.subarray(at, at + length));
    } catch {
      return at;
    }
    at += length;
  }
  return bytes.length;
}
