import { join } from 'node:path';
import { z } from 'zod';
import { isSystemError } from '../system/errors';
import { openPlain, readPlain } from '../system/plainFiles';
import { makeStoreFolder } from '../system/storeFolder';
import { indexesFolder } from './index/store';

/** One evaluation on a data set's test split. Each one is a chance to select a model by it. */
export interface TestLook {
  readonly runId: string;
  /** In milliseconds since 1970. */
  readonly time: number;
}

const lookSchema = z.object({ runId: z.string(), time: z.number() });

/**
 * Returns the file that records the evaluations on a data set's test split, next to its index. Append-only, one line of
 * JSON each.
 */
export const testLooksPath = (root: string, key: string): string =>
  join(indexesFolder(root), `${key}.test-looks.json`);

/**
 * Records that a run was evaluated on the test split of the data set with this key.
 *
 * @throws the file system's error
 */
export async function recordLook(root: string, key: string, look: TestLook): Promise<void> {
  await makeStoreFolder(root, indexesFolder(root));
  // A single write, so those of two processes do not interleave. The leading newline starts a new line even after a
  // truncated one.
  await using file = await openPlain(testLooksPath(root, key), 'a');
  await file.appendFile(`\n${JSON.stringify(look)}\n`);
}

/**
 * Reads the evaluations on a data set's test split, first to last. Skips a truncated line, for example after a full
 * disk.
 */
export async function readLooks(root: string, key: string): Promise<TestLook[]> {
  let text: string;
  try {
    text = await readPlain(testLooksPath(root, key), 'utf8');
  } catch (error) {
    if (isSystemError(error, 'ENOENT', 'ENOTDIR')) return [];
    throw error;
  }
  return text.split('\n').flatMap((line) => {
    if (line === '') return [];
    try {
      const look = lookSchema.safeParse(JSON.parse(line));
      return look.success ? [look.data] : [];
    } catch {
      return [];
    }
  });
}

/** Counts the evaluations on a data set's test split. */
export async function countLooks(root: string, key: string): Promise<number> {
  return (await readLooks(root, key)).length;
}
