// Draws the Fashion-MNIST sample that ships in the package: 1,200 training and 200 test images of each of the ten
// classes, from the full set in FOLDER (by default the folder of the Debian package dataset-fashion-mnist).
//
//     node scripts/make-sample.mjs [FOLDER]
//
// The draw needs no random numbers. It sorts the images of a class by the SHA-256 of their pixels and takes the first
// ones, so the same images give the same sample on every machine. Classes alternate, label 0 to 9 and round again, so
// every prefix of the sample is balanced. The manifest's checksums cover the IDX content, because gzip's output differs
// between versions of zlib.
import { createHash } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync, gzipSync } from 'node:zlib';

const CLASSES = 10;
const PIXELS = 28 * 28;
const SPLITS = [
  { name: 'train', imagesPerClass: 1200 },
  { name: 't10k', imagesPerClass: 200 },
];

const source = process.argv[2] ?? '/usr/share/datasets/fashion-mnist';
const target = fileURLToPath(new URL('../data/fashion-mnist-sample/', import.meta.url));

const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex');

async function readContent(name) {
  return gunzipSync(await readFile(join(source, `${name}.gz`)));
}

/** Returns the chosen images' indices in the full split, with alternating classes. */
function choose(images, labels, imagesPerClass) {
  const byClass = Array.from({ length: CLASSES }, () => []);
  for (const [index, label] of labels.entries()) {
    const pixels = images.subarray(index * PIXELS, (index + 1) * PIXELS);
    byClass[label].push({ index, key: sha256(pixels) });
  }
  for (const members of byClass) {
    members.sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : a.index - b.index));
  }
  return Array.from(
    { length: imagesPerClass * CLASSES },
    (_, position) => byClass[position % CLASSES][Math.floor(position / CLASSES)].index,
  );
}

/** Returns an IDX header: unsigned bytes, and the size of each dimension. */
function idxHeader(...dimensions) {
  const header = Buffer.alloc(4 + 4 * dimensions.length);
  header.set([0, 0, 0x08, dimensions.length]);
  for (const [axis, size] of dimensions.entries()) header.writeUInt32BE(size, 4 + 4 * axis);
  return header;
}

await mkdir(target, { recursive: true });
const files = {};
for (const { name, imagesPerClass } of SPLITS) {
  const images = (await readContent(`${name}-images-idx3-ubyte`)).subarray(16);
  const labels = (await readContent(`${name}-labels-idx1-ubyte`)).subarray(8);
  const chosen = choose(images, labels, imagesPerClass);
  const contents = {
    [`${name}-images-idx3-ubyte`]: Buffer.concat([
      idxHeader(chosen.length, 28, 28),
      ...chosen.map((index) => images.subarray(index * PIXELS, (index + 1) * PIXELS)),
    ]),
    [`${name}-labels-idx1-ubyte`]: Buffer.concat([
      idxHeader(chosen.length),
      Buffer.from(chosen.map((index) => labels[index])),
    ]),
  };
  for (const [file, content] of Object.entries(contents)) {
    await writeFile(join(target, `${file}.gz`), gzipSync(content, { level: 9 }));
    files[file] = { bytes: content.length, sha256: sha256(content) };
  }
}
const manifest = {
  name: 'fashion-mnist-sample',
  source: 'https://github.com/zalandoresearch/fashion-mnist',
  files,
};
await writeFile(join(target, 'manifest.json'), `${JSON.stringify(manifest, null, 2)}\n`);
