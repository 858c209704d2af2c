import { createWriteStream } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join, normalize } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { parseTarGzip } from 'nanotar';
import yauzl from 'yauzl';

/**
 * Unpacks entries of a zip archive: `placeOf` gives an entry's path below `folder`, or null to leave it out.
 *
 * @returns the bytes written
 */
export async function unpackZip(
  archive: string,
  folder: string,
  placeOf: (name: string) => string | null,
  signal: AbortSignal,
): Promise<number> {
  const zip = await yauzl.openPromise(archive);
  let bytes = 0;
  try {
    for await (const entry of zip.eachEntry()) {
      const place = entry.fileName.endsWith('/') ? null : placeOf(entry.fileName);
      if (place === null) continue;
      const path = inside(folder, place);
      await mkdir(dirname(path), { recursive: true });
      // Where the archive was made on a Unix, the upper half is the file's mode.
      const mode = (entry.externalFileAttributes >>> 16) & 0o777 || 0o644;
      await pipeline(await zip.openReadStreamPromise(entry), createWriteStream(path, { mode }), { signal });
      bytes += entry.uncompressedSize;
    }
    return bytes;
  } finally {
    zip.close();
  }
}

/** Unpacks the files of a small gzipped tar archive whose names begin with `prefix`, without it, into `folder`. */
export async function unpackTar(archive: string, folder: string, prefix: string): Promise<void> {
  for (const { name, data } of await parseTarGzip(await readFile(archive))) {
    if (!name.startsWith(prefix) || !data || name.endsWith('/')) continue;
    const path = inside(folder, name.slice(prefix.length));
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, data);
  }
}

/** A path below a folder, which no name in an archive may leave. */
function inside(folder: string, name: string): string {
  const path = join(folder, name);
  if (!path.startsWith(normalize(`${folder}/`))) throw new Error(`${name} would leave ${folder}`);
  return path;
}
