// @ts-check
// Makes the pictures of examples/clipart from Debian's package openclipart-png, whose pictures their authors put into
// the public domain: `node scripts/make-clipart.mjs` after `apt-get install openclipart-png`.
import { createHash } from 'node:crypto';
import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { root } from './lib/processes.mjs';

const SOURCE = '/usr/share/openclipart/png';
const TARGET = join(root, 'examples/clipart');
/** The classes, and the folders that they come from. */
const CLASSES = {
  animals: 'animals',
  flags: 'signs_and_symbols/flags',
  food: 'food',
  people: 'people',
  plants: 'plants',
  tools: 'tools',
  transportation: 'transportation',
};
const IMAGES_A_CLASS = 150;
const SIDE = 64;

/**
 * The same choice each time, spread over all authors: files by the hash of their path.
 * @param {string} folder
 */
async function chosen(folder) {
  const entries = await readdir(join(SOURCE, folder), { recursive: true });
  const files = entries.filter((name) => name.endsWith('.png'));
  const hash = (/** @type {string} */ name) => createHash('sha256').update(name).digest('hex');
  return files
    .sort((a, b) => (hash(a) < hash(b) ? -1 : 1))
    .slice(0, IMAGES_A_CLASS)
    .map((name) => join(SOURCE, folder, name));
}

await rm(TARGET, { recursive: true, force: true });
for (const [name, folder] of Object.entries(CLASSES)) {
  await mkdir(join(TARGET, name), { recursive: true });
  const files = await chosen(folder);
  for (const [index, file] of files.entries()) {
    const drawn = await sharp(file, { limitInputPixels: false })
      .flatten({ background: 'white' })
      .trim({ background: 'white' })
      .toBuffer();
    await sharp(drawn, { limitInputPixels: false })
      .resize(SIDE, SIDE, { fit: 'contain', background: 'white' })
      .jpeg({ quality: 88 })
      .toFile(join(TARGET, name, `${String(index + 1).padStart(3, '0')}.jpg`));
  }
  console.log(`${name}: ${files.length} of ${folder}`);
}
