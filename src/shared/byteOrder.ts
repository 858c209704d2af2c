/** Whether this machine is big-endian. */
export const IS_BIG_ENDIAN = new Uint8Array(Uint16Array.of(1).buffer)[0] === 0;

/** Swaps the bytes of every value in place. */
export function swapBytes(bytes: Uint8Array, bytesPerValue: number): void {
  for (let start = 0; start < bytes.length; start += bytesPerValue) {
    bytes.subarray(start, start + bytesPerValue).reverse();
  }
}
