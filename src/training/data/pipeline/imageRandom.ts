import { Random } from '../../random';

/** One draw of an image in an epoch. */
export interface Drawing {
  readonly epoch: number;
  /** Its index in the split. */
  readonly image: number;
  /** How many times the epoch has drawn it before. */
  readonly repeat: number;
}

/**
 * Returns the random source for one image's augmentation. It depends on nothing else. The numbers are therefore the
 * same for any number of threads, and after training resumes in the middle of an epoch.
 */
export function imageRandom(seed: number, { epoch, image, repeat }: Drawing): Random {
  return Random.seeded(seed, `augmentation ${epoch} ${image} ${repeat}`);
}

/** Returns, for each position in an order, how many times its image occurred before. Null if no image occurs twice. */
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
