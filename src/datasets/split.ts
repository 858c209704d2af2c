import { createHash } from 'node:crypto';
import type { SplitOptions } from '../recipe/datasets';

/** Whether an image is a validation image, by its key alone. */
export function validationTest({ seed, validation }: SplitOptions): (key: string) => boolean {
  return (key) => {
    const hash = createHash('sha256').update(`${seed} ${key}`).digest();
    return hash.readUIntBE(0, 6) / 2 ** 48 < validation;
  };
}
