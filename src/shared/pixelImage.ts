/** Decoded pixels: bytes [height, width, channels], row-major. 1 channel (gray) or 3 (RGB). */
export interface PixelImage {
  readonly pixels: Uint8Array;
  /** In pixels. */
  readonly height: number;
  readonly width: number;
  readonly channels: number;
}
