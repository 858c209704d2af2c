/** Why an image cannot be used; all of them keep it out of a training. */
export type ImageErrorKind =
  /** No image, or a damaged or truncated one. */
  | 'unreadable'
  /** An image of a format, or of a kind within its format, that is not read. */
  | 'unsupported'
  /** More pixels than any photo has: a decompression bomb. */
  | 'too_large'
  /** A file of no bytes. */
  | 'empty';

/** An image that cannot be used, with a sentence that says why and one that says what to do; not where it lies. */
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
