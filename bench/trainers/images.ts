import { copyFileSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

/** Pictures per class: a few for training, and fewer for validation. */
const SPLITS = { train: 8, val: 4 } as const;

/** Number of classes of the drawings. The programs need five for their top-5 accuracy. */
export const CLASSES = 7;

/** Copies a few drawings to `train` and `val`, with a folder per class, as all three programs read them. */
export function copyImages(drawings: string, folder: string): void {
  for (const name of readdirSync(drawings)) {
    const pictures = readdirSync(join(drawings, name)).sort();
    let from = 0;
    for (const [split, count] of Object.entries(SPLITS)) {
      const target = join(folder, split, name);
      mkdirSync(target, { recursive: true });
      for (const picture of pictures.slice(from, from + count)) {
        copyFileSync(join(drawings, name, picture), join(target, picture));
      }
      from += count;
    }
  }
}
