import type { Random } from '../random';

/**
 * Returns an epoch's order in which all classes are equally frequent, up to a difference of one. It has as many entries
 * as there are images. Each class is drawn in random permutations, so that no image repeats before all of its class
 * were drawn. Classes without images are skipped. The same random state gives the same order.
 *
 * @param labels [images], each in [0, `classes`)
 * @returns [images] indices
 */
export function balancedOrder(
  labels: ArrayLike<number>,
  classes: number,
  random: Pick<Random, 'shuffle'>,
): Uint32Array {
  const members = membersOf(labels, classes).filter(({ length }) => length > 0);
  // Picks the classes with one extra image if the images do not divide evenly among the classes.
  const rank = Uint32Array.from(members, (_, index) => index);
  random.shuffle(rank);
  const order = new Uint32Array(labels.length);
  const least = Math.floor(order.length / members.length);
  const more = order.length % members.length;
  let end = 0;
  for (const [index, images] of members.entries()) {
    const quota = end + least + (rank[index]! < more ? 1 : 0);
    while (end < quota) {
      random.shuffle(images);
      const drawn = images.subarray(0, quota - end);
      order.set(drawn, end);
      end += drawn.length;
    }
  }
  random.shuffle(order);
  return order;
}

/** Returns the images of each class, by label, in order. */
function membersOf(labels: ArrayLike<number>, classes: number): Uint32Array[] {
  const ends = new Uint32Array(classes + 1);
  for (let image = 0; image < labels.length; image++) ends[labels[image]! + 1]!++;
  for (let label = 0; label < classes; label++) ends[label + 1]! += ends[label]!;
  const all = new Uint32Array(labels.length);
  const next = ends.slice();
  for (let image = 0; image < labels.length; image++) all[next[labels[image]!]!++] = image;
  return Array.from({ length: classes }, (_, label) => all.subarray(ends[label], ends[label + 1]));
}
