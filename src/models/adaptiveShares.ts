/**
 * How much of each output pixel's mean each input pixel is in PyTorch's adaptive average pool, along one axis: by
 * output, then by input pixel. Output pixel i is the mean of the pixels from floor(i extent / out) up to
 * ceil((i + 1) extent / out).
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
