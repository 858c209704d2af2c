/** Finds the processes of the command that trains a run. They outlive a trainer that was killed, until they are ended. */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { parseJson } from '../../shared/parseJson';
import { readPlain } from '../../system/plainFiles';
import { processesWithVariables } from '../../system/processes';
import { processSpace, processSpaceSchema, processStart, relationOf } from '../../system/processIdentity';
import { replaceFile } from '../../system/replaceFile';

/** The variables that mark the processes of a command: with its run's folder, and the number of the attempt. */
export const RUN = 'BAG_OF_TRICKS_RUN';
export const ATTEMPT = 'BAG_OF_TRICKS_ATTEMPT';

const recordSchema = z.object({
  pid: z.int().positive(),
  start: z.string().nullable(),
  space: processSpaceSchema,
  attempt: z.int().positive().optional(),
});

const recordPath = (runFolder: string): string => join(runFolder, 'trainer.command');

/** Records which process a run's command is. */
export async function recordCommand(runFolder: string, attempt: number, pid: number): Promise<void> {
  const [start, space] = [await processStart(pid), await processSpace()];
  if (start === 'ended') return;
  await replaceFile(recordPath(runFolder), `${JSON.stringify({ pid, start, space, attempt })}\n`);
}

/** Removes the record of a command that has ended. */
export async function forgetCommand(runFolder: string): Promise<void> {
  await rm(recordPath(runFolder), { force: true });
}

/**
 * Returns the processes on this machine of a run's commands, other than this one.
 *
 * @param runFolder its real path
 */
export async function commandProcesses(runFolder: string): Promise<readonly number[]> {
  const marked = await processesWithVariables({ [RUN]: runFolder });
  const recorded = await recordedCommand(runFolder);
  return recorded === null ? marked : [...new Set([recorded.pid, ...marked])];
}

/**
 * Returns the processes on this machine that an attempt's command started and that inherited its variables, other than
 * this one.
 *
 * @param runFolder the run's real path
 */
export function processesOfAttempt(runFolder: string, attempt: number): Promise<readonly number[]> {
  return processesWithVariables({ [RUN]: runFolder, [ATTEMPT]: `${attempt}` });
}

/**
 * Whether the command of an attempt, or something that it started, still runs on this machine.
 *
 * @param runFolder the run's real path
 */
export async function hasCommand(runFolder: string, attempt: number): Promise<boolean> {
  if ((await recordedCommand(runFolder))?.attempt === attempt) return true;
  return (await processesOfAttempt(runFolder, attempt)).length > 0;
}

/** The recorded process of a run's last command, if exactly that process still runs on this machine. */
async function recordedCommand(
  runFolder: string,
): Promise<{ readonly pid: number; readonly attempt?: number | undefined } | null> {
  const text = await readPlain(recordPath(runFolder), 'utf8').catch(() => '');
  const { data } = recordSchema.safeParse(jsonOf(text));
  if (!data || data.start === null || data.pid === process.pid) return null;
  if (relationOf(data.space, await processSpace()) !== 'same') return null;
  return (await processStart(data.pid)) === data.start ? data : null;
}

function jsonOf(text: string): unknown {
  try {
    return parseJson(text);
  } catch {
    return null;
  }
}
