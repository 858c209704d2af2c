import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { onTestFinished } from 'vitest';
import { UserError } from '../../../src/shared/userError';
import { type Fingerprint, IDX_FILE_NAMES, type IdxFileName } from '../../../src/training/data/idxFolder';

/** Creates a folder that is deleted after the test. */
export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'bag-of-tricks-data-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** Builds an IDX file of unsigned bytes from the format's specification. */
export function idxBytes(dimensions: readonly number[], values: Uint8Array): Buffer {
  const sizes = dimensions.map((size) => [size >>> 24, (size >>> 16) & 255, (size >>> 8) & 255, size & 255]);
  return Buffer.concat([Buffer.from([0, 0, 8, dimensions.length]), Buffer.from(sizes.flat()), values]);
}

export function fingerprint(content: Uint8Array): Fingerprint {
  return { bytes: content.length, sha256: createHash('sha256').update(content).digest('hex') };
}

/** A data set of six training and two test images of 2 x 3 pixels, by file name. */
export const SMALL: Readonly<Record<IdxFileName, Buffer>> = {
  'train-images-idx3-ubyte': idxBytes(
    [6, 2, 3],
    Uint8Array.from({ length: 36 }, (_, i) => i * 7),
  ),
  'train-labels-idx1-ubyte': idxBytes([6], Uint8Array.from([5, 4, 3, 2, 1, 0])),
  't10k-images-idx3-ubyte': idxBytes(
    [2, 2, 3],
    Uint8Array.from({ length: 12 }, (_, i) => 255 - i),
  ),
  't10k-labels-idx1-ubyte': idxBytes([2], Uint8Array.from([9, 8])),
};

export const SMALL_FILES = Object.fromEntries(
  IDX_FILE_NAMES.map((name) => [name, fingerprint(SMALL[name])]),
) as Record<IdxFileName, Fingerprint>;

/** Writes the small data set to a folder, gzipped, and returns the folder. */
export async function smallFolder(): Promise<string> {
  const folder = await temporaryFolder();
  for (const name of IDX_FILE_NAMES) await writeFile(join(folder, `${name}.gz`), gzipSync(SMALL[name]));
  return folder;
}

/** A data set error: `where: what`, and the remedy. */
export interface DatasetFailure {
  readonly where: string;
  readonly what: string;
  readonly remedy: string;
}

export function datasetFailure({ failure: { what, remedy } }: UserError): DatasetFailure {
  const [where = '', ...rest] = what.split(': ');
  return { where, what: rest.join(': '), remedy };
}

/** Returns the content of the UserError that `work` fails with. Any other outcome fails the test. */
export async function datasetErrorOf(work: Promise<unknown>): Promise<DatasetFailure> {
  const outcome = await work.then(
    () => new Error('The work succeeded.'),
    (error: unknown) => error,
  );
  if (outcome instanceof UserError) return datasetFailure(outcome);
  throw outcome;
}
