import { basename } from 'node:path';
import * as l10n from '@vscode/l10n';
import { Parser, type ReadEntry } from 'tar';
import { reasonOf } from '../../system/errors';
import { openRegular } from '../../system/regularFiles';
import { datasetError } from '../errors';
import type { ListingOptions } from '../listing';

export interface TarReading extends Pick<ListingOptions, 'signal' | 'onProgress'> {
  /** The files to read, as paths in the archive. */
  readonly wanted: ReadonlySet<string>;
  /** Larger files are not read. */
  readonly limitBytes: number;
  /** How to fix a damaged archive, for errors. */
  readonly remedy: string;
}

/**
 * Reads some files of a tar archive, gzipped or not, into memory. Writes nothing to disk, so no path in the archive can
 * escape. Does not follow links.
 *
 * @returns the files found, by path
 * @throws UserError if the archive cannot be read; the signal's reason if aborted
 */
export async function tarContents(
  path: string,
  { wanted, limitBytes, remedy, signal, onProgress }: TarReading,
): Promise<Map<string, Uint8Array>> {
  signal?.throwIfAborted();
  const contents = new Map<string, Uint8Array>();
  const isWanted = ({ path: member, type, size }: ReadEntry) =>
    (type === 'File' || type === 'OldFile') && wanted.has(pathOf(member)) && size <= limitBytes;
  try {
    const handle = await openRegular(path);
    const { size } = await handle.stat();
    let readBytes = 0;
    await new Promise<void>((resolve, reject) => {
      const file = handle.createReadStream({ highWaterMark: 1 << 20, signal });
      const parser = new Parser({
        strict: true,
        onReadEntry: (entry) => {
          const parts: Uint8Array[] = [];
          const isKept = isWanted(entry);
          entry.on('data', (part) => void (isKept && parts.push(part)));
          entry.on('end', () => void (isKept && contents.set(pathOf(entry.path), Buffer.concat(parts))));
        },
      });
      const fail = (error: unknown) => {
        file.destroy();
        reject(error);
      };
      file.on('error', fail);
      file.on('data', (part) => {
        readBytes += part.length;
        onProgress?.(basename(path), readBytes / size);
      });
      parser.on('error', fail);
      parser.on('end', () => resolve());
      file.pipe(parser);
    });
  } catch (error) {
    signal?.throwIfAborted();
    const what = l10n.t('The archive cannot be read: {0}.', reasonOf(error));
    throw datasetError(path, what, remedy, { cause: error });
  }
  signal?.throwIfAborted();
  return contents;
}

function pathOf(member: string): string {
  return member.replace(/^\.\//, '');
}
