/**
 * Returns the weights of PyTorch's adaptive average pooling along one axis, indexed by output pixel, then input pixel.
 * Output pixel i is the mean of the pixels from floor(i extent / out) up to ceil((i + 1) extent / out).
 */
export function adaptiveShares(extent: number, out: number): number[][] {
  return Array.from({ length: out }, (_, index) => {
    const first = Math.floor((index * extent) / out);
    const end = Math.ceil(((index + 1) * extent) / out);
    return Array.from({ length: extent }, (_, pixel) =>
      pixel >= first && pixel < end ? 1 / (end - first) : 0,
    );
  });
}
