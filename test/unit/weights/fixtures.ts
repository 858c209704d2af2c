import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** The path of a file that PyTorch wrote; test/fixtures/weights/make.py says what it holds. */
export function fixturePath(name: string): string {
  return join(import.meta.dirname, '..', '..', 'fixtures', 'weights', name);
}

export function fixture(name: string): Uint8Array {
  return new Uint8Array(readFileSync(fixturePath(name)));
}
