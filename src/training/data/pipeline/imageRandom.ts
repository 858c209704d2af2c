import { Random } from '../../random';

/** One drawing of an image in an epoch. */
export interface Drawing {
  readonly epoch: number;
  /** Its index in the split. */
  readonly image: number;
  /** How often the epoch has drawn it before. */
  readonly repeat: number;
}

/**
 * The random numbers of one image's augmentation. They depend on nothing else, so that they are the same on any number
 * of threads, and where a training goes on in the middle of an epoch.
 */
export function imageRandom(seed: number, { epoch, image, repeat }: Drawing): Random {
  return Random.seeded(seed, `augmentation ${epoch} ${image} ${repeat}`);
}

/** Of each place in an order, how often the image there has come before it; null where none comes twice. */
export function repeatsIn(order: Uint32Array, images: number): Uint32Array | null {
  const seen = new Uint32Array(images);
  let hasAny = false;
  const repeats = Uint32Array.from(order, (image) => {
    const before = seen[image]!++;
    hasAny ||= before > 0;
    return before;
  });
  return hasAny ? repeats : null;
}
