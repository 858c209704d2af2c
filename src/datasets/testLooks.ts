import { join } from 'node:path';
import { z } from 'zod';
import { isSystemError } from '../system/errors';
import { openPlain, readPlain } from '../system/plainFiles';
import { makeStoreFolder } from '../system/storeFolder';
import { indexesFolder } from './index/store';

/** A look at a data set's test split, which each is a chance to choose by it. */
export interface TestLook {
  readonly runId: string;
  /** Milliseconds since 1970. */
  readonly time: number;
}

const lookSchema = z.object({ runId: z.string(), time: z.number() });

/** The file that counts the looks at a data set's test split, beside its index: a line of JSON for each, append only. */
export const testLooksPath = (root: string, key: string): string =>
  join(indexesFolder(root), `${key}.test-looks.json`);

/**
 * Notes that a run was evaluated on the test split of the data set with this key.
 *
 * @throws the file system's error
 */
export async function recordLook(root: string, key: string, look: TestLook): Promise<void> {
  await makeStoreFolder(root, indexesFolder(root));
  // One write, so that those of two processes do not mix; on a line of its own also after one that was cut short.
  await using file = await openPlain(testLooksPath(root, key), 'a');
  await file.appendFile(`\n${JSON.stringify(look)}\n`);
}

/** The looks at a data set's test split, first to last; a line that is cut short, as by a full disk, is left out. */
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

/** How often a data set's test split was looked at. */
export async function countLooks(root: string, key: string): Promise<number> {
  return (await readLooks(root, key)).length;
}
