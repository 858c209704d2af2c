import { open, rm } from 'node:fs/promises';
import * as l10n from '@vscode/l10n';
import { z } from 'zod';
import { parseJson } from '../shared/parseJson';
import { UserError } from '../shared/userError';
import { isSystemError } from '../system/errors';
import { readPlain } from '../system/plainFiles';
import { processSpace, processStart, relationOf } from '../system/processIdentity';

const holderSchema = z.object({
  pid: z.number(),
  start: z.string().nullable(),
  space: z.object({
    host: z.string(),
    machine: z.string().nullable(),
    boot: z.string().nullable(),
    namespace: z.string().nullable(),
  }),
});
type Holder = z.infer<typeof holderSchema>;

/**
 * Takes a file as a lock of this process: one process at a time runs a search. That of a process that is gone is taken over.
 *
 * @returns what gives it up
 * @throws UserError where another process has it, or may have it on another machine
 */
export async function takeLock(path: string): Promise<() => Promise<void>> {
  const own: Holder = {
    pid: process.pid,
    start: await processStart(process.pid),
    space: await processSpace(),
  };
  for (let attempt = 1; attempt <= 2; attempt++) {
    try {
      const file = await open(path, 'wx');
      try {
        await file.writeFile(`${JSON.stringify(own)}\n`);
      } finally {
        await file.close();
      }
      return () => rm(path, { force: true });
    } catch (error) {
      if (!isSystemError(error, 'EEXIST')) throw error;
      if (!(await isLeft(path, own))) break;
      await rm(path, { force: true });
    }
  }
  throw new UserError({
    what: l10n.t('Another process runs this search.'),
    remedy: l10n.t('Stop it first. If none does, delete {0}.', path),
  });
}

/** Whether the process that took a lock is gone for sure. */
async function isLeft(path: string, own: Holder): Promise<boolean> {
  let holder: Holder;
  try {
    holder = holderSchema.parse(parseJson(await readPlain(path, 'utf8')));
  } catch {
    return false;
  }
  const relation = relationOf(holder.space, own.space);
  if (relation !== 'same') return relation === 'ended';
  const start = await processStart(holder.pid);
  return start === 'ended' || (start !== null && holder.start !== null && start !== holder.start);
}
