/**
 * Finds and ends what earlier attempts at a run left running. If a trainer is killed, its guard ends the command. The
 * next attempt makes sure of that before it starts the command again.
 */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import * as l10n from '@vscode/l10n';
import { z } from 'zod';
import { parseJson } from '../shared/parseJson';
import { UserError } from '../shared/userError';
import { readPlain } from '../system/plainFiles';
import { killTree, processesWithVariables } from '../system/processes';
import { processSpace, processSpaceSchema, processStart, relationOf } from '../system/processIdentity';
import { replaceFile } from '../system/replaceFile';
import { ATTEMPT, RUN } from './commandLine';

/** How long killed processes may take to end. One that a driver holds may never end. */
const END_MS = 30_000;
const POLL_MS = 20;

const recordSchema = z.object({
  pid: z.int().positive(),
  start: z.string().nullable(),
  space: processSpaceSchema,
});

const recordPath = (runFolder: string): string => join(runFolder, 'trainer.command');

/** Records which process a run's command is. */
export async function recordCommand(runFolder: string, pid: number): Promise<void> {
  const [start, space] = [await processStart(pid), await processSpace()];
  if (start === 'ended') return;
  await replaceFile(recordPath(runFolder), `${JSON.stringify({ pid, start, space })}\n`);
}

/** Removes the record of a command that has ended. */
export async function forgetCommand(runFolder: string): Promise<void> {
  await rm(recordPath(runFolder), { force: true });
}

/**
 * Kills every process on this machine that earlier attempts' commands left, and waits until all have ended.
 *
 * @returns whether there was any
 * @throws UserError if one does not end
 */
export function endEarlierCommands(runFolder: string): Promise<boolean> {
  return endAll(async () => {
    const marked = await processesWithVariables({ [RUN]: runFolder });
    const recorded = await recordedCommand(runFolder);
    return recorded === null ? marked : [...new Set([recorded, ...marked])];
  });
}

/**
 * Kills every process that an attempt's command left, and waits until all have ended. It must have ended itself, or its
 * trainer must have ended.
 *
 * @throws UserError if one does not end
 */
export async function endCommand(runFolder: string, attempt: number): Promise<void> {
  await endAll(() => processesWithVariables({ [RUN]: runFolder, [ATTEMPT]: `${attempt}` }));
}

async function endAll(find: () => Promise<readonly number[]>): Promise<boolean> {
  const until = performance.now() + END_MS;
  for (let found = false; ; found = true) {
    const pids = await find();
    const [first] = pids;
    if (first === undefined) return found;
    for (const pid of pids) await killTree(pid);
    if (performance.now() > until) throw remainsError(first);
    await delay(POLL_MS);
  }
}

/** The recorded process of a run's last command, if exactly that process still runs on this machine. */
async function recordedCommand(runFolder: string): Promise<number | null> {
  const text = await readPlain(recordPath(runFolder), 'utf8').catch(() => '');
  const { data } = recordSchema.safeParse(jsonOf(text));
  if (!data || data.start === null || data.pid === process.pid) return null;
  if (relationOf(data.space, await processSpace()) !== 'same') return null;
  return (await processStart(data.pid)) === data.start ? data.pid : null;
}

function jsonOf(text: string): unknown {
  try {
    return parseJson(text);
  } catch {
    return null;
  }
}

function remainsError(pid: number): UserError {
  return new UserError({
    what: l10n.t('The process {0} of an earlier attempt at this run cannot be ended.', pid),
    remedy: l10n.t('End it, then resume the run.'),
  });
}
