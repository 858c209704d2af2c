import { createWriteStream } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { dirname, join, normalize } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { extract } from 'tar';
import yauzl from 'yauzl';

/**
 * Unpacks entries of a zip archive: `pathOf` gives an entry's path below `folder`, or null to leave it out.
 *
 * @returns the bytes written
 */
export async function unpackZip(
  archive: string,
  folder: string,
  pathOf: (name: string) => string | null,
  signal: AbortSignal,
): Promise<number> {
  const zip = await yauzl.openPromise(archive);
  let bytes = 0;
  try {
    for await (const entry of zip.eachEntry()) {
      const place = entry.fileName.endsWith('/') ? null : pathOf(entry.fileName);
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

/**
 * Unpacks those entries of a gzipped tar archive whose path there `isWanted`, with that path below `folder`. A link to
 * a link is an error.
 *
 * @returns the bytes of the files
 */
export async function unpackTar(
  archive: string,
  folder: string,
  isWanted: (path: string) => boolean,
): Promise<number> {
  let bytes = 0;
  await mkdir(folder, { recursive: true });
  await extract({
    file: archive,
    cwd: folder,
    strict: true,
    filter: (path) => isWanted(path.replace(/^\.\//, '')),
    onReadEntry: ({ size }) => {
      bytes += size;
    },
  });
  return bytes;
}

/** A path below a folder, which no name in an archive may leave. */
function inside(folder: string, name: string): string {
  const path = join(folder, name);
  if (!path.startsWith(normalize(`${folder}/`))) throw new Error(`${name} would leave ${folder}`);
  return path;
}
