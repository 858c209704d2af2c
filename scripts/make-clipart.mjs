// @ts-check
// Makes the pictures of examples/clipart from Debian's package openclipart-png, whose pictures their authors put into
// the public domain: `node scripts/make-clipart.mjs` after `apt-get install openclipart-png`.
import { createHash } from 'node:crypto';
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { root } from './lib/processes.mjs';

const SOURCE = '/usr/share/openclipart/png';
const TARGET = join(root, 'examples/clipart');
/** The classes, and their source folders. */
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

/** A picture with a smaller share of inked pixels is nearly empty. */
const LEAST_INK = 0.03;
/** Pictures count as copies if their 8 x 8 gray values differ by at most this on average. */
const COPY_DIFFERENCE = 4;

/**
 * Returns a picture as it ships, without its margins, and its gray values for comparison. Null if it is nearly empty.
 * @param {string} file
 */
async function drawn(file) {
  const options = { limitInputPixels: false };
  const picture = await sharp(file, options)
    .flatten({ background: 'white' })
    .trim({ background: 'white' })
    .toBuffer();
  const jpeg = await sharp(picture, options)
    .resize(SIDE, SIDE, { fit: 'contain', background: 'white' })
    .jpeg({ quality: 88 })
    .toBuffer();
  const pixels = await sharp(jpeg).greyscale().raw().toBuffer();
  const ink = pixels.filter((value) => value < 240).length / pixels.length;
  const grays = await sharp(jpeg).greyscale().resize(8, 8, { fit: 'fill' }).raw().toBuffer();
  return ink < LEAST_INK ? null : { jpeg, grays };
}

/**
 * @param {Uint8Array} a
 * @param {Uint8Array} b
 */
function areCopies(a, b) {
  return (
    a.reduce((sum, value, index) => sum + Math.abs(value - (b[index] ?? 0)), 0) / a.length <= COPY_DIFFERENCE
  );
}

/**
 * Returns a class's files sorted by the hash of their path, which spreads them over all authors and is deterministic.
 * @param {string} folder
 */
async function filesOf(folder) {
  const entries = await readdir(join(SOURCE, folder), { recursive: true });
  const hash = (/** @type {string} */ name) => createHash('sha256').update(name).digest('hex');
  return entries
    .filter((name) => name.endsWith('.png'))
    .sort((a, b) => (hash(a) < hash(b) ? -1 : 1))
    .map((name) => join(SOURCE, folder, name));
}

await rm(TARGET, { recursive: true, force: true });
/** @type {Uint8Array[]} */
const known = [];
for (const [name, folder] of Object.entries(CLASSES)) {
  await mkdir(join(TARGET, name), { recursive: true });
  let count = 0;
  for (const file of await filesOf(folder)) {
    if (count === IMAGES_A_CLASS) break;
    const picture = await drawn(file);
    if (!picture || known.some((grays) => areCopies(grays, picture.grays))) continue;
    known.push(picture.grays);
    count++;
    await writeFile(join(TARGET, name, `${String(count).padStart(3, '0')}.jpg`), picture.jpeg);
  }
  console.log(`${name}: ${count} of ${folder}`);
}
