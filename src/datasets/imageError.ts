/** Why an image cannot be used. Each kind excludes the image from training. */
export type ImageErrorKind =
  /** Not an image, or a damaged or truncated one. */
  | 'unreadable'
  /** An unsupported format, or an unsupported variant of a supported format. */
  | 'unsupported'
  /** More pixels than any photo: a decompression bomb. */
  | 'too_large'
  /** An empty file. */
  | 'empty';

/** An image that cannot be used. Has one sentence on the reason and one on the remedy, but no location. */
export class ImageError extends Error {
  override readonly name = 'ImageError';

  constructor(
    readonly kind: ImageErrorKind,
    readonly reason: string,
    readonly remedy: string,
  ) {
    super(reason);
  }
}
