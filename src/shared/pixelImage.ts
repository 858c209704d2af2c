/** Decoded pixels: bytes [height, width, channels], row-major; 1 channel (grey) or 3 (RGB). */
export interface PixelImage {
  readonly pixels: Uint8Array;
  /** Pixels. */
  readonly height: number;
  readonly width: number;
  readonly channels: number;
}
